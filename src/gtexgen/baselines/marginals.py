"""The distribution of each gene on its own, as it was seen: a share of exact zeros, and quantiles of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Marginals", "normal_scores", "pack_marginals", "unpack_marginals"]

FloatArray: TypeAlias = npt.NDArray[np.float32]

VALUES_RANKED = 2**18  # at a time, which bounds the memory that ranks take


class Marginals(NamedTuple):
    """Quantile functions of genes.

    Attributes
    ----------
    zeros
        Share of exact zeros, ``(genes,)``.
    grid
        Quantiles of all other values, from the smallest to the largest in equal steps of probability, linear in
        between, ``(levels, genes)``.
    """

    zeros: FloatArray
    grid: FloatArray

    @classmethod
    def of_expression(cls, values: FloatArray, levels: int) -> Self:
        """Take those of values of 0 or more, ``(samples, genes)``; no more levels than there are samples."""
        zeros = (values == 0).sum(axis=0)
        return cls((zeros / len(values)).astype(np.float32), _quantiles(values, zeros, levels))

    @classmethod
    def of_residuals(cls, values: FloatArray, levels: int) -> Self:
        """Take those of values of either sign, ``(samples, genes)``, of which a zero is one as any other."""
        none = np.zeros(values.shape[1], dtype=np.int64)
        return cls(none.astype(np.float32), _quantiles(values, none, levels))

    def at(self, probability: FloatArray) -> FloatArray:
        """Give quantiles, ``(samples, genes)``, at probabilities of the same shape."""
        zero = probability < self.zeros
        positive = np.maximum(1 - self.zeros, np.finfo(np.float32).tiny)
        place = np.clip((probability - self.zeros) / positive, 0, 1) * (len(self.grid) - 1)
        below = np.minimum(place.astype(np.int64), len(self.grid) - 2)
        low, high = (np.take_along_axis(self.grid, level, axis=0) for level in (below, below + 1))
        values: FloatArray = low + (place - below).astype(np.float32) * (high - low)
        values[zero] = 0
        return values


def normal_scores(values: FloatArray) -> FloatArray:
    """Give each gene's values the standard normal quantiles of their ranks, less the mean, ``(samples, genes)``.

    Equal values, such as zeros, share the mean of their ranks.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    scores = np.empty_like(values)
    step = max(1, VALUES_RANKED // len(values))
    for start in range(0, values.shape[1], step):
        genes = slice(start, start + step)
        scores[:, genes] = ndtri((rankdata(values[:, genes], axis=0) - 0.5) / len(values))
    scores -= scores.mean(axis=0)
    return scores


def pack_marginals(marginals: Sequence[Marginals]) -> dict[str, npt.NDArray[Any]]:
    """Give the marginals of several classes as arrays by name."""
    return {
        "zeros": np.stack([each.zeros for each in marginals]),
        "grid": np.concatenate([each.grid for each in marginals]),
        "n_levels": np.array([len(each.grid) for each in marginals], dtype=np.int64),
    }


def unpack_marginals(state: Mapping[str, npt.NDArray[Any]]) -> list[Marginals]:
    """Restore what `pack_marginals` gave.

    Raises
    ------
    KeyError, ValueError
        An array is missing, or does not fit the others.
    """
    zeros, grid, n_levels = state["zeros"], state["grid"], state["n_levels"]
    if n_levels.min() < 2 or n_levels.sum() != len(grid) or grid.shape[1] != zeros.shape[1]:
        raise ValueError("zeros, grid and n_levels do not fit each other")
    return [Marginals(*each) for each in zip(zeros, np.split(grid, np.cumsum(n_levels)[:-1]), strict=True)]


def _quantiles(values: FloatArray, first: npt.NDArray[np.int64], levels: int) -> FloatArray:
    """Give quantiles of each gene's sorted values from the `first` one on, ``(levels, genes)``."""
    ordered = np.sort(values, axis=0)
    last = len(values) - 1
    steps = np.linspace(0, 1, min(levels, len(values)))[:, None]
    place = np.minimum(first + steps * (last - first), last)
    below = place.astype(np.int64)
    low, high = (np.take_along_axis(ordered, np.minimum(row, last), axis=0) for row in (below, below + 1))
    return (low + (place - below) * (high - low)).astype(np.float32)
