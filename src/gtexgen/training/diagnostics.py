"""How well a generator keeps the variance of real samples, gene by gene, and what its latents do.

All of it is measured on held-out samples, with the weights and the prior that are saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from gtexgen.data.atomic import atomic_file
from gtexgen.data.scaling import Scaling
from gtexgen.data.training_part import SamplePart
from gtexgen.errors import GeneratorError
from gtexgen.generator import Generator
from gtexgen.generator.counts import count_combinations
from gtexgen.models.totals import LatentMoments, LatentTotals
from gtexgen.training.moments import ConditionMoments

__all__ = ["KINDS", "METRICS", "Diagnostics", "Kind", "diagnose"]

Kind: TypeAlias = Literal["real", "reconstructed", "generated", "generated_without_noise"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The samples whose variances are compared; all but the first are the model's."""

METRICS = (
    "val/variance_kept",
    "val/variance_kept_within",
    "val/variance_kept_within_without_noise",
    "val/variance_loss",
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
        and ``active``; see `gtexgen.models.totals.LatentMoments`.
    genes
        A row a gene and scale: ``label``, ``scale``, then for each of `KINDS` its variance over all samples and, under
        the same name with ``_within``, its variance about the means of the conditions; NaN where undefined. The scale
        ``log2`` is log2(x + 1) of store units, whatever the settings; ``model`` is the model's own.
    notes
        Why figures are undefined, or leave something out.
    """

    latents: pd.DataFrame
    genes: pd.DataFrame
    notes: list[str]

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
        )
        return {name: value for name, value in zip(METRICS, values, strict=True) if value is not None}

    def summary(self) -> dict[str, Any]:
        """Give plain values for a JSON file, None where undefined: medians over genes, sums or means over latents."""
        models = KINDS[1:]
        return {
            "latents": len(self.latents),
            "active_latents": int(self.latents["active"].sum()),
            "kl": float(self.latents["kl"].sum()),
            "variance_law": float(self.latents["variance_law"].mean()),
            "genes": len(self._log2),
            "variance_kept": {kind: _median(self.variance_kept(kind, within=False)) for kind in models},
            "variance_kept_within": {kind: _median(self.variance_kept(kind, within=True)) for kind in models},
            "variance_loss": {kind: self.variance_loss(kind) for kind in models},
            "notes": self.notes,
        }

    def write(self, folder: Path) -> None:
        """Write ``latents.parquet`` and ``genes.parquet`` into `folder`, NaN as null."""
        for name, table in {"latents": self.latents, "genes": self.genes}.items():
            with atomic_file(folder / f"{name}.parquet") as path:
                table.to_parquet(path, index=False)

    @property
    def _log2(self) -> pd.DataFrame:
        return self.genes[self.genes["scale"] == "log2"].set_index("label")


def diagnose(generator: Generator, part: SamplePart) -> Diagnostics:
    """Compare a generator with samples that it was not trained on.

    Reconstructions are the decoded means of one posterior draw a sample. Generated samples have the conditions of the
    real ones, sample for sample, and come as `Generator.iter_samples` gives them, from a fixed seed. The part is read
    in blocks; what is held in memory grows with the number of conditions times genes.

    Parameters
    ----------
    generator
        As it is to be saved.
    part
        Held-out samples.
    """
    conditions = count_combinations(part.samples, generator.fields)
    latents, variances = _encoded_and_decoded(generator, part, conditions)
    notes = []
    for kind, noise in WITH_NOISE.items():
        spread = _Spread(generator, conditions)
        try:
            spread.add_all(generator, noise=noise)
        except GeneratorError as error:
            spread = _Spread(generator, conditions)
            notes.append(f"{kind}: {error}")
        variances |= spread.columns(kind)
    n_genes = len(generator.genes)
    keys = {"label": generator.labels * 2, "scale": ["log2"] * n_genes + ["model"] * n_genes}
    genes = pd.DataFrame(keys | variances)
    return Diagnostics(_latent_table(latents), genes, [*_notes(genes, conditions), *notes])


class _Spread:
    """The variances of one kind of samples, on both scales.

    The model's scale divides a transform of store units by a factor, so that the variances of the transform are enough.
    """

    def __init__(self, generator: Generator, conditions: pd.DataFrame) -> None:
        self._conditions = conditions
        self._scaling = generator.scaling
        shape = (len(conditions), len(generator.genes))
        self._moments = {transform: ConditionMoments(*shape) for transform in {"log2", generator.scaling.transform}}

    def add(self, samples: pd.DataFrame, expression: npt.NDArray[np.float32]) -> None:
        """Add ``(samples, genes)`` in store units."""
        numbers = _condition_numbers(samples, self._conditions)
        for transform, moments in self._moments.items():
            moments.add(Scaling(transform, "none").scale(expression), numbers)

    def add_all(self, generator: Generator, *, noise: bool) -> None:
        """Add generated samples: of each condition as many as there are real ones."""
        requests: Any = self._conditions.to_dict("records")
        for samples, expression in generator.iter_samples(requests, seed=SEED, noise=noise, allow_unseen=True):
            self.add(samples, expression)

    def columns(self, kind: Kind) -> Mapping[str, npt.NDArray[np.float64]]:
        """Give the variances of all genes on log2(x + 1), then those of all genes on the model's scale."""
        log2, own = self._moments["log2"], self._moments[self._scaling.transform]
        unit = 1.0 if self._scaling.factor is None else self._scaling.factor**2
        return {
            kind: np.concatenate([log2.total(), own.total() / unit]),
            f"{kind}_within": np.concatenate([log2.within(), own.within() / unit]),
        }


@torch.inference_mode()
def _encoded_and_decoded(
    generator: Generator, part: SamplePart, conditions: pd.DataFrame
) -> tuple[LatentMoments, dict[str, npt.NDArray[np.float64]]]:
    """Take real samples through encoder and decoder: what the latents do, and the variances on both ends."""
    networks, device = generator.networks, generator.device
    noise = torch.Generator().manual_seed(SEED)
    totals = LatentTotals()
    real, reconstructed = _Spread(generator, conditions), _Spread(generator, conditions)
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
            reconstructed.add(samples, generator.to_store_units(decoded))
    latents = totals.moments(lambda sums: sums)
    return latents, {**real.columns("real"), **reconstructed.columns("reconstructed")}


def _condition_numbers(samples: pd.DataFrame, conditions: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Find each sample's row of `conditions`, as `count_combinations` gives them."""
    fields = [name for name in conditions if name != "n"]
    if not fields:
        return np.zeros(len(samples), dtype=np.intp)
    return pd.MultiIndex.from_frame(conditions[fields]).get_indexer(pd.MultiIndex.from_frame(samples[fields]))


def _latent_table(moments: LatentMoments) -> pd.DataFrame:
    columns = {**moments._asdict(), "variance_law": moments.variance_law, "active": moments.active}
    table = pd.DataFrame({name: values.numpy() for name, values in columns.items()})
    return table.rename_axis("latent").reset_index()


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
