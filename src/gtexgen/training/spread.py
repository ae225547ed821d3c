"""The variances of one kind of samples, over all of them and within conditions, on two scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.data.scaling import Scaling
from gtexgen.generator import Generator
from gtexgen.generator.counts import combination_numbers
from gtexgen.training.moments import ConditionMoments

__all__ = ["Spread"]


class Spread:
    """The variances of one kind of samples, on both scales.

    The model's scale divides a transform of store units by a factor, so that the variances of the transform are enough.
    """

    def __init__(self, generator: Generator, conditions: pd.DataFrame) -> None:
        self._conditions = conditions
        self._scaling = generator.scaling
        shape = (len(conditions), len(generator.genes))
        self._moments = {transform: ConditionMoments(*shape) for transform in {"log2", generator.scaling.transform}}

    def add(self, samples: pd.DataFrame, expression: npt.NDArray[np.float32]) -> None:
        """Add ``(samples, genes)`` in store units."""
        numbers = combination_numbers(samples, self._conditions)
        for transform, moments in self._moments.items():
            moments.add(Scaling(transform, "none").scale(expression), numbers)

    def add_all(self, generator: Generator, *, seed: int, noise: bool) -> None:
        """Add generated samples: of each condition as many as there are real ones."""
        requests: Any = self._conditions.to_dict("records")
        allow_unseen = generator.extrapolates
        for samples, expression in generator.iter_samples(requests, seed=seed, noise=noise, allow_unseen=allow_unseen):
            self.add(samples, expression)

    def columns(self, kind: str) -> Mapping[str, npt.NDArray[np.float64]]:
        """Give the variances of all genes on log2(x + 1), then those of all genes on the model's scale."""
        log2, own = self._moments["log2"], self._moments[self._scaling.transform]
        unit = 1.0 if self._scaling.factor is None else self._scaling.factor**2
        return {
            kind: np.concatenate([log2.total(), own.total() / unit]),
            f"{kind}_within": np.concatenate([log2.within(), own.within() / unit]),
        }
