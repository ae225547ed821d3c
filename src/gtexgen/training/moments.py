"""Variances of many genes over samples that come in blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["ConditionMoments"]

FloatArray = npt.NDArray[np.float64]


class ConditionMoments:
    r"""The variance of every gene over all samples, and within conditions, in one pass and in float64.

    The mean of each condition and the sum of squares about these means, pooled, are merged block by block (Chan, Golub
    and LeVeque 1979). The sum of squares about the mean of all samples follows:
    :math:`T = W + \sum_c n_c (m_c - m)^2`.

    Parameters
    ----------
    n_conditions, n_genes
        Memory grows with their product.
    """

    def __init__(self, n_conditions: int, n_genes: int) -> None:
        self._n = np.zeros(n_conditions, dtype=np.int64)
        self._means: FloatArray = np.zeros((n_conditions, n_genes))
        self._squares_within: FloatArray = np.zeros(n_genes)

    def add(self, values: npt.NDArray[np.floating], condition: npt.NDArray[np.integer]) -> None:
        """Merge a block.

        Parameters
        ----------
        values
            ``(samples, genes)``, at least one sample.
        condition
            The number of each sample's condition, ``(samples,)``.
        """
        order = np.argsort(condition, kind="stable")
        present, starts, n_added = np.unique(condition[order], return_index=True, return_counts=True)
        deviations = values[order].astype(np.float64)
        means = np.add.reduceat(deviations, starts, axis=0) / n_added[:, None]
        deviations -= np.repeat(means, n_added, axis=0)
        self._squares_within += np.einsum("sg,sg->g", deviations, deviations)
        n_before = self._n[present]
        n_after = n_before + n_added
        difference = means - self._means[present]
        self._squares_within += (n_before * n_added / n_after) @ np.square(difference)
        self._means[present] += difference * (n_added / n_after)[:, None]
        self._n[present] = n_after

    def total(self) -> FloatArray:
        """Give the variance over all samples, ``(genes,)``; NaN if there are fewer than two."""
        n = int(self._n.sum())
        if n < 2:
            return np.full_like(self._squares_within, np.nan)
        mean = self._n @ self._means / n
        squares = self._squares_within + self._n @ np.square(self._means - mean)
        return np.asarray(squares / (n - 1))

    def within(self) -> FloatArray:
        """Give the variance about the means of the conditions, ``(genes,)``; NaN if no condition has two samples.

        It has as many degrees of freedom as there are samples, less the number of conditions: a condition of one
        sample adds nothing to either.
        """
        degrees = int(self._n.sum()) - int((self._n > 0).sum())
        if degrees < 1:
            return np.full_like(self._squares_within, np.nan)
        return self._squares_within / degrees
