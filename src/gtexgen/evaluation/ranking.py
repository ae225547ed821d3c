"""How well scores rank positives above negatives, in all bootstrap resamples at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["tpr_at_fpr", "weighted_auc", "weighted_tpr_at_fpr"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

ROUNDING = 1e-9
"""How far a false positive rate may be above the limit: sums of weights round."""


class _Levels(NamedTuple):
    """The weight of positives and of negatives at each distinct score, ascending, ``(resamples, levels)`` each."""

    positive: FloatArray
    negative: FloatArray


def weighted_auc(
    scores: npt.NDArray[np.floating], positive: BoolArray, weights: npt.NDArray[np.floating]
) -> FloatArray:
    """Give the area under the ROC curve: the chance that a positive scores higher than a negative; ties count half.

    Parameters
    ----------
    scores
        ``(samples,)``.
    positive
        Which samples are positives, ``(samples,)``.
    weights
        How often each sample counts in each resample, ``(resamples, samples)``. A row of ones gives the plain AUC,
        and a row of 1 within a condition and 0 elsewhere the AUC of the condition.

    Returns
    -------
    numpy.ndarray
        ``(resamples,)``; NaN where positives or negatives have no weight.
    """
    levels = _levels(scores, positive, weights)
    below = levels.negative.cumsum(axis=1) - levels.negative / 2
    n_pairs = levels.positive.sum(axis=1) * levels.negative.sum(axis=1)
    won = np.einsum("bl,bl->b", levels.positive, below)
    return _ratio(won, n_pairs)


def weighted_tpr_at_fpr(
    scores: npt.NDArray[np.floating], positive: BoolArray, fpr: float, weights: npt.NDArray[np.floating]
) -> FloatArray:
    """Give the share of positives at or above the lowest threshold that at most `fpr` of the negatives reach.

    Thresholds lie between distinct scores, and nothing is interpolated: an attacker cannot split ties.

    Parameters
    ----------
    scores
        ``(samples,)``.
    positive
        Which samples are positives, ``(samples,)``.
    fpr
        The false positive rate that is allowed, 0 to 1.
    weights
        How often each sample counts in each resample, ``(resamples, samples)``.

    Returns
    -------
    numpy.ndarray
        ``(resamples,)``; NaN where positives or negatives have no weight.
    """
    levels = _levels(scores, positive, weights)
    n_positive, n_negative = levels.positive.sum(axis=1), levels.negative.sum(axis=1)
    alarms = levels.negative[:, ::-1].cumsum(axis=1)
    allowed = alarms <= (fpr + ROUNDING) * n_negative[:, None]
    found = np.where(allowed, levels.positive[:, ::-1], 0).sum(axis=1)
    return _ratio(found * n_negative, n_positive * n_negative)


def tpr_at_fpr(scores: npt.NDArray[np.floating], positive: BoolArray, fpr: float) -> float:
    """Give `weighted_tpr_at_fpr` of samples that count once each."""
    return float(weighted_tpr_at_fpr(scores, positive, fpr, np.ones((1, len(scores))))[0])


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide; NaN for 0 / 0."""
    with np.errstate(invalid="ignore"):
        ratio: FloatArray = above / below
    return ratio


def _levels(scores: npt.NDArray[np.floating], positive: BoolArray, weights: npt.NDArray[np.floating]) -> _Levels:
    """Add up the weights of equal scores."""
    distinct, level = np.unique(scores, return_inverse=True)
    sums = [np.zeros((len(distinct), len(weights))) for _ in range(2)]
    for of_class, chosen in zip(sums, (positive, ~positive), strict=True):
        order = np.flatnonzero(chosen)[np.argsort(level[chosen], kind="stable")]
        if len(order):
            starts = np.flatnonzero(np.diff(level[order], prepend=-1))
            of_class[level[order][starts]] = np.add.reduceat(weights.T[order].astype(np.float64), starts, axis=0)
    return _Levels(sums[0].T, sums[1].T)
