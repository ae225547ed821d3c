"""The Frechet distance of two tables, each taken for a Gaussian in the space of the training samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gtexgen.evaluation.averages import condition_masks, matched_weights
from gtexgen.evaluation.feature_space import FeatureSpace
from gtexgen.evaluation.samples import Comparison
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined

__all__ = ["LEAST", "frechet_distance", "measure_frechet"]

FloatArray = npt.NDArray[np.float64]

LEAST = 20
"""Samples that a condition needs to have a figure of its own."""


def frechet_distance(
    mean1: npt.NDArray[np.floating],
    covariance1: npt.NDArray[np.floating],
    mean2: npt.NDArray[np.floating],
    covariance2: npt.NDArray[np.floating],
) -> float:
    r"""Give the squared Frechet distance of two Gaussians (Dowson and Landau 1982), as the FID does.

    .. math:: |\mu_1 - \mu_2|^2 + \mathrm{tr}(C_1 + C_2 - 2 (C_1^{1/2} C_2 C_1^{1/2})^{1/2})

    Both roots are of symmetric matrices, by their eigenvalues, so singular covariances do no harm.

    Parameters
    ----------
    mean1, mean2
        ``(features,)``.
    covariance1, covariance2
        ``(features, features)``.
    """
    values, vectors = np.linalg.eigh(covariance1.astype(np.float64))
    root = vectors * np.sqrt(values.clip(min=0)) @ vectors.T
    product = root @ covariance2 @ root
    shared = np.sqrt(np.linalg.eigvalsh((product + product.T) / 2).clip(min=0)).sum()
    apart = np.square(np.subtract(mean1, mean2, dtype=np.float64)).sum()
    return max(0.0, float(apart + np.trace(covariance1) + np.trace(covariance2) - 2 * shared))


def measure_frechet(comparison: Comparison, space: FeatureSpace) -> dict[str, Outcome]:
    """Measure the squared Frechet distance in `space`, in squared log2 units.

    Estimated covariances differ by chance, so it is above 0 for equal distributions, the more so the fewer the samples:
    figures of tables compare only where as many samples went into them. Conditions of `LEAST` samples have their own.
    """
    if len(comparison.condition) < 2:
        return {"frechet_distance": Undefined("a covariance needs two samples or more on both sides")}
    real, synthetic = (space.transform(of).astype(np.float64) for of in (comparison.real, comparison.synthetic))
    once = np.ones(len(real))
    resamples = zip(*matched_weights(comparison), strict=True)
    estimate = Estimate(
        _weighted_distance(real, synthetic, once, once),
        np.array([_weighted_distance(real, synthetic, *weights) for weights in resamples]),
        {
            name: _weighted_distance(real[of], synthetic[of], once[of], once[of])
            for name, of in condition_masks(comparison.condition, LEAST).items()
        },
    )
    return {"frechet_distance": estimate}


def _weighted_distance(
    real: FloatArray,
    synthetic: FloatArray,
    real_weights: npt.NDArray[np.floating],
    synthetic_weights: npt.NDArray[np.floating],
) -> float:
    """Give the distance of ``(samples, features)`` that count ``(samples,)``; NaN where they count less than two."""
    moments: list[FloatArray] = []
    for features, weights in ((real, real_weights), (synthetic, synthetic_weights)):
        n = weights.sum(dtype=np.float64)
        if n < 2:
            return np.nan
        mean = weights @ features / n
        centred = features - mean
        moments += [mean, centred.T @ (weights[:, None] * centred) / (n - 1)]
    return frechet_distance(*moments)
