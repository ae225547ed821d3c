"""The bootstrap with noise: training samples, drawn again and blurred a little."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gtexgen.baselines.base import Arrays, Baseline
from gtexgen.baselines.class_samples import ClassSamples
from gtexgen.errors import ConfigError

__all__ = ["NoisyBootstrap"]

FloatArray = npt.NDArray[np.float32]


class NoisyBootstrap(Baseline):
    """Draws a training sample of the class, and adds Gaussian noise to each gene.

    It is not private: it keeps every training sample, and each sample that it draws is close to one of them. It shows
    what a table of near copies scores, and is the one that measures of privacy must find out.

    Parameters
    ----------
    min_samples
        Samples that a class needs for standard deviations of its own, 2 or more; those of a smaller one are those
        within all classes.
    noise
        Standard deviation of the noise, in those of the gene within the class, 0 or more.
    """

    name = "noisy_bootstrap"
    title = "bootstrap with noise"

    def __init__(self, min_samples: int = 10, noise: float = 0.1) -> None:
        super().__init__(min_samples)
        if noise < 0:
            raise ConfigError(f"noise must be 0 or more, not {noise}")
        self.noise = noise
        self._samples: FloatArray = np.zeros((0, 0), dtype=np.float32)
        self._counts: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._deviations: FloatArray = np.zeros((0, 0), dtype=np.float32)

    @property
    def options(self) -> dict[str, float]:
        """What the constructor was told, by name."""
        return super().options | {"noise": self.noise}

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Give all that was learnt as arrays by name, the training samples among them."""
        state = super().state()
        state |= {"samples": self._samples, "counts": self._counts, "deviations": self._deviations}
        return state

    def _restore(self, state: Arrays) -> None:
        super()._restore(state)
        self._samples, self._counts, self._deviations = state["samples"], state["counts"], state["deviations"]
        n_classes, n_genes = self.shape
        if (self._counts.shape, self._counts.sum()) != ((n_classes,), len(self._samples)):
            raise ValueError("samples and counts do not fit each other")
        if self._samples.shape[1] != n_genes or self._deviations.shape[1] != n_genes:
            raise ValueError("samples, deviations and means are not of the same genes")

    def _fit(self, samples: ClassSamples) -> None:
        self._samples = samples.expression[np.argsort(samples.classes, kind="stable")]
        self._counts = samples.counts
        deviations = [np.sqrt(np.square(spread.residuals).mean(axis=0)) for spread in samples.spreads()]
        self._deviations = np.stack(deviations)

    def _draw(self, classes: npt.NDArray[np.int64], rng: np.random.Generator) -> FloatArray:
        starts = np.cumsum(self._counts) - self._counts
        drawn: FloatArray = self._samples[starts[classes] + rng.integers(self._counts[classes])]
        noise = rng.standard_normal(drawn.shape, dtype=np.float32)
        drawn += np.float32(self.noise) * self._deviations[self._spread_of[classes]] * noise
        return drawn
