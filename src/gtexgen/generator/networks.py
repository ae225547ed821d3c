"""A generator whose model is networks: it has latents, extrapolates, and knows what samples of a donor share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gtexgen.data.tables.base import SAMPLE_ID, check_columns
from gtexgen.errors import DataError
from gtexgen.generator.bodies import Tissues
from gtexgen.generator.calibration import Calibration
from gtexgen.generator.donors import Donors
from gtexgen.generator.fitted import chunk_rows
from gtexgen.generator.folder import GeneratorFolder
from gtexgen.generator.generator import Generator
from gtexgen.generator.given import expression_of, require_columns
from gtexgen.generator.model_card import CardDetails
from gtexgen.generator.network_card import network_details
from gtexgen.generator.network_files import pack_networks, unpack_networks
from gtexgen.generator.requests import completed_samples, donor_samples
from gtexgen.generator.sampling import draw_samples
from gtexgen.generator.synthetic import Chunk, SyntheticSamples
from gtexgen.generator.tally import SEX, tissue_column
from gtexgen.models.build import ModelSpec
from gtexgen.models.networks import Networks

__all__ = ["NetworkGenerator"]


@dataclass(kw_only=True, eq=False, repr=False)
class NetworkGenerator(Generator, kind="networks"):
    """Networks that give synthetic samples.

    Parameters
    ----------
    networks
        Encoder, decoder, likelihood and prior, on the device where they are to run.
    spec
        What `networks` was built from.
    donors
        What the samples of one donor share; None where training had nothing to learn it from.
    calibration
        Brings what is drawn to the distribution of each gene within a tissue; None leaves it as it is.
    """

    networks: Networks
    spec: ModelSpec
    donors: Donors | None = None
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.networks.eval()

    extrapolates = True

    @property
    def title(self) -> str:
        """Say how many latents there are."""
        return f"{self.spec.latent} latents"

    @property
    def device(self) -> torch.device:
        """Where the networks run."""
        return next(self.networks.parameters()).device

    @property
    def knows_donors(self) -> bool:
        """Whether training had donors to learn from, and the condition tells their tissues apart."""
        return self.donors is not None and tissue_column(self.fields) is not None

    def move_to(self, device: str) -> None:
        """Put the networks on a device."""
        self.networks.to(torch.device(device))
        if self.donors is not None:
            self.donors.model.to(torch.device(device))

    # ---- files

    def card_details(self) -> CardDetails:
        """Give what the model card says of networks."""
        return network_details(self)

    def pack_model(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give the specification, and the files of the weights and of what is known of donors."""
        return self.spec.to_dict(), pack_networks(self)

    @classmethod
    def unpack_model(cls, folder: GeneratorFolder, shared: Mapping[str, Any]) -> dict[str, Any]:
        """Read networks, specification and donors, on the CPU."""
        return unpack_networks(folder, len(shared["genes"]), shared["encoder"].n_features)

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
                expression[rows] = self.to_store_units(self.networks.likelihood.mean(output).cpu().numpy())
        known = [name for name in (SAMPLE_ID, *self.fields) if name in conditions]
        check_columns(known, self.labels)
        genes = pd.DataFrame(expression, columns=self.labels)
        return pd.concat([conditions[known].reset_index(drop=True), genes], axis=1)

    def encode_conditions(self, table: pd.DataFrame) -> Tensor:
        """Encode the condition columns of a table, ``(samples, conditions)``, on the generator's device.

        Raises
        ------
        DataError
            A column is missing, or holds a value that training does not have.
        """
        require_columns(table, self.fields, "condition columns")
        return torch.from_numpy(self.encoder.encode(table)).to(self.device)

    def expression_of(self, scaled: Tensor, samples: pd.DataFrame, *, noise: bool) -> np.ndarray:
        """Bring what the networks drew to store units, calibrated; expected values need no calibration.

        Parameters
        ----------
        scaled
            ``(samples, genes)`` on the model's scale.
        samples
            The condition columns, a row a sample; and the sex, where it is known though it is no condition.
        noise
            Whether `scaled` was drawn, or is the likelihood's mean.
        """
        values = scaled.cpu().numpy()
        if noise and self.calibration is not None:
            known = [name for name in dict.fromkeys([*self.fields, SEX]) if name in samples]
            values = self.calibration.apply(values, {name: samples[name].to_numpy(object) for name in known})
        return self.to_store_units(values)

    def _chunks(self, n_rows: int) -> Iterator[slice]:
        size = chunk_rows(len(self.genes))
        for start in range(0, n_rows, size):
            yield slice(start, min(start + size, n_rows))

    # ---- what is drawn

    def _draw(self, wanted: pd.DataFrame, *, seed: int, noise: bool) -> Iterator[Chunk]:
        return draw_samples(self, wanted, seed=seed, noise=noise)

    def _donor_samples(self, n: int, tissues: Tissues, *, seed: int, noise: bool) -> SyntheticSamples:
        return donor_samples(self, n, tissues, seed=seed, noise=noise)

    def _completed_samples(
        self, given: pd.DataFrame | str | Path, tissues: Tissues, *, draws: int, seed: int, noise: bool
    ) -> SyntheticSamples:
        return completed_samples(self, given, tissues, draws=draws, seed=seed, noise=noise)
