"""Metrics that are means over samples: overall, in every bootstrap resample, and within conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from gtexgen.evaluation.samples import Comparison
from gtexgen.evaluation.scores import Estimate

__all__ = ["SMALLEST", "Share", "average", "condition_masks", "matched_weights", "weighted_mean"]

FloatArray = npt.NDArray[np.float64]
Numbers: TypeAlias = npt.NDArray[np.floating] | npt.NDArray[np.integer] | npt.NDArray[np.bool_]

SMALLEST = 5
"""Samples that a condition needs to have a figure of its own."""


class Share(NamedTuple):
    """A number of each sample of a table.

    Attributes
    ----------
    numbers
        ``(samples,)``; of truth values, the mean is a share.
    weights
        How often each sample counts in each resample, ``(resamples, samples)``.
    """

    numbers: Numbers
    weights: npt.NDArray[np.floating]


def weighted_mean(numbers: Numbers, weights: npt.NDArray[np.floating]) -> FloatArray:
    """Give the mean of ``(samples,)`` under each row of ``(resamples, samples)``; NaN where the weights are all 0."""
    with np.errstate(invalid="ignore"):
        mean: FloatArray = weights.astype(np.float64) @ numbers / weights.sum(axis=1, dtype=np.float64)
    return mean


def condition_masks(condition: npt.NDArray[np.str_], least: int = SMALLEST) -> dict[str, npt.NDArray[np.bool_]]:
    """Say which samples are of each condition that has at least `least` of them, ``(samples,)`` each."""
    names, counts = np.unique(condition, return_counts=True)
    return {str(name): condition == name for name in names[counts >= least]}


def matched_weights(comparison: Comparison) -> tuple[FloatArray, FloatArray]:
    """Scale the weights of synthetic samples so that each condition weighs as much as its real samples do.

    A resample of donors has other shares of conditions than one of synthetic samples. A metric that pools conditions
    would take that for a difference of the tables, which are matched by condition. Conditions that a resample has on
    one side only weigh nothing.

    Returns
    -------
    tuple of numpy.ndarray
        The weights of real and of synthetic samples, ``(resamples, samples)`` each.
    """
    _, condition = np.unique(comparison.condition, return_inverse=True)
    real, synthetic = (of.astype(np.float64) for of in (comparison.real_weights, comparison.synthetic_weights))
    members = np.eye(condition.max(initial=-1) + 1)[condition]
    of_real, of_synthetic = (weights @ members for weights in (real, synthetic))
    present = (of_real > 0) & (of_synthetic > 0)
    scale = np.divide(of_real, of_synthetic, out=np.zeros_like(of_real), where=present)
    return real * present[:, condition], synthetic * scale[:, condition]


def average(condition: npt.NDArray[np.str_], shares: Sequence[Share]) -> Estimate:
    """Estimate the mean over samples of one table, or of several tables that count alike.

    Parameters
    ----------
    condition
        Of each sample in every table, ``(samples,)``.
    shares
        The numbers of each table.
    """
    masks = condition_masks(condition)
    return Estimate(
        value=float(np.mean([share.numbers.mean() for share in shares])),
        replicates=np.mean([weighted_mean(share.numbers, share.weights) for share in shares], axis=0),
        by_condition={
            name: float(np.mean([share.numbers[of].mean() for share in shares])) for name, of in masks.items()
        },
    )
