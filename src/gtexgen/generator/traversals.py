"""What each latent does: the expected expression along a walk through the latent space."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from gtexgen.errors import DataError
from gtexgen.generator.given import require_columns
from gtexgen.generator.networks import NetworkGenerator

__all__ = ["STEPS", "latent_traversals"]

FloatArray = npt.NDArray[np.floating]

STEPS = np.linspace(-2, 2, 9)
"""Where a walk stops, in standard deviations of the latent."""
N_DRAWS = 1000
"""Latents that are drawn from the prior of each condition where no samples are given."""


class _Latents(NamedTuple):
    """Where walks start, ``(conditions, latents)``, and how far latents spread, ``(latents,)``."""

    start: FloatArray
    spread: FloatArray


def latent_traversals(
    generator: NetworkGenerator,
    conditions: pd.DataFrame,
    samples: pd.DataFrame | None = None,
    *,
    n_latents: int = 4,
    n_genes: int = 10,
    seed: int = 0,
) -> pd.DataFrame:
    """Move one latent at a time from -2 to 2 standard deviations, and give the expected expression.

    A walk starts at the mean latent of its condition. The latents that spread most are walked along: those that the
    encoder uses.

    Parameters
    ----------
    generator
        Whose latents.
    conditions
        Where to start: the generator's condition columns, one row a start.
    samples
        Real samples to encode: a column a gene, by label, in store units, and the condition columns. Means and standard
        deviations are those of their posterior means, the latter over all of them; without samples, those of the prior.
    n_latents
        How many latents.
    n_genes
        How many genes of each walk: those that move most.
    seed
        Of the draws from the prior.

    Returns
    -------
    pandas.DataFrame
        Columns ``condition``, ``latent`` (from 0), ``value`` (of the latent, in its standard deviations from the
        start), ``gene``, ``expression`` (log2(x + 1) of store units) and ``change`` (from the start). Of a walk, the
        genes that move most come first; of a condition, the latents that spread most.

    Raises
    ------
    DataError
        A gene or condition column is missing, a condition is unknown, or no sample has it.
    """
    require_columns(conditions, generator.fields, "condition columns")
    conditions = conditions[generator.fields].reset_index(drop=True)
    latents = _drawn(generator, conditions, seed) if samples is None else _encoded(generator, conditions, samples)
    active = np.argsort(-latents.spread, kind="stable")[:n_latents]
    walks = []
    for row, start in enumerate(latents.start):
        for latent in active:
            points = np.repeat(start[None], len(STEPS), axis=0)
            points[:, latent] += STEPS * latents.spread[latent]
            decoded = generator.decode(points, conditions.iloc[[row] * len(STEPS)])
            walk = _most_moved(decoded[generator.labels].to_numpy(), generator.labels, n_genes)
            walks.append(walk.assign(condition=_name(conditions.iloc[row]), latent=int(latent)))
    columns = ["condition", "latent", "value", "gene", "expression", "change"]
    return pd.concat(walks, ignore_index=True)[columns]


def _encoded(generator: NetworkGenerator, conditions: pd.DataFrame, samples: pd.DataFrame) -> _Latents:
    """Encode samples; each start is the mean of those with its condition."""
    latents = generator.encode(samples)
    start = np.empty((len(conditions), latents.shape[1]), latents.dtype)
    for row, (_, wanted) in enumerate(conditions.iterrows()):
        chosen = (samples[generator.fields].astype("str") == wanted.astype("str")).all(axis=1).to_numpy()
        if not chosen.any():
            raise DataError(
                f"no sample is of {_name(wanted)}: nothing says where its latents lie",
                remedy="give samples of each condition, or none at all to start from the prior",
            )
        start[row] = latents[chosen].mean(axis=0)
    return _Latents(start, latents.std(axis=0))


def _drawn(generator: NetworkGenerator, conditions: pd.DataFrame, seed: int) -> _Latents:
    """Draw from the prior of each condition; each start is the mean of its draws."""
    rng = torch.Generator(generator.device).manual_seed(seed)
    encoded = generator.encode_conditions(conditions).repeat_interleave(N_DRAWS, dim=0)
    with torch.inference_mode():
        draws = generator.networks.prior.sample(encoded, rng).cpu().numpy()
    start = draws.reshape(len(conditions), N_DRAWS, -1).mean(axis=1)
    return _Latents(start, draws.std(axis=0))


def _most_moved(decoded: FloatArray, labels: list[str], n_genes: int) -> pd.DataFrame:
    """Lay out the genes of ``(steps, genes)``, in store units, that move most: a row a gene and step."""
    expression = np.log2(decoded + 1)
    genes = np.argsort(-np.ptp(expression, axis=0), kind="stable")[:n_genes]
    expression = expression[:, genes]
    change = expression - expression[len(STEPS) // 2]
    return pd.DataFrame(
        {
            "value": np.tile(STEPS, len(genes)),
            "gene": np.repeat([labels[gene] for gene in genes], len(STEPS)),
            "expression": expression.T.ravel(),
            "change": change.T.ravel(),
        }
    )


def _name(condition: pd.Series) -> str:
    return ", ".join(condition.astype("str")) or "all samples"
