"""What a setting may be: ranges and choices that a schema declares, as in ``Annotated[int, at_least(1)]``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Allowed", "above", "at_least", "between", "one_of"]


@dataclass(frozen=True)
class Allowed:
    """The values that a field admits: a test and the words that describe it."""

    test: Callable[[Any], bool]
    words: str

    def admits(self, value: Any) -> bool:
        """Whether `value`, or every member of it where it is a list, is allowed; null always is."""
        members = value if isinstance(value, list) else [value]
        return all(member is None or self.test(member) for member in members)


def at_least(low: float) -> Allowed:
    """Allow `low` or more."""
    return Allowed(lambda value: value >= low, f"must be {low} or more")


def above(low: float) -> Allowed:
    """Allow more than `low`."""
    return Allowed(lambda value: value > low, f"must be more than {low}")


def between(low: float, high: float) -> Allowed:
    """Allow the half-open interval from `low` to below `high`."""
    return Allowed(lambda value: low <= value < high, f"must be at least {low} and below {high}")


def one_of(*choices: str) -> Allowed:
    """Allow the named choices."""
    return Allowed(lambda value: value in choices, f"must be one of: {', '.join(choices)}")
