"""The class Gaussian: a mean and a shrunk covariance a class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gtexgen.baselines.base import Arrays, Baseline
from gtexgen.baselines.class_samples import ClassSamples, rows_by_spread
from gtexgen.baselines.factor_noise import FactorNoise, pack_noises, unpack_noises

__all__ = ["ClassGaussian"]


class ClassGaussian(Baseline):
    """Draws from a Gaussian a class: the mean of its samples, and their covariance shrunk as Ledoit and Wolf do.

    A small class takes the shrunk covariance within all classes.

    Parameters
    ----------
    min_samples
        Samples that a class needs for a covariance of its own, 2 or more.
    """

    name = "class_gaussian"
    title = "class Gaussian"

    def __init__(self, min_samples: int = 10) -> None:
        super().__init__(min_samples)
        self._noises: list[FactorNoise] = []

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Give all that was learnt as arrays by name."""
        return super().state() | pack_noises(self._noises)

    def _restore(self, state: Arrays) -> None:
        super()._restore(state)
        self._noises = unpack_noises(state)

    def _fit(self, samples: ClassSamples) -> None:
        self._noises = [FactorNoise.with_covariance(spread.residuals) for spread in samples.spreads()]

    def _draw(self, classes: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.float32]:
        drawn: npt.NDArray[np.float32] = self._means[classes]
        for spread, rows in rows_by_spread(self._spread_of[classes]):
            drawn[rows] += self._noises[spread].draw(len(rows), rng)
        return drawn
