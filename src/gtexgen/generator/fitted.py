"""The fitted artefact: what was learnt and what it takes to use it, in a folder and in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.scaling import Scaling
from gtexgen.data.splits import Split
from gtexgen.data.tables.base import SAMPLE_ID, check_columns, name_some
from gtexgen.errors import DataError, GeneratorError
from gtexgen.generator.donors import Donors
from gtexgen.generator.files import pack, unpack
from gtexgen.generator.folder import GeneratorFolder, write_folder
from gtexgen.generator.given import expression_of, require_columns
from gtexgen.generator.model_card import model_card
from gtexgen.models.build import ModelSpec
from gtexgen.models.networks import Networks

__all__ = ["FittedModel", "chunk_rows"]

CHUNK_BYTES = 64 * 2**20


def chunk_rows(n_genes: int) -> int:
    """Give the most samples that are held at a time; they depend on the number of genes alone."""
    return min(1024, max(16, CHUNK_BYTES // (4 * n_genes)))


@dataclass(kw_only=True, eq=False, repr=False)
class FittedModel:
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
    donors
        What the samples of one donor share; None where training had nothing to learn it from.
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
    donors: Donors | None = None

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
            if generator.donors is not None:
                generator.donors.model.to(torch.device(device))
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
        expression = expression_of(table, self.labels, self.units)
        condition = self.encode_conditions(table)
        means = np.empty((len(table), self.spec.latent), dtype=np.float32)
        for rows in self._chunks(len(table)):
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
        latent = np.array(latent, dtype=np.float32)
        if latent.shape != (len(conditions), self.spec.latent):
            raise DataError(
                f"latent has the shape {latent.shape}, and {(len(conditions), self.spec.latent)} is wanted: "
                "a row for each row of conditions, a column for each latent"
            )
        condition = self.encode_conditions(conditions)
        expression = np.empty((len(latent), len(self.genes)), dtype=np.float32)
        for rows in self._chunks(len(latent)):
            with torch.inference_mode():
                output = self.networks.decode(torch.from_numpy(latent[rows]).to(self.device), condition[rows])
                expression[rows] = self.to_store_units(self.networks.likelihood.mean(output))
        known = [name for name in (SAMPLE_ID, *self.fields) if name in conditions]
        check_columns(known, self.labels)
        genes = pd.DataFrame(expression, columns=self.labels)
        return pd.concat([conditions[known].reset_index(drop=True), genes], axis=1)

    def to_store_units(self, scaled: Tensor) -> np.ndarray:
        """Undo the scaling and keep each gene between 0 and the largest value that it had in training.

        A Gaussian has no end, and a few of its draws would be impossible values: negative, or many times over what
        any body was seen to express once the logarithm is undone.

        Parameters
        ----------
        scaled
            ``(samples, genes)`` on the model's scale.

        Returns
        -------
        numpy.ndarray
            ``(samples, genes)``, float32.

        Raises
        ------
        GeneratorError
            A value is not finite.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            expression = self.scaling.unscale(scaled.cpu().numpy())
        if not np.isfinite(expression).all():
            genes = np.flatnonzero(~np.isfinite(expression).all(axis=0))
            raise GeneratorError(
                f"The networks give values that are not finite for {len(genes)} of the {len(self.genes)} "
                f"genes: {name_some([self.labels[gene] for gene in genes])}.\n"
                "  Remedy: train again, with a lower learning rate or for fewer epochs."
            )
        clipped: np.ndarray = np.clip(expression, 0, self._largest)
        return clipped

    def encode_conditions(self, table: pd.DataFrame) -> Tensor:
        """Encode the condition columns of a table, ``(samples, conditions)``, on the generator's device.

        Raises
        ------
        DataError
            A column is missing, or holds a value that training does not have.
        """
        require_columns(table, self.fields, "condition columns")
        return torch.from_numpy(self.encoder.encode(table)).to(self.device)

    def _chunks(self, n_rows: int) -> Iterator[slice]:
        size = chunk_rows(len(self.genes))
        for start in range(0, n_rows, size):
            yield slice(start, min(start + size, n_rows))
