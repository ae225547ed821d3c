r"""Gaussian noise of many genes whose covariance was estimated from few samples.

The estimate of Ledoit and Wolf (2004, *A well-conditioned estimator for large-dimensional covariance matrices*),
:math:`(1 - a) S + a \mu I` with :math:`\mu = \mathrm{tr}(S) / G`, has at most as many principal axes as there are
samples. These are kept, and no sample is; nor is a matrix of genes by genes ever needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["FactorNoise", "pack_noises", "unpack_noises"]

FloatArray: TypeAlias = npt.NDArray[np.float32]

NEGLIGIBLE = 1e-10  # of the largest eigenvalue: rounding, no variance


class FactorNoise(NamedTuple):
    """Noise with mean 0 and covariance ``axes.T @ axes + diag(own**2)``.

    Attributes
    ----------
    axes
        Principal axes, each as long as the standard deviation along it, ``(axes, genes)``.
    own
        Standard deviation of what each gene has besides, ``(genes,)``.
    """

    axes: FloatArray
    own: FloatArray

    @classmethod
    def with_covariance(cls, residuals: FloatArray) -> Self:
        """Estimate the covariance of samples of mean 0, ``(samples, genes)``."""
        values = residuals.astype(np.float64)
        kept, axes = _shrunk_axes(values)
        return cls(axes, np.full(values.shape[1], np.sqrt((1 - kept) * np.square(values).mean()), dtype=np.float32))

    @classmethod
    def with_correlation(cls, residuals: FloatArray) -> Self:
        """Estimate the correlation of samples of mean 0, ``(samples, genes)``: every gene has variance 1."""
        values = residuals.astype(np.float64)
        deviation = np.sqrt(np.square(values).mean(axis=0))
        _, axes = _shrunk_axes(values / np.where(deviation > 0, deviation, 1))
        explained = np.square(axes, dtype=np.float64).sum(axis=0)
        return cls(axes, np.sqrt(np.maximum(1 - explained, 0)).astype(np.float32))

    def draw(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw ``(n, genes)``."""
        shared = rng.standard_normal((n, len(self.axes)), dtype=np.float32) @ self.axes
        return shared + rng.standard_normal((n, len(self.own)), dtype=np.float32) * self.own


def pack_noises(noises: Sequence[FactorNoise]) -> dict[str, npt.NDArray[Any]]:
    """Give several noises of the same genes as arrays by name."""
    return {
        "axes": np.concatenate([noise.axes for noise in noises]),
        "n_axes": np.array([len(noise.axes) for noise in noises], dtype=np.int64),
        "own": np.stack([noise.own for noise in noises]),
    }


def unpack_noises(state: Mapping[str, npt.NDArray[Any]]) -> list[FactorNoise]:
    """Restore what `pack_noises` gave.

    Raises
    ------
    KeyError, ValueError
        An array is missing, or does not fit the others.
    """
    axes, n_axes, own = state["axes"], state["n_axes"], state["own"]
    if n_axes.sum() != len(axes) or axes.shape[1] != own.shape[1]:
        raise ValueError("axes, n_axes and own do not fit each other")
    parts = np.split(axes, np.cumsum(n_axes)[:-1])
    return [FactorNoise(*noise) for noise in zip(parts, own, strict=True)]


def _shrunk_axes(values: npt.NDArray[np.float64]) -> tuple[float, FloatArray]:
    """Give the share of the covariance that shrinkage keeps, and the principal axes of what it keeps."""
    from sklearn.covariance import ledoit_wolf_shrinkage

    n_samples, n_genes = values.shape
    kept = 1 - float(ledoit_wolf_shrinkage(values, assume_centered=True))
    scaled = values * np.sqrt(kept / n_samples)
    if n_samples < n_genes:  # the axes of S from the smaller matrix of inner products
        variances, vectors = np.linalg.eigh(scaled @ scaled.T)
        axes = vectors.T @ scaled
    else:
        variances, vectors = np.linalg.eigh(scaled.T @ scaled)
        axes = np.sqrt(np.maximum(variances, 0))[:, None] * vectors.T
    return kept, axes[variances > NEGLIGIBLE * variances[-1]].astype(np.float32)
