"""From conditions to expression, chunk by chunk: single samples, and the samples of whole bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gtexgen.data.formats.sources import FloatArray, IndexArray
from gtexgen.data.tables.base import SAMPLE_ID
from gtexgen.generator.bodies import Bodies
from gtexgen.generator.donors import DonorModel, KnownNoise
from gtexgen.generator.fitted import chunk_rows
from gtexgen.generator.given import GivenDonors
from gtexgen.generator.synthetic import Chunk
from gtexgen.generator.tally import SEX
from gtexgen.models.networks import Networks

if TYPE_CHECKING:
    from gtexgen.generator.networks import NetworkGenerator

__all__ = ["chunks_of", "draw_bodies", "draw_samples"]


def chunks_of(
    wanted: pd.DataFrame, fields: Sequence[str], n_genes: int, expression: Callable[[IndexArray], FloatArray]
) -> Iterator[Chunk]:
    """Cut single samples into chunks and name them.

    Parameters
    ----------
    wanted
        The condition columns and ``n``, one row a combination.
    fields
        The condition columns.
    n_genes
        How wide the table will be, which decides the size of a chunk.
    expression
        Draws the samples of some rows of `wanted`, one for each time that a row is named, in store units.
    """
    combination = np.repeat(np.arange(len(wanted)), wanted["n"])
    size = chunk_rows(n_genes)
    for start in range(0, len(combination), size):
        chosen = combination[start : start + size]
        samples = wanted[list(fields)].iloc[chosen].reset_index(drop=True)
        samples.insert(0, SAMPLE_ID, [f"SYN-{start + row + 1:07d}" for row in range(len(chosen))])
        yield samples, expression(chosen)


def draw_samples(fitted: NetworkGenerator, wanted: pd.DataFrame, *, seed: int, noise: bool) -> Iterator[Chunk]:
    """Draw samples that have nothing to do with each other.

    Parameters
    ----------
    fitted
        Draws them.
    wanted
        The condition columns and ``n``, one row a combination.
    seed
        Of latents and noise.
    noise
        Draw from the likelihood; otherwise give its mean.
    """
    encoded = fitted.encode_conditions(wanted)
    random = torch.Generator().manual_seed(seed)

    def expression(rows: IndexArray) -> FloatArray:
        with torch.inference_mode():
            scaled = fitted.networks.sample(encoded[torch.from_numpy(rows)], random, noise=noise)
        return fitted.expression_of(scaled, wanted.iloc[rows], noise=noise)

    return chunks_of(wanted, fitted.fields, len(fitted.genes), expression)


def draw_bodies(
    fitted: NetworkGenerator,
    model: DonorModel,
    bodies: Bodies,
    given: GivenDonors | None = None,
    *,
    seed: int,
    noise: bool,
) -> Iterator[Chunk]:
    """Draw samples of whole bodies; those of one body have correlated noise, and a body is never cut in two.

    Parameters
    ----------
    fitted
        Draws them.
    model
        Knows what the samples of a donor share.
    bodies
        What to draw.
    given
        The samples of the donors that are known, in the order of ``bodies.donors``; their noise is drawn anew for each
        body.
    seed
        Of latents and noise.
    noise
        Draw from the likelihood; otherwise give its mean, which leaves out what single genes share.
    """
    random = torch.Generator().manual_seed(seed)
    known = None if given is None else _KnownSamples(fitted, model, given)
    for rows in bodies.chunks(chunk_rows(len(fitted.genes)), 0 if known is None else known.sizes):
        numbers, first, body = np.unique(bodies.body[rows], return_index=True, return_inverse=True)
        donors = bodies.donor[rows][first]
        samples = bodies.samples(rows)
        with torch.inference_mode():
            noise_of = model.nothing_known(len(numbers)) if known is None else known.noise(donors, random)
            scaled = _draw(
                fitted.networks,
                model,
                fitted.encode_conditions(samples),
                torch.from_numpy(body).to(fitted.device),
                known=noise_of,
                random=random,
                noise=noise,
            )
        of_donors = samples.assign(**{SEX: bodies.sex(rows)})
        yield samples, fitted.expression_of(scaled, of_donors, noise=noise)


class _KnownSamples:
    """The known samples of real donors, ready for the networks."""

    def __init__(self, fitted: NetworkGenerator, model: DonorModel, given: GivenDonors) -> None:
        self._fitted = fitted
        self._model = model
        self._expression = given.expression
        self._condition = torch.from_numpy(given.condition)
        self.sizes = np.bincount(given.samples["donor"], minlength=len(given.donors))
        self._starts = np.cumsum(self.sizes) - self.sizes

    def noise(self, donors: IndexArray, random: torch.Generator) -> KnownNoise:
        """Find the noise behind all samples of some donors; where one is named twice, each time anew."""
        sizes = self.sizes[donors]
        body = np.repeat(np.arange(len(donors)), sizes)
        rows = np.arange(len(body)) + np.repeat(self._starts[donors] - (np.cumsum(sizes) - sizes), sizes)
        scaled = torch.from_numpy(self._fitted.scaling.scale(self._expression[rows]))
        return self._model.observe(
            self._fitted.networks,
            scaled.to(self._fitted.device),
            self._condition[torch.from_numpy(rows)].to(self._fitted.device),
            torch.from_numpy(body).to(self._fitted.device),
            n_donors=len(donors),
            generator=random,
        )


def _draw(
    networks: Networks,
    model: DonorModel,
    condition: Tensor,
    body: Tensor,
    *,
    known: KnownNoise,
    random: torch.Generator,
    noise: bool,
) -> Tensor:
    """Draw the samples of bodies that are numbered from 0, on the model's scale."""
    likelihood = networks.likelihood
    latent = networks.prior.push(model.latent_noise(body, known, random), condition, random)
    output = networks.decode(latent, condition)
    if not noise:
        return likelihood.mean(output)
    first = torch.searchsorted(body, torch.arange(len(known.n_samples), device=body.device))
    shared, own = networks.noise(output, random)[first], networks.noise(output, random)
    return likelihood.push(output, model.gene_noise(body, known, shared, own), random)
