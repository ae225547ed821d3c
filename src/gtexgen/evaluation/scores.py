"""What one metric says of one table, and of all the tables of one generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from gtexgen.evaluation.resampling import interval

__all__ = ["Estimate", "Outcome", "Score", "Undefined"]


@dataclass(frozen=True, eq=False)
class Estimate:
    """A metric of one table.

    Attributes
    ----------
    value
        Over all samples.
    replicates
        The same in each bootstrap resample, ``(resamples,)``; NaN where undefined, empty where it is not resampled.
    by_condition
        The same within each condition for which it is defined.
    """

    value: float
    replicates: npt.NDArray[np.floating] = field(default_factory=lambda: np.empty(0))
    by_condition: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Undefined:
    """Why a metric of a table cannot be computed: a sentence for the user."""

    why: str


Outcome: TypeAlias = Estimate | Undefined


@dataclass(frozen=True)
class Score:
    """A metric over all tables of one generator.

    Attributes
    ----------
    value
        The mean over the tables; None where it is undefined.
    low, high
        The ends of the 95 % interval over generation seeds and resampled donors; None where there is none.
    by_condition
        The means over the tables, by condition.
    tables
        Over how many tables.
    why
        Why there is no value; None where there is one.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    by_condition: Mapping[str, float] = field(default_factory=dict)
    tables: int = 0
    why: str | None = None

    @classmethod
    def over(cls, outcomes: Sequence[Outcome]) -> Self:
        """Sum up what was measured on each table; one that is undefined, or not finite, makes the score undefined."""
        estimates = [outcome for outcome in outcomes if isinstance(outcome, Estimate)]
        for outcome in outcomes:
            if isinstance(outcome, Undefined):
                return cls(None, why=outcome.why)
        values = [estimate.value for estimate in estimates]
        if not np.isfinite(values).all():
            return cls(None, why="the figure is not finite")
        low, high = interval(values, [estimate.replicates for estimate in estimates]) or (None, None)
        conditions = {name: None for estimate in estimates for name in estimate.by_condition}
        by_condition = {
            name: float(
                np.mean([estimate.by_condition[name] for estimate in estimates if name in estimate.by_condition])
            )
            for name in conditions
        }
        return cls(float(np.mean(values)), low, high, by_condition, len(values))

    def within(self, bounds: tuple[float, float]) -> Self:
        """Keep the interval within what is possible: centred replicates can reach beyond it."""
        if self.low is None or self.high is None:
            return self
        least, largest = bounds
        return replace(self, low=min(max(self.low, least), largest), high=min(max(self.high, least), largest))

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return {
            "value": self.value,
            "interval": None if self.low is None else [self.low, self.high],
            "by_condition": dict(self.by_condition),
            "tables": self.tables,
            "why": self.why,
        }
