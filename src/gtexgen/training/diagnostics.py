"""How a generator keeps the variance of real samples, where its samples lie, and what its latents do.

All of it is measured on held-out samples, with the weights and the prior that are saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from gtexgen.data.atomic import atomic_file
from gtexgen.data.training_part import SamplePart
from gtexgen.errors import GeneratorError
from gtexgen.generator import Generator, NetworkGenerator
from gtexgen.generator.counts import combination_numbers, count_combinations
from gtexgen.models.totals import LatentMoments, LatentTotals
from gtexgen.training.realism import REALISM, measure_realism
from gtexgen.training.spread import Spread

__all__ = ["KINDS", "METRICS", "Diagnostics", "Kind", "diagnose"]

Kind: TypeAlias = Literal["real", "reconstructed", "generated", "generated_without_noise"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The samples whose variances are compared; all but the first are the model's."""

METRICS = (
    "val/variance_kept",
    "val/variance_kept_within",
    "val/variance_kept_within_without_noise",
    "val/variance_loss",
    *REALISM,
)
"""The names of the figures that stand beside the other validation metrics."""

WITH_NOISE: dict[Kind, bool] = {"generated": True, "generated_without_noise": False}

SEED = 0x7661_7269
ROWS = 256
CONSTANT = 1e-12  # in squared log2 units


@dataclass(frozen=True, eq=False)
class Diagnostics:
    """What was measured.

    Attributes
    ----------
    latents
        A row a latent: ``latent`` (from 0), ``kl`` (nats), ``variance_of_mean``, ``mean_variance``, ``variance_law``
        and ``active``; see `gtexgen.models.totals.LatentMoments`. None where the model has no latents.
    genes
        A row a gene and scale: ``label``, ``scale``, then for each of `KINDS` its variance over all samples and, under
        the same name with ``_within``, its variance about the means of the conditions; NaN where undefined. The scale
        ``log2`` is log2(x + 1) of store units, whatever the settings; ``model`` is the model's own.
    notes
        Why figures are undefined, or leave something out.
    realism
        Those of `gtexgen.training.realism.REALISM` that are defined.
    """

    latents: pd.DataFrame | None
    genes: pd.DataFrame
    notes: list[str]
    realism: Mapping[str, float] = field(default_factory=dict)

    def variance_kept(self, kind: Kind, *, within: bool) -> pd.Series:
        """Give the variance of one kind over that of the real samples, by gene, of the genes that vary in these.

        It is taken on log2(x + 1), which no setting changes; as a ratio it compares genes.

        Parameters
        ----------
        kind
            One of `KINDS`.
        within
            About the means of the conditions; otherwise over all samples, where the differences between conditions,
            which are easily learnt, hide what is lost.
        """
        suffix = "_within" if within else ""
        varying = self._log2[self._log2[f"real{suffix}"] > CONSTANT]
        return (varying[f"{kind}{suffix}"] / varying[f"real{suffix}"]).dropna()

    def variance_loss(self, kind: Kind) -> float | None:
        """Give the mean over genes of Var(real) - Var(kind) on log2(x + 1), over all samples (arXiv 2002.09860)."""
        return _defined((self._log2["real"] - self._log2[kind]).mean(skipna=False))

    @property
    def metrics(self) -> dict[str, float]:
        """Those of `METRICS` that are defined: the variance kept is a median over genes."""
        values = (
            _median(self.variance_kept("generated", within=False)),
            _median(self.variance_kept("generated", within=True)),
            _median(self.variance_kept("generated_without_noise", within=True)),
            self.variance_loss("generated"),
            *map(self.realism.get, REALISM),
        )
        return {name: value for name, value in zip(METRICS, values, strict=True) if value is not None}

    def summary(self) -> dict[str, Any]:
        """Give plain values for a JSON file, None where undefined: medians over genes, sums or means over latents."""
        models = KINDS[1:]
        return _latent_summary(self.latents) | {
            "genes": len(self._log2),
            "variance_kept": {kind: _median(self.variance_kept(kind, within=False)) for kind in models},
            "variance_kept_within": {kind: _median(self.variance_kept(kind, within=True)) for kind in models},
            "variance_loss": {kind: self.variance_loss(kind) for kind in models},
            "realism": {name.removeprefix("val/"): self.realism.get(name) for name in REALISM},
            "notes": self.notes,
        }

    def write(self, folder: Path) -> None:
        """Write ``genes.parquet`` and, where there are latents, ``latents.parquet`` into `folder`, NaN as null."""
        tables = {"genes": self.genes} | ({} if self.latents is None else {"latents": self.latents})
        for name, table in tables.items():
            with atomic_file(folder / f"{name}.parquet") as path:
                table.to_parquet(path, index=False)

    @property
    def _log2(self) -> pd.DataFrame:
        return self.genes[self.genes["scale"] == "log2"].set_index("label")


def diagnose(generator: Generator, part: SamplePart) -> Diagnostics:
    """Compare a generator with samples that it was not trained on.

    Reconstructions are the decoded means of one posterior draw a sample; a baseline has none. Generated samples have
    the conditions of the real ones, sample for sample, and come as `Generator.iter_samples` gives them, from a fixed
    seed; real ones whose conditions it cannot draw are left out. The part is read in blocks; what is held in memory
    grows with the number of conditions times genes.

    Parameters
    ----------
    generator
        As it is to be saved.
    part
        Held-out samples.
    """
    part, notes = _drawable(generator, part)
    conditions = count_combinations(part.samples, generator.fields)
    latents: pd.DataFrame | None = None
    if isinstance(generator, NetworkGenerator):
        latents, variances = _encoded_and_decoded(generator, part, conditions)
    else:
        variances = _read(generator, part, conditions)
    for kind, noise in WITH_NOISE.items():
        spread = Spread(generator, conditions)
        try:
            spread.add_all(generator, seed=SEED, noise=noise)
        except GeneratorError as error:
            spread = Spread(generator, conditions)
            notes.append(f"{kind}: {error}")
        variances |= spread.columns(kind)
    try:
        realism = measure_realism(generator, part)
    except GeneratorError:
        realism = {}  # the note of what was generated says why
    n_genes = len(generator.genes)
    keys = {"label": generator.labels * 2, "scale": ["log2"] * n_genes + ["model"] * n_genes}
    genes = pd.DataFrame(keys | variances)
    return Diagnostics(latents, genes, [*_notes(genes, conditions), *notes], realism)


@torch.inference_mode()
def _encoded_and_decoded(
    generator: NetworkGenerator, part: SamplePart, conditions: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, npt.NDArray[np.float64]]]:
    """Take real samples through encoder and decoder: what the latents do, and the variances on both ends."""
    networks, device = generator.networks, generator.device
    noise = torch.Generator().manual_seed(SEED)
    totals = LatentTotals()
    real, reconstructed = Spread(generator, conditions), Spread(generator, conditions)
    start = 0
    for block in part.blocks():
        for scaled in block.split(ROWS):
            rows = slice(start, start + len(scaled))
            start = rows.stop
            expression, condition = scaled.to(device), part.condition[rows].to(device)
            posterior = networks.infer(expression, condition)
            totals.add(posterior, networks.prior.kl(posterior, condition))
            output = networks.decode(posterior.sample(noise), condition)
            decoded = networks.likelihood.reconstruct(output, expression)
            samples = part.samples.iloc[rows]
            real.add(samples, generator.scaling.unscale(scaled.numpy()))
            reconstructed.add(samples, generator.to_store_units(decoded.cpu().numpy()))
    latents = _latent_table(totals.moments(lambda sums: sums))
    return latents, {**real.columns("real"), **reconstructed.columns("reconstructed")}


def _read(generator: Generator, part: SamplePart, conditions: pd.DataFrame) -> dict[str, npt.NDArray[np.float64]]:
    """Take the variances of real samples, where there is nothing to reconstruct them with."""
    real = Spread(generator, conditions)
    start = 0
    for block in part.blocks():
        real.add(part.samples.iloc[start : start + len(block)], generator.scaling.unscale(block.numpy()))
        start += len(block)
    return {**real.columns("real"), **Spread(generator, conditions).columns("reconstructed")}


def _drawable(generator: Generator, part: SamplePart) -> tuple[SamplePart, list[str]]:
    """Leave out samples whose conditions the generator cannot draw, and say so."""
    drawable = combination_numbers(part.samples, generator.training_counts) >= 0
    if generator.extrapolates or drawable.all():
        return part, []
    kept = torch.from_numpy(drawable)

    def blocks() -> Iterator[Tensor]:
        start = 0
        for block in part.blocks():
            chosen = block[kept[start : start + len(block)]]
            start += len(block)
            if len(chosen):
                yield chosen

    note = f"{(~drawable).sum()} held-out samples are left out: training has none of their combinations of conditions"
    return SamplePart(part.samples[drawable], part.condition[kept], blocks), [note]


def _latent_table(moments: LatentMoments) -> pd.DataFrame:
    columns = {**moments._asdict(), "variance_law": moments.variance_law, "active": moments.active}
    table = pd.DataFrame({name: values.numpy() for name, values in columns.items()})
    return table.rename_axis("latent").reset_index()


def _latent_summary(latents: pd.DataFrame | None) -> dict[str, Any]:
    if latents is None:
        return {}
    return {
        "latents": len(latents),
        "active_latents": int(latents["active"].sum()),
        "kl": float(latents["kl"].sum()),
        "variance_law": float(latents["variance_law"].mean()),
    }


def _notes(genes: pd.DataFrame, conditions: pd.DataFrame) -> list[str]:
    log2 = genes[genes["scale"] == "log2"]
    single = int((conditions["n"] == 1).sum())
    constant = int((log2["real"] <= CONSTANT).sum())
    constant_within = int((log2["real_within"] <= CONSTANT).sum())
    notes = []
    if conditions["n"].sum() < 2:
        notes.append("a single held-out sample has no variance")
    if conditions["n"].max() < 2:
        notes.append("no condition has two held-out samples: variances within conditions are undefined")
    elif single:
        notes.append(
            f"{single} of {len(conditions)} conditions have one held-out sample: it is left out within conditions"
        )
    if constant:
        notes.append(f"{constant} of {len(log2)} genes are constant over all held-out samples: their ratio is left out")
    if constant_within:
        notes.append(
            f"{constant_within} of {len(log2)} genes are constant within each condition: their ratio is left out"
        )
    return notes


def _median(ratios: pd.Series) -> float | None:
    return _defined(ratios.median())


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
