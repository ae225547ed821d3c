"""Each gene's values as standard normal scores of their ranks among the training samples, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["NormalScores", "thinned"]

FloatArray: TypeAlias = npt.NDArray[np.float64]

LEVELS = 129
MOST_SAMPLES = 8192
LARGEST_SCORE = 8.0
LEAST_SLOPE = 1e-3


class NormalScores(NamedTuple):
    r"""A monotone map of each gene to a standard normal distribution, with exact zeros as a point mass.

    With :math:`p_0` the share of zeros and :math:`F` the distribution of the values above 0,
    :math:`u = \Phi^{-1}(p_0 + (1 - p_0) F(x))`; all zeros have the mean score of the mass below
    :math:`\Phi^{-1}(p_0)`, and every score of that mass goes back to 0. F is linear between quantiles that are equally
    far apart in scores. Beyond the smallest and the largest training value the map goes on linearly.

    Attributes
    ----------
    zeros
        Share of exact zeros, ``(genes,)``.
    scores
        The standard normal scores of the quantiles, ``(levels,)``.
    grid
        The quantiles of what is above 0, ``(levels, genes)``.
    """

    zeros: FloatArray
    scores: FloatArray
    grid: FloatArray

    @classmethod
    def fit(cls, values: FloatArray) -> Self:
        """Fit to training values of 0 or more, ``(samples, genes)``, at least one sample."""
        from scipy.special import ndtr, ndtri

        n, n_genes = values.shape
        last = float(ndtri(1 - 0.5 / max(n, 2)))
        scores = np.linspace(-last, last, min(LEVELS, max(n, 2)))
        grid = np.zeros((len(scores), n_genes))
        zeros = (values <= 0).mean(axis=0)
        for gene in range(n_genes):
            above = values[values[:, gene] > 0, gene]
            if len(above):
                grid[:, gene] = np.quantile(above, ndtr(scores), method="hazen")
        return cls(zeros, scores, grid)

    def to_scores(self, values: FloatArray) -> FloatArray:
        """Give the scores of ``(samples, genes)``, or of one sample, ``(genes,)``."""
        found = np.empty_like(values)
        for gene in range(values.shape[-1]):
            found[..., gene] = self._scores_of(values[..., gene], gene)
        return found

    def from_scores(self, scores: FloatArray) -> FloatArray:
        """Give the values behind scores of the same shape; those of the mass of zeros are exactly 0."""
        found = np.empty_like(scores)
        for gene in range(scores.shape[-1]):
            found[..., gene] = self._values_of(scores[..., gene], gene)
        return found

    def to_json(self) -> dict[str, Any]:
        """Give all of it as plain values."""
        return {name: array.tolist() for name, array in self._asdict().items()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Restore what `to_json` gave."""
        return cls(**{name: np.array(content[name], dtype=np.float64) for name in cls._fields})

    def _knots(self, gene: int) -> tuple[FloatArray, FloatArray, float]:
        """Give a gene's quantiles, their scores among all samples, and the slope of the map beyond the largest."""
        from scipy.special import ndtr, ndtri

        grid, share = self.grid[:, gene], self.zeros[gene]
        knots = np.clip(ndtri(share + (1 - share) * ndtr(self.scores)), -LARGEST_SCORE, LARGEST_SCORE)
        slope = (grid[-1] - grid[0]) / max(knots[-1] - knots[0], 1.0)
        return grid, knots, max(float(slope), LEAST_SLOPE)

    def _scores_of(self, values: FloatArray, gene: int) -> FloatArray:
        grid, knots, slope = self._knots(gene)
        found = np.interp(values, grid, knots)
        found = np.where(values > grid[-1], knots[-1] + (values - grid[-1]) / slope, found)
        low, first = self._lower_end(gene, knots[0], grid[0], slope)
        found = np.where(values < grid[0], low + (knots[0] - low) * values / max(grid[0], LEAST_SLOPE), found)
        return np.where(values <= 0, first, found)

    def _values_of(self, scores: FloatArray, gene: int) -> FloatArray:
        grid, knots, slope = self._knots(gene)
        found = np.interp(scores, knots, grid)
        found = np.where(scores > knots[-1], grid[-1] + (scores - knots[-1]) * slope, found)
        low, _ = self._lower_end(gene, knots[0], grid[0], slope)
        share = (scores - low) / max(knots[0] - low, 1e-12)
        return np.where(scores < knots[0], np.maximum(share, 0) * grid[0], found)

    def _lower_end(self, gene: int, knot: float, smallest: float, slope: float) -> tuple[float, float]:
        """Give the score below which all is 0, and the score of 0 itself."""
        from scipy.special import ndtri

        share = self.zeros[gene]
        if share == 0:
            low = knot - max(smallest / slope, 1e-6)
            return low, low
        low = float(np.clip(ndtri(min(share, 1 - 1e-9)), -LARGEST_SCORE, knot))
        return low, float(-np.exp(-0.5 * low**2) / np.sqrt(2 * np.pi) / share)


def thinned(blocks: Iterable[FloatArray]) -> FloatArray:
    """Join blocks of rows, keeping every n-th row so that no more than `MOST_SAMPLES` are held, ``(rows, genes)``."""
    kept: list[FloatArray] = []
    step, seen = 1, 0
    for block in blocks:
        rows = np.arange(seen, seen + len(block))
        kept.append(block[rows % step == 0])
        seen += len(block)
        if sum(map(len, kept)) > MOST_SAMPLES:
            step *= 2
            kept = [np.concatenate(kept)[::2]]
    return np.concatenate(kept) if kept else np.zeros((0, 0))
