"""From the metrics of a run to the values and constraints of a trial."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from gtexgen.config.validation import did_you_mean
from gtexgen.errors import ConfigError

__all__ = ["Bound", "MissingMetricError", "objective_values", "read_bounds"]

BOUND = re.compile(r"\s*(<=|>=)\s*(\S+)\s*")


class MissingMetricError(ConfigError):
    """An objective or a constraint names a metric that a run is not measured by: no other trial will be either."""


class Bound:
    """The bound of a metric.

    Parameters
    ----------
    metric
        Its name.
    text
        Such as ``">=5"``.

    Raises
    ------
    ConfigError
        If `text` is no bound.
    """

    def __init__(self, metric: str, text: str) -> None:
        self.metric = metric
        try:
            ((sign, number),) = [match.groups() for match in [BOUND.fullmatch(text)] if match]
            self._sign, self._number = (1.0 if sign == "<=" else -1.0), float(number)
        except ValueError as error:
            raise ConfigError(
                f'sweep.constraints: {metric}: {text!r} is no bound.\n  Remedy: such as ">=5" or "<=0.2"'
            ) from error

    def violation(self, metrics: Mapping[str, float]) -> float:
        """Say by how much the metric is beyond its bound; 0 and less is within it."""
        return self._sign * (_metric(metrics, self.metric) - self._number)


def read_bounds(constraints: Mapping[str, str] | None) -> list[Bound]:
    """Read ``sweep.constraints``.

    Raises
    ------
    ConfigError
        If one of them is no bound.
    """
    return [Bound(metric, text) for metric, text in (constraints or {}).items()]


def objective_values(metrics: Mapping[str, float], objectives: Sequence[str]) -> list[float]:
    """Give the value of each objective.

    Parameters
    ----------
    metrics
        All that a run was measured by, by name.
    objectives
        The names asked for.

    Raises
    ------
    MissingMetricError
        If a metric was not measured.
    ConfigError
        If it is not finite.
    """
    return [_metric(metrics, objective) for objective in objectives]


def _metric(metrics: Mapping[str, float], name: str) -> float:
    if name not in metrics:
        raise MissingMetricError(f"there is no metric '{name}'.{did_you_mean(name, metrics)}")
    if not math.isfinite(metrics[name]):
        raise ConfigError(f"{name} is {metrics[name]}")
    return metrics[name]
