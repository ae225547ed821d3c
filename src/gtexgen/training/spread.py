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
    """The variances of one kind of samples, on both scales."""

    def __init__(self, generator: Generator, conditions: pd.DataFrame) -> None:
        self._conditions = conditions
        shape = (len(conditions), len(generator.genes))
        scales = (Scaling("log2", "none"), generator.scaling)
        self._moments = [(scaling, ConditionMoments(*shape)) for scaling in scales]

    def add(self, samples: pd.DataFrame, expression: npt.NDArray[np.float32]) -> None:
        """Add ``(samples, genes)`` in store units."""
        numbers = combination_numbers(samples, self._conditions)
        for scaling, moments in self._moments:
            moments.add(scaling.scale(expression), numbers)

    def add_all(self, generator: Generator, *, seed: int, noise: bool) -> None:
        """Add generated samples: of each condition as many as there are real ones."""
        requests: Any = self._conditions.to_dict("records")
        allow_unseen = generator.extrapolates
        for samples, expression in generator.iter_samples(requests, seed=seed, noise=noise, allow_unseen=allow_unseen):
            self.add(samples, expression)

    def columns(self, kind: str) -> Mapping[str, npt.NDArray[np.float64]]:
        """Give the variances of all genes on log2(x + 1), then those of all genes on the model's scale."""
        return {
            kind: np.concatenate([moments.total() for _, moments in self._moments]),
            f"{kind}_within": np.concatenate([moments.within() for _, moments in self._moments]),
        }
