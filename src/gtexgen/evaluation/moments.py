"""Means and variances of genes within groups of samples, in many bootstrap resamples at once, and Welch's t-test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

__all__ = ["Moments", "Welch", "welch"]

FloatArray = npt.NDArray[np.float64]

CONSTANT = 1e-10
"""The variance of a gene, in log2 units squared, below which it is rounding."""


class Welch(NamedTuple):
    """Welch's t-test of every gene.

    Attributes
    ----------
    difference
        Of the means, first less second: the log2 fold change of expression on the log2 scale.
    t, p
        The statistic and its two-sided p-value; 0 and 1 where both groups are constant and equal.
    """

    difference: FloatArray
    t: FloatArray
    p: FloatArray


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of groups of samples; leading axes are resamples and groups.

    Attributes
    ----------
    n
        Weight of each group, ``(..., 1)``.
    mean, square
        Means of each gene and of its square, ``(..., genes)``; NaN in a group without weight.
    """

    n: FloatArray
    mean: FloatArray
    square: FloatArray

    @classmethod
    def of(
        cls, expression: npt.NDArray[np.floating], weights: npt.NDArray[np.floating], groups: npt.NDArray[np.intp]
    ) -> Self:
        """Measure the groups 0, 1, ... of samples.

        Parameters
        ----------
        expression
            ``(samples, genes)``.
        weights
            ``(resamples, samples)``.
        groups
            The group of each sample, ``(samples,)``; -1 is none.

        Returns
        -------
        Moments
            Of shape ``(resamples, groups, genes)``.
        """
        n_groups = int(groups.max(initial=-1)) + 1
        shape = (len(weights), n_groups, expression.shape[1])
        n, mean, square = np.zeros((*shape[:2], 1)), np.empty(shape), np.empty(shape)
        for group in range(n_groups):
            values, counts = expression[groups == group].astype(np.float64), weights[:, groups == group]
            total = counts.sum(axis=1, dtype=np.float64)[:, None]
            share = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
            n[:, group], mean[:, group], square[:, group] = total, share @ values, share @ np.square(values)
        return cls(n, mean, square)

    @property
    def variance(self) -> FloatArray:
        """The unbiased variance, ``(..., genes)``; NaN where the weight is below 2."""
        spread = self.square - np.square(self.mean)
        factor = np.divide(self.n, self.n - 1, out=np.full(self.n.shape, np.nan), where=self.n >= 2)
        variance: FloatArray = spread * (spread > CONSTANT) * factor
        return variance

    def groups(self, chosen: npt.NDArray[np.intp]) -> Moments:
        """Give some groups of each resample, ``(resamples, chosen, genes)``."""
        return Moments(self.n[:, chosen], self.mean[:, chosen], self.square[:, chosen])

    def rest(self) -> Moments:
        """Give, for each group, all the others together."""
        n = np.nan_to_num(self.n.sum(axis=1, keepdims=True) - self.n)
        mean, square = (self._others(values, n) for values in (self.mean, self.square))
        return Moments(n, mean, square)

    def _others(self, values: FloatArray, n: FloatArray) -> FloatArray:
        totals = np.nan_to_num(values) * self.n
        others: FloatArray = (totals.sum(axis=1, keepdims=True) - totals) / np.where(n > 0, n, np.nan)
        return others


def welch(first: Moments, second: Moments) -> Welch:
    """Test every gene for a difference of means between groups of unequal variance (Welch 1947)."""
    difference = first.mean - second.mean
    errors = [of.variance / np.where(of.n > 0, of.n, np.nan) for of in (first, second)]
    error = errors[0] + errors[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where((error == 0) & (abs(difference) < CONSTANT), 0, difference / np.sqrt(error))
        degrees = np.square(error) / sum(
            np.square(own) / (of.n - 1) for own, of in zip(errors, (first, second), strict=True)
        )
    p = 2 * stdtr(np.where(error == 0, 1, degrees), -abs(t))
    return Welch(difference, t, p)
