"""The principal components of the training samples: a fixed space, kept with a result that was measured in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from gtexgen.errors import DataError

__all__ = ["N_COMPONENTS", "FeatureSpace"]

N_COMPONENTS = 50
"""As many as the field keeps of expression before it embeds, clusters or compares it."""


@dataclass(frozen=True, eq=False)
class FeatureSpace:
    """Centred principal components of log2(x + 1), neither standardised nor whitened: distances stay those of genes.

    Attributes
    ----------
    mean
        Of each gene in the training samples, ``(genes,)``.
    components
        Orthonormal directions, by falling variance, ``(components, genes)``.
    explained_variance
        Of the training samples along each, ``(components,)``.
    """

    mean: npt.NDArray[np.float32]
    components: npt.NDArray[np.float32]
    explained_variance: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, expression: npt.NDArray[np.floating], n_components: int = N_COMPONENTS) -> Self:
        """Fit the space to training samples.

        Parameters
        ----------
        expression
            ``(samples, genes)``, log2(x + 1).
        n_components
            How many; fewer where the samples or the genes do not span as many.
        """
        from sklearn.decomposition import PCA

        n_components = min(n_components, len(expression) - 1, expression.shape[1])
        fitted = PCA(n_components, random_state=0).fit(expression.astype(np.float32, copy=False))
        arrays = fitted.mean_, fitted.components_, fitted.explained_variance_
        return cls(*(np.ascontiguousarray(array, dtype=np.float32) for array in arrays))

    def transform(self, expression: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Place ``(samples, genes)`` in the space, ``(samples, components)``."""
        centred: npt.NDArray[np.float32] = np.subtract(expression, self.mean, dtype=np.float32)
        return centred @ self.components.T

    def save(self, path: Path) -> None:
        """Write a safetensors file."""
        save_file(vars(self), path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        DataError
            The file is none, or another's.
        """
        try:
            return cls(**load_file(path))
        except (OSError, SafetensorError, TypeError) as error:
            raise DataError(
                "does not hold a feature space (mean, components, explained_variance)",
                path=path,
                remedy="evaluate again, which fits and saves one",
            ) from error
