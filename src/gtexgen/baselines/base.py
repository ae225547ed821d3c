"""What every baseline does: learn classes of samples, and draw new ones of a class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from gtexgen.baselines.class_samples import ClassSamples
from gtexgen.errors import ConfigError, DataError

__all__ = ["Arrays", "Baseline"]

FloatArray: TypeAlias = npt.NDArray[np.float32]
IndexArray: TypeAlias = npt.NDArray[np.int64]
Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]


class Baseline(ABC):
    """Learns classes of samples on log2(x + 1), and draws samples of a class.

    A class is a combination of conditions. One with fewer than `min_samples` samples keeps its own mean, even where
    this is a single sample, and takes its spread about the mean from all classes together.

    Parameters
    ----------
    min_samples
        Samples that a class needs for a spread of its own, 2 or more.

    Raises
    ------
    ConfigError
        An option is out of range.
    """

    name: ClassVar[str]
    """What configurations call it."""
    title: ClassVar[str]
    """What sentences call it."""

    def __init__(self, min_samples: int = 10) -> None:
        if min_samples < 2:
            raise ConfigError(f"min_samples must be 2 or more, not {min_samples}")
        self.min_samples = min_samples
        self._means: FloatArray = np.zeros((0, 0), dtype=np.float32)
        self._largest: FloatArray = np.zeros(0, dtype=np.float32)
        self._spread_of: IndexArray = np.zeros(0, dtype=np.int64)

    @property
    def options(self) -> dict[str, Any]:
        """What the constructor was told, by name."""
        return {"min_samples": self.min_samples}

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of classes and of genes."""
        n_classes, n_genes = self._means.shape
        return n_classes, n_genes

    def fit(self, expression: npt.NDArray[np.floating[Any]], classes: npt.NDArray[np.integer[Any]]) -> Self:
        """Learn from training samples. Nothing is random: the same samples give the same baseline.

        Parameters
        ----------
        expression
            log2(x + 1), ``(samples, genes)``.
        classes
            The class of each sample, ``(samples,)``, counted from 0 without gaps.

        Raises
        ------
        DataError
            A value is negative or not finite, a class number is left out, or there is no class of two samples.
        """
        samples = ClassSamples.of(expression, classes, self.min_samples)
        self._means, self._spread_of = samples.means, samples.spread_of
        self._largest = samples.expression.max(axis=0)
        self._fit(samples)
        return self

    def draw(self, classes: npt.NDArray[np.integer[Any]], rng: np.random.Generator) -> FloatArray:
        """Draw one sample of each class named.

        Parameters
        ----------
        classes
            ``(samples,)``; a class may be named often.
        rng
            Where the noise comes from.

        Returns
        -------
        numpy.ndarray
            log2(x + 1), ``(samples, genes)`` float32, from 0 to the gene's largest value in training.

        Raises
        ------
        DataError
            A class is unknown.
        """
        drawn = self._draw(self._known(classes), rng)
        clipped: FloatArray = np.clip(drawn, 0, self._largest, out=drawn)
        return clipped

    def mean(self, classes: npt.NDArray[np.integer[Any]]) -> FloatArray:
        """Give the mean of the training samples of each class named, log2(x + 1), ``(samples, genes)``."""
        means: FloatArray = self._means[self._known(classes)]
        return means

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Give all that was learnt as arrays by name."""
        return {"means": self._means, "largest": self._largest, "spread_of": self._spread_of}

    @classmethod
    def from_state(cls, state: Arrays, options: Mapping[str, Any] | None = None) -> Self:
        """Restore what `state` gave.

        Parameters
        ----------
        state
            The arrays.
        options
            As `Baseline.options` gave them.

        Raises
        ------
        KeyError, ValueError
            An array is missing, or does not fit the others.
        """
        baseline = cls(**(options or {}))
        baseline._restore(state)
        return baseline

    def _restore(self, state: Arrays) -> None:
        self._means, self._largest, self._spread_of = state["means"], state["largest"], state["spread_of"]
        n_classes, n_genes = self._means.shape
        if self._largest.shape != (n_genes,) or self._spread_of.shape != (n_classes,):
            raise ValueError("means, largest and spread_of do not fit each other")

    @abstractmethod
    def _fit(self, samples: ClassSamples) -> None:
        """Learn what is spread about the means."""

    @abstractmethod
    def _draw(self, classes: IndexArray, rng: np.random.Generator) -> FloatArray:
        """Draw samples of known classes, which may lie outside of what is possible."""

    def _known(self, classes: npt.NDArray[np.integer[Any]]) -> IndexArray:
        numbers = np.asarray(classes, dtype=np.int64)
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(self._means):
            unknown = numbers[(numbers < 0) | (numbers >= len(self._means))][0]
            raise DataError(f"the {self.title} has learnt {len(self._means)} classes, and none has number {unknown}")
        return numbers
