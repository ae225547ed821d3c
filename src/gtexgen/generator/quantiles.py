"""Quantiles of genes, which the maps of a calibration lead from and to."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["FloatArray", "normal_probabilities", "quantiles", "wanted_quantiles"]

FloatArray: TypeAlias = npt.NDArray[np.float32]

FARTHEST = 3.3


def normal_probabilities(levels: int) -> npt.NDArray[np.float64]:
    """Give probabilities whose standard normal quantiles are equally far apart, ``(levels,)``."""
    from scipy.special import ndtr

    probabilities: npt.NDArray[np.float64] = ndtr(np.linspace(-FARTHEST, FARTHEST, levels))
    return probabilities


def quantiles(values: FloatArray, probabilities: npt.NDArray[np.float64]) -> FloatArray:
    """Give quantiles of each gene of ``(samples, genes)``, ``(levels, genes)``.

    The i-th of n values stands for (i - 1/2) / n. Genes are sorted where their values lie side by side, which is many
    times as fast as `numpy.quantile`.
    """
    ordered = np.sort(np.ascontiguousarray(values.T), axis=1).T
    place = np.clip(probabilities * len(values) - 0.5, 0, len(values) - 1)[:, None]
    below = np.clip(place.astype(np.int64), 0, max(len(values) - 2, 0))[:, 0]
    low, high = ordered[below], ordered[np.minimum(below + 1, len(values) - 1)]
    found: FloatArray = (low + (place - below[:, None]) * (high - low)).astype(np.float32)
    return found


def wanted_quantiles(
    drawn: FloatArray, real: FloatArray, probabilities: npt.NDArray[np.float64], *, min_samples: int
) -> FloatArray:
    """Give the quantiles that drawn values are to have, ``(levels, genes)``.

    They are those of the real samples; with fewer of these than `min_samples` those of the drawn ones, shifted to the
    real means, for the quantiles of a few samples say little but what these samples are.

    Parameters
    ----------
    drawn, real
        ``(samples, genes)``, one sample or more of each.
    probabilities
        ``(levels,)``.
    min_samples
        Real samples from which on their quantiles count.
    """
    if len(real) >= min_samples:
        return quantiles(real, probabilities)
    shifted: FloatArray = quantiles(drawn, probabilities) + real.mean(axis=0) - drawn.mean(axis=0)
    return shifted
