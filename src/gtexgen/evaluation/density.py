"""The density of a table within each condition, as an attacker estimates it who knows nothing of its generator."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.special import logsumexp

from gtexgen.evaluation.neighbours import nearest_distances

__all__ = ["log_density", "typical_gap"]

FloatArray = npt.NDArray[np.float64]
Points: TypeAlias = npt.NDArray[np.floating]

BANDWIDTHS = (0.03, 0.06, 0.12, 0.25)
"""Standard deviations of the kernels, in typical gaps between samples."""


def log_density(queries: Points, points: Points, gap: float) -> FloatArray:
    r"""Estimate the log-density of a sample of points.

    It is a mixture, in equal parts, of a Gaussian of shrunk covariance (Ledoit and Wolf 2004) and of Gaussian kernel
    estimates of the bandwidths `BANDWIDTHS`. The Gaussian sees that a whole table follows its training samples, the
    kernels see single copies: where points crowd, a narrow kernel outweighs the other parts.

    Parameters
    ----------
    queries
        Where, ``(queries, features)``.
    points
        The sample, ``(points, features)``, at least two.
    gap
        The unit of the bandwidths; see `typical_gap`. Densities that are compared must have the same.

    Returns
    -------
    numpy.ndarray
        In nats, ``(queries,)``.
    """
    q, p = queries.astype(np.float64), points.astype(np.float64)
    squared = np.square(q).sum(axis=1)[:, None] + np.square(p).sum(axis=1) - 2 * q @ p.T
    kernels = [_kernel_log_density(np.maximum(squared, 0), share * gap, p.shape[1]) for share in BANDWIDTHS]
    parts = [_gaussian_log_density(q, p), *kernels]
    mixed: FloatArray = logsumexp(parts, axis=0) - math.log(len(parts))
    return mixed


def typical_gap(points: Points) -> float:
    """Give the median distance of ``(points, features)`` to their nearest other point."""
    return float(np.median(nearest_distances(points, points, exclude_self=True)))


def _kernel_log_density(squared_distances: FloatArray, bandwidth: float, n_features: int) -> FloatArray:
    kernels = logsumexp(-squared_distances / (2 * bandwidth**2), axis=1) - math.log(squared_distances.shape[1])
    density: FloatArray = kernels - n_features / 2 * math.log(2 * math.pi * bandwidth**2)
    return density


def _gaussian_log_density(queries: FloatArray, points: FloatArray) -> FloatArray:
    from sklearn.covariance import LedoitWolf

    fitted = LedoitWolf().fit(points)
    factor = cho_factor(fitted.covariance_)
    deviations = queries - fitted.location_
    squares = np.einsum("qf,fq->q", deviations, cho_solve(factor, deviations.T))
    log_determinant = 2 * np.log(np.diag(factor[0])).sum()
    density: FloatArray = -0.5 * (squares + log_determinant + queries.shape[1] * math.log(2 * math.pi))
    return density
