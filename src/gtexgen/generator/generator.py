"""The fitted artefact: what turns a request for samples into expression in store units, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.scaling import Scaling
from gtexgen.data.splits import Split
from gtexgen.data.tables.base import SAMPLE_ID, TableHeader, check_columns
from gtexgen.data.tables.writers import obs_and_var, open_table_writer
from gtexgen.errors import DataError, GeneratorError
from gtexgen.generator.counts import Counts, resolve_counts
from gtexgen.generator.files import pack, unpack
from gtexgen.generator.folder import GeneratorFolder, write_folder
from gtexgen.generator.model_card import model_card
from gtexgen.models.build import ModelSpec
from gtexgen.models.networks import Networks
from gtexgen.version import __version__

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["Generator"]

CHUNK_BYTES = 64 * 2**20


@dataclass(kw_only=True, eq=False, repr=False)
class Generator:
    """A trained model with all that it takes to use it.

    Parameters
    ----------
    networks
        Encoder, decoder, likelihood and prior, on the device where they are to run.
    spec
        What `networks` was built from.
    encoder
        Encodes the condition columns.
    scaling
        Takes store units to the model's scale and back.
    genes
        Columns ``label``, ``gene_id``, ``version`` and ``symbol``; one row a gene, in the networks' order.
    units
        Store units: TPM, RPKM or counts.
    fingerprint
        Of the expression store it was trained on.
    training_counts
        Number of training samples of each condition combination (`gtexgen.generator.counts.count_combinations`).
    split
        Which samples were trained on and which were held out.
    metrics
        Held-out metrics by name.
    settings
        The run's resolved configuration, for the record.

    Examples
    --------
    >>> generator = Generator.load("outputs/latest")
    >>> table = generator.sample({"Lung": 200, "Liver": 50}, seed=1)
    """

    networks: Networks
    spec: ModelSpec
    encoder: ConditionEncoder
    scaling: Scaling
    genes: pd.DataFrame
    units: str
    fingerprint: str
    training_counts: pd.DataFrame
    split: Split
    metrics: Mapping[str, float]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.networks.eval()
        largest = self.scaling.largest
        self._largest = None if largest is None else largest.astype(np.float32)

    def __repr__(self) -> str:
        conditions = ", ".join(self.fields) or "none"
        return (
            f"Generator({len(self.genes)} genes in {self.units}, conditions: {conditions}, "
            f"{self.spec.latent} latents, {self.training_counts['n'].sum()} training samples)"
        )

    @property
    def fields(self) -> list[str]:
        """Names of the condition columns, in their order."""
        return list(self.encoder.fields)

    @property
    def labels(self) -> list[str]:
        """Gene labels, in the networks' order."""
        return [str(label) for label in self.genes["label"]]

    @property
    def device(self) -> torch.device:
        """Where the networks run."""
        return next(self.networks.parameters()).device

    # ---- files

    @classmethod
    def load(cls, path: str | Path, *, device: str = "cpu") -> Self:
        """Load a generator folder, or the folder of a training run that holds one.

        Parameters
        ----------
        path
            The folder.
        device
            Where the networks run, as Torch names it.

        Raises
        ------
        GeneratorError
            The folder or one of its files is missing, damaged or of a newer format, or there is no such
            device.
        """
        generator = cls(**unpack(GeneratorFolder(path)))
        try:
            generator.networks.to(torch.device(device))
        except (RuntimeError, AssertionError) as error:
            raise GeneratorError(f"device={device!r} cannot be used: {error}\n  Remedy: device=cpu.") from error
        return generator

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the generator folder; it gets its name only once it is complete.

        Parameters
        ----------
        path
            The folder to make.
        overwrite
            Replace a generator that is already there.
        """
        about = {"units": self.units, "fingerprint": self.fingerprint, "n_genes": len(self.genes)}
        write_folder(path, pack(self), about, model_card(self), overwrite=overwrite)

    # ---- from conditions to expression

    def iter_samples(
        self, counts: Counts = "training", *, seed: int = 0, noise: bool = True, allow_unseen: bool = False
    ) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Draw synthetic samples chunk by chunk, in bounded memory.

        The size of a chunk depends on the number of genes alone, so one seed gives one table, whatever it is
        written to.

        Parameters
        ----------
        counts
            How many samples of what (`gtexgen.generator.counts.resolve_counts`).
        seed
            Seeds the latents, the noise and the conditions that `counts` leaves open.
        noise
            Draw from the likelihood; otherwise give its mean, so that only the latents vary.
        allow_unseen
            Accept combinations of known conditions that no training sample has.

        Yields
        ------
        samples
            Columns ``sample_id`` and the condition columns.
        expression
            Shape ``(samples, genes)``, float32, in store units, from 0 to the gene's largest value in training.

        Raises
        ------
        GeneratorError
            `counts` cannot be met, or the networks give a value that is not finite.
        """
        wanted = resolve_counts(counts, self.training_counts, self.fields, seed=seed, allow_unseen=allow_unseen)
        return self._chunks(wanted, seed=seed, noise=noise)

    def sample(
        self, counts: Counts = "training", *, seed: int = 0, noise: bool = True, allow_unseen: bool = False
    ) -> pd.DataFrame:
        """Draw synthetic samples as a table; see `iter_samples` for the parameters.

        Returns
        -------
        pandas.DataFrame
            Columns ``sample_id``, the condition columns, then one float32 column a gene, by label.
        """
        chunks = list(self.iter_samples(counts, seed=seed, noise=noise, allow_unseen=allow_unseen))
        samples = pd.concat([samples for samples, _ in chunks], ignore_index=True)
        return self._table(samples, np.concatenate([expression for _, expression in chunks]))

    def sample_anndata(
        self, counts: Counts = "training", *, seed: int = 0, noise: bool = True, allow_unseen: bool = False
    ) -> AnnData:
        """Draw synthetic samples as AnnData; see `iter_samples` for the parameters.

        Returns
        -------
        anndata.AnnData
            X in store units; obs with the condition columns; var by label with ``gene_id`` and ``symbol``;
            the units in ``uns["units"]``.
        """
        from anndata import AnnData

        chunks = list(self.iter_samples(counts, seed=seed, noise=noise, allow_unseen=allow_unseen))
        obs, var = obs_and_var(pd.concat([samples for samples, _ in chunks]), self.genes)
        expression = np.concatenate([expression for _, expression in chunks])
        return AnnData(expression, obs=obs, var=var, uns={"units": self.units})

    def write(
        self,
        path: str | Path,
        counts: Counts = "training",
        *,
        seed: int = 0,
        noise: bool = True,
        allow_unseen: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> pd.DataFrame:
        """Draw synthetic samples straight into a file; see `iter_samples` for the other parameters.

        Parameters
        ----------
        path
            The table; its suffix is one of `gtexgen.data.tables.writers.KNOWN_SUFFIXES`.
        progress
            Called with the number of samples after each chunk.

        Returns
        -------
        pandas.DataFrame
            What was written: the condition columns, then ``n``.
        """
        wanted = resolve_counts(counts, self.training_counts, self.fields, seed=seed, allow_unseen=allow_unseen)
        provenance = {
            "gtexgen": __version__,
            "trained_on": self.fingerprint,
            "seed": seed,
            "noise": noise,
        }
        header = TableHeader(self.genes, self.fields, self.units, provenance)
        with open_table_writer(path, header) as table:
            for samples, expression in self._chunks(wanted, seed=seed, noise=noise):
                table.write(samples, expression)
                if progress is not None:
                    progress(len(samples))
        return wanted

    def _chunks(self, wanted: pd.DataFrame, *, seed: int, noise: bool) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        encoded = self._encode_conditions(wanted)
        combination = np.repeat(np.arange(len(wanted)), wanted["n"])
        random = torch.Generator().manual_seed(seed)
        for rows in self._row_chunks(len(combination)):
            chosen = combination[rows]
            with torch.inference_mode():
                scaled = self.networks.sample(encoded[torch.from_numpy(chosen)], random, noise=noise)
            samples = wanted[self.fields].iloc[chosen].reset_index(drop=True)
            samples.insert(0, SAMPLE_ID, [f"SYN-{row + 1:07d}" for row in range(rows.start, rows.stop)])
            yield samples, self._to_store_units(scaled)

    # ---- between expression and latents

    def encode(self, table: pd.DataFrame) -> np.ndarray:
        """Place samples in the latent space.

        Parameters
        ----------
        table
            Samples in rows: a column a gene, by label, in store units, and the condition columns. Other
            columns are left alone.

        Returns
        -------
        numpy.ndarray
            Posterior means, shape ``(samples, latents)``, float32.

        Raises
        ------
        DataError
            A gene or condition column is missing, an expression value is negative or not finite, or a
            condition is unknown.
        """
        self._require(table, self.labels, "genes")
        expression = table[self.labels].to_numpy(dtype=np.float32)
        if not (expression >= 0).all() or not np.isfinite(expression).all():
            row, column = np.argwhere(~((expression >= 0) & np.isfinite(expression)))[0]
            raise DataError(
                f"row {row} holds {expression[row, column]}, which is not an expression value",
                column=self.labels[column],
                remedy=f"give finite {self.units} of 0 or more",
            )
        condition = self._encode_conditions(table)
        means = np.empty((len(table), self.spec.latent), dtype=np.float32)
        for rows in self._row_chunks(len(table)):
            scaled = torch.from_numpy(self.scaling.scale(expression[rows])).to(self.device)
            with torch.inference_mode():
                means[rows] = self.networks.infer(scaled, condition[rows]).mean.cpu().numpy()
        return means

    def decode(self, latent: np.ndarray, conditions: pd.DataFrame) -> pd.DataFrame:
        """Give the expected expression at points of the latent space.

        Parameters
        ----------
        latent
            Shape ``(samples, latents)``.
        conditions
            The condition columns, one row a sample; ``sample_id`` is kept if it is there.

        Returns
        -------
        pandas.DataFrame
            The columns of `conditions` that are known, then one float32 column a gene: the likelihood's mean,
            in store units, from 0 to the gene's largest value in training.

        Raises
        ------
        DataError
            The shapes do not fit, or a condition is missing or unknown.
        GeneratorError
            The networks give a value that is not finite.
        """
        latent = np.asarray(latent, dtype=np.float32)
        if latent.shape != (len(conditions), self.spec.latent):
            raise DataError(
                f"latent has the shape {latent.shape}, and {(len(conditions), self.spec.latent)} is wanted: "
                "a row for each row of conditions, a column for each latent"
            )
        condition = self._encode_conditions(conditions)
        expression = np.empty((len(latent), len(self.genes)), dtype=np.float32)
        for rows in self._row_chunks(len(latent)):
            with torch.inference_mode():
                output = self.networks.decode(torch.from_numpy(latent[rows]).to(self.device), condition[rows])
                expression[rows] = self._to_store_units(self.networks.likelihood.mean(output))
        known = [name for name in (SAMPLE_ID, *self.fields) if name in conditions]
        return self._table(conditions[known].reset_index(drop=True), expression)

    # ---- pieces

    def _row_chunks(self, n_rows: int) -> Iterator[slice]:
        size = min(1024, max(16, CHUNK_BYTES // (4 * len(self.genes))))
        for start in range(0, n_rows, size):
            yield slice(start, min(start + size, n_rows))

    def _encode_conditions(self, table: pd.DataFrame) -> Tensor:
        self._require(table, self.fields, "condition columns")
        return torch.from_numpy(self.encoder.encode(table)).to(self.device)

    def _require(self, table: pd.DataFrame, names: list[str], what: str) -> None:
        if missing := [name for name in names if name not in table.columns]:
            count = f"{len(missing)} of the generator's {len(names)} {what}"
            raise DataError(f"{count} are not in the table: {_some(missing)}")

    def _to_store_units(self, scaled: Tensor) -> np.ndarray:
        """Undo the scaling and keep each gene between 0 and the largest value that it had in training.

        A Gaussian has no end, and a few of its draws would be impossible values: negative, or many times over what
        any body was seen to express once the logarithm is undone.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            expression = self.scaling.unscale(scaled.cpu().numpy())
        if not np.isfinite(expression).all():
            genes = np.flatnonzero(~np.isfinite(expression).all(axis=0))
            raise GeneratorError(
                f"The networks give values that are not finite for {len(genes)} of the {len(self.genes)} "
                f"genes: {_some([self.labels[gene] for gene in genes])}.\n"
                "  Remedy: train again, with a lower learning rate or for fewer epochs."
            )
        clipped: np.ndarray = np.clip(expression, 0, self._largest)
        return clipped

    def _table(self, samples: pd.DataFrame, expression: np.ndarray) -> pd.DataFrame:
        check_columns(self.fields, self.labels)
        return pd.concat([samples, pd.DataFrame(expression, columns=self.labels)], axis=1)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
