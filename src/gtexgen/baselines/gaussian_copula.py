"""The Gaussian copula: each gene's own distribution in a class, joined by the correlation of normal scores."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gtexgen.baselines.base import Arrays, Baseline
from gtexgen.baselines.class_samples import POOLED, ClassSamples, Spread, rows_by_spread
from gtexgen.baselines.factor_noise import FactorNoise, pack_noises, unpack_noises
from gtexgen.baselines.marginals import Marginals, normal_scores, pack_marginals, unpack_marginals
from gtexgen.errors import ConfigError

__all__ = ["GaussianCopula"]


class GaussianCopula(Baseline):
    """Draws correlated normal numbers and gives each gene the quantile of its class that belongs to them.

    A gene is exactly zero as often as it was in training. The correlation is that of normal scores in the class, shrunk
    as Ledoit and Wolf do. A small class takes the distribution about the mean, and the correlation, within all classes.

    Parameters
    ----------
    min_samples
        Samples that a class needs for distributions and a correlation of its own, 2 or more.
    levels
        Quantiles kept of each gene and class, 2 or more.
    """

    name = "gaussian_copula"
    title = "Gaussian copula"

    def __init__(self, min_samples: int = 10, levels: int = 100) -> None:
        super().__init__(min_samples)
        if levels < 2:
            raise ConfigError(f"levels must be 2 or more, not {levels}")
        self.levels = levels
        self._noises: list[FactorNoise] = []
        self._marginals: list[Marginals] = []

    @property
    def options(self) -> dict[str, int]:
        """What the constructor was told, by name."""
        return super().options | {"levels": self.levels}

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Give all that was learnt as arrays by name."""
        return super().state() | pack_noises(self._noises) | pack_marginals(self._marginals)

    def _restore(self, state: Arrays) -> None:
        super()._restore(state)
        self._noises, self._marginals = unpack_noises(state), unpack_marginals(state)

    def _fit(self, samples: ClassSamples) -> None:
        self._noises, self._marginals = [], []
        for number, spread in enumerate(samples.spreads()):
            values = _values(samples, spread, number)
            self._marginals.append(
                Marginals.of_residuals(values, self.levels)
                if number == POOLED
                else Marginals.of_expression(values, self.levels)
            )
            self._noises.append(FactorNoise.with_correlation(normal_scores(values)))

    def _draw(self, classes: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.float32]:
        from scipy.special import ndtr

        drawn = np.empty((len(classes), self._means.shape[1]), dtype=np.float32)
        for spread, rows in rows_by_spread(self._spread_of[classes]):
            drawn[rows] = self._marginals[spread].at(ndtr(self._noises[spread].draw(len(rows), rng)))
            if spread == POOLED:
                drawn[rows] += self._means[classes[rows]]
        return drawn


def _values(samples: ClassSamples, spread: Spread, number: int) -> npt.NDArray[np.float32]:
    """Give what is ranked: the expression of a class, or deviations from the means of all classes."""
    return spread.residuals if number == POOLED else samples.expression[spread.rows]
