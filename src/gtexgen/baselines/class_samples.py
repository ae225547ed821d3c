"""Training samples class by class, and how they are spread about the means of their classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from gtexgen.errors import DataError

__all__ = ["POOLED", "ClassSamples", "Spread", "rows_by_spread"]

FloatArray: TypeAlias = npt.NDArray[np.float32]
IndexArray: TypeAlias = npt.NDArray[np.int64]

POOLED = 0
"""The spread of all classes together, which the small ones take; any other spread is one class's own."""


class Spread(NamedTuple):
    r"""Samples that are spread alike about the means of their classes.

    Attributes
    ----------
    rows
        Which samples, ``(samples,)``.
    residuals
        Their deviations from the means of their classes times :math:`\sqrt{n_c / (n_c - 1)}`, ``(samples, genes)``
        float32: the mean of their outer products is then an unbiased covariance within classes.
    """

    rows: IndexArray
    residuals: FloatArray


@dataclass(frozen=True, eq=False)
class ClassSamples:
    """Training samples, each of a class.

    Attributes
    ----------
    expression
        log2(x + 1), ``(samples, genes)`` float32.
    classes
        The class of each sample, ``(samples,)``.
    counts
        Samples of each class, ``(classes,)``.
    means
        Their mean, ``(classes, genes)`` float32.
    spread_of
        The number of the spread that each class has, ``(classes,)``, in the order of `spreads`.
    """

    expression: FloatArray
    classes: IndexArray
    counts: IndexArray
    means: FloatArray
    spread_of: IndexArray

    @classmethod
    def of(
        cls, expression: npt.NDArray[np.floating[Any]], classes: npt.NDArray[np.integer[Any]], min_samples: int
    ) -> Self:
        """Check training samples; see `gtexgen.baselines.base.Baseline.fit`."""
        values, numbers = np.asarray(expression, dtype=np.float32), np.asarray(classes, dtype=np.int64)
        _check(values, numbers)
        counts = np.bincount(numbers)
        if not counts.all():
            raise DataError(f"class {int(np.argmin(counts))} has no training sample; classes are counted without gaps")
        if counts.max() < 2:
            raise DataError(
                "no class has two training samples, so nothing is known of how samples of a class differ",
                remedy="fewer conditions, such as condition=tissue",
            )
        order = np.argsort(numbers, kind="stable")
        starts = np.cumsum(counts) - counts
        means = np.add.reduceat(values[order], starts, axis=0, dtype=np.float64) / counts[:, None]
        large = counts >= min_samples
        spread_of = np.where(large, np.cumsum(large), POOLED)
        return cls(values, numbers, counts, means.astype(np.float32), spread_of)

    def spreads(self) -> Iterator[Spread]:
        """Give the spread of all classes together, then that of each class that is large enough for its own."""
        yield self._spread(np.flatnonzero(self.counts[self.classes] > 1))
        for number in np.flatnonzero(self.spread_of != POOLED):
            yield self._spread(np.flatnonzero(self.classes == number))

    def _spread(self, rows: IndexArray) -> Spread:
        classes = self.classes[rows]
        factor = np.sqrt(self.counts[classes] / (self.counts[classes] - 1)).astype(np.float32)
        return Spread(rows, (self.expression[rows] - self.means[classes]) * factor[:, None])


def rows_by_spread(spread_of: IndexArray) -> Iterator[tuple[int, IndexArray]]:
    """Give each spread that occurs, with the rows that have it."""
    for spread in np.unique(spread_of):
        yield int(spread), np.flatnonzero(spread_of == spread)


def _check(values: FloatArray, numbers: IndexArray) -> None:
    if values.ndim != 2 or numbers.shape != values.shape[:1] or not values.size:
        raise DataError(f"expression of shape {values.shape} and classes of shape {numbers.shape} do not fit")
    if not np.isfinite(values).all() or values.min() < 0:
        raise DataError("expression holds a value that is negative or not finite: log2(x + 1) is wanted")
    if numbers.min() < 0:
        raise DataError(f"{numbers.min()} is not a class number; they are counted from 0")
