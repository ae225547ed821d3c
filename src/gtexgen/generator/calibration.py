"""Brings each gene's distribution within a tissue to that of the training samples, after all else is fitted.

Networks say well how genes go together; what one gene's values look like within one tissue (a long tail, two humps, a
share of zeros) they round off. A monotone map of each gene puts that right and leaves the ranks of the samples, and
with them what the networks learnt, as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from gtexgen.data.training_part import TrainingPart
from gtexgen.models.networks import Networks

__all__ = ["Calibration", "calibrated_column", "fit_calibration"]

FloatArray: TypeAlias = npt.NDArray[np.float32]
Labels: TypeAlias = npt.NDArray[np.object_]

COLUMNS = ("subtissue", "tissue")
"""The condition columns whose values have maps of their own, the finest first."""

DRAWS = 8
LEAST_DRAWS = 2000
SEED = 0x6361_6C69


def calibrated_column(fields: Sequence[str]) -> str | None:
    """Give the condition column whose values have maps of their own; None where all samples share one."""
    return next((column for column in COLUMNS if column in fields), None)


@dataclass(frozen=True, eq=False)
class Calibration:
    """A monotone map of each gene and class, linear between quantiles, on the model's scale.

    No value lies between an expression of 0 and the smallest that a training sample of the class has above it: one read
    of a library is a step, and what fell within it goes to the nearer end.

    Attributes
    ----------
    column
        The condition column that says the class; None where all samples are one.
    classes
        The classes that have maps: those that were trained on.
    drawn
        Quantiles of what the networks give, ``(classes, levels, genes)`` float32.
    seen
        Those of the training samples at the same probabilities.
    zero
        Where an expression of 0 lies, ``(genes,)`` float32.
    least
        The smallest training value above it, ``(classes, genes)`` float32.
    """

    column: str | None
    classes: list[str]
    drawn: FloatArray
    seen: FloatArray
    zero: FloatArray
    least: FloatArray

    def apply(self, scaled: FloatArray, samples: Mapping[str, Labels]) -> FloatArray:
        """Map samples; what lies beyond all quantiles gets the last one.

        Parameters
        ----------
        scaled
            ``(samples, genes)`` on the model's scale, as the networks gave it.
        samples
            The condition columns, a value a sample.
        """
        mapped = scaled.copy()
        for number, rows in self._rows(len(scaled), samples):
            values = scaled[rows]
            for gene in range(values.shape[1]):
                values[:, gene] = np.interp(values[:, gene], self.drawn[number, :, gene], self.seen[number, :, gene])
            mapped[rows] = self._beside_gap(values, self.least[number])
        return mapped

    def _beside_gap(self, values: FloatArray, least: FloatArray) -> FloatArray:
        """Move what lies between zero and the least value to the nearer of them."""
        in_gap = (values > self.zero) & (values < least)
        nearer = np.where(values < (self.zero + least) / 2, self.zero, least)
        moved: FloatArray = np.where(in_gap, nearer, values)
        return moved

    def _rows(self, n: int, samples: Mapping[str, Labels]) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        for number, name in enumerate(self.classes):
            of_class = np.ones(n, dtype=bool) if self.column is None else np.asarray(samples[self.column]) == name
            if of_class.any():
                yield number, np.flatnonzero(of_class)

    def arrays(self) -> dict[str, FloatArray]:
        """Give what was learnt, by name."""
        return {"drawn": self.drawn, "seen": self.seen, "zero": self.zero, "least": self.least}

    @classmethod
    def restore(cls, column: str | None, classes: list[str], arrays: Mapping[str, FloatArray]) -> Self:
        """Bring back what `arrays` gave.

        Raises
        ------
        KeyError, ValueError
            An array is missing, or does not fit the others.
        """
        drawn, seen, zero, least = (arrays[name] for name in ("drawn", "seen", "zero", "least"))
        if drawn.shape != seen.shape or drawn.ndim != 3 or len(drawn) != len(classes):
            raise ValueError("the quantiles of the calibration do not fit each other")
        if least.shape != drawn[:, 0].shape or zero.shape != least.shape[1:]:
            raise ValueError("the zeros of the calibration do not fit its quantiles")
        return cls(column, classes, drawn, seen, zero, least)


@torch.inference_mode()
def fit_calibration(
    networks: Networks, part: TrainingPart, fields: Sequence[str], *, levels: int, min_samples: int
) -> Calibration:
    """Compare what the networks give with the training samples, class by class.

    Parameters
    ----------
    networks
        With their prior fitted, on the CPU.
    part
        The training samples.
    fields
        The condition columns.
    levels
        Quantiles kept of each gene and class, fewer where a class has fewer samples. They are equally far apart in
        standard normal scores, so that tails have as many as the middle.
    min_samples
        Training samples from which on the map of a class follows its quantiles; the genes of a smaller one are shifted
        to its means, for the quantiles of a few samples say little but what these samples are.
    """
    column = calibrated_column(fields)
    labels = np.zeros(len(part.samples), dtype=object) if column is None else part.samples[column].to_numpy(object)
    names = np.unique(labels.astype(str))
    expression = np.concatenate([block.numpy() for block in part.blocks()])
    random = torch.Generator().manual_seed(SEED)
    probabilities = _probabilities(levels)
    zero = part.zero.numpy()
    drawn, seen, least = [], [], []
    for name in names:
        rows = np.flatnonzero(labels.astype(str) == name)
        repeats = max(DRAWS, -(-LEAST_DRAWS // len(rows)))
        condition = part.condition[torch.from_numpy(rows)].repeat(repeats, 1)
        given = torch.cat([networks.sample(some, random, noise=True) for some in condition.split(1024)]).numpy()
        drawn.append(_quantiles(given, probabilities))
        if len(rows) >= min_samples:
            seen.append(_quantiles(expression[rows], probabilities))
        else:
            seen.append(drawn[-1] + expression[rows].mean(axis=0) - given.mean(axis=0))
        least.append(np.min(expression[rows], axis=0, where=expression[rows] > zero, initial=np.inf))
    positive = np.where(np.isfinite(least), least, zero).astype(np.float32)
    return Calibration(column, [str(name) for name in names], np.stack(drawn), np.stack(seen), zero, positive)


def _quantiles(values: FloatArray, probabilities: npt.NDArray[np.float64]) -> FloatArray:
    """Give quantiles of each gene, ``(levels, genes)``, the i-th of n values standing for (i - 1/2) / n.

    Genes are sorted where their values lie side by side, which is many times as fast as `numpy.quantile`.
    """
    ordered = np.sort(np.ascontiguousarray(values.T), axis=1).T
    place = np.clip(probabilities * len(values) - 0.5, 0, len(values) - 1)[:, None]
    below = np.clip(place.astype(np.int64), 0, max(len(values) - 2, 0))[:, 0]
    low, high = ordered[below], ordered[np.minimum(below + 1, len(values) - 1)]
    quantiles: FloatArray = (low + (place - below[:, None]) * (high - low)).astype(np.float32)
    return quantiles


def _probabilities(levels: int) -> npt.NDArray[np.float64]:
    """Give probabilities whose standard normal quantiles are equally far apart."""
    from scipy.special import ndtr

    probabilities: npt.NDArray[np.float64] = ndtr(np.linspace(-3.3, 3.3, levels))
    return probabilities
