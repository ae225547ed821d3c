"""How the levels of one column become numbers: one-hot, ordinal, or the midpoint of a bracket.

Each encoding orders the levels and gives every level a row of features; a value is encoded by looking its row
up, and decoded as the level whose row is nearest.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gtexgen.errors import DataError

__all__ = ["ENCODINGS", "Encoding", "Midpoint", "OneHot", "Ordinal"]

FloatArray = npt.NDArray[np.float32]

BRACKET = re.compile(r"(\d+)-(\d+)")
LEADING_NUMBER = re.compile(r"-?\d+(\.\d+)?")
YOUNGEST, OLDEST = 20, 80  # GTEx's range of ages, in years


class Encoding(ABC):
    """A way to write levels as numbers."""

    @abstractmethod
    def sort(self, levels: Sequence[str], column: str) -> list[str]:
        """Put levels, each once, in order.

        Raises
        ------
        DataError
            A level cannot be encoded in this way; the message names `column`.
        """

    @abstractmethod
    def names(self, column: str, levels: Sequence[str]) -> list[str]:
        """Name the features."""

    @abstractmethod
    def features(self, levels: Sequence[str]) -> FloatArray:
        """Give the features of each level, shape ``(levels, features)``."""


class OneHot(Encoding):
    """One feature a level, 1 for that level alone; levels in alphabetical order."""

    def sort(self, levels: Sequence[str], column: str) -> list[str]:
        """Put levels in alphabetical order."""
        return sorted(levels)

    def names(self, column: str, levels: Sequence[str]) -> list[str]:
        """Name each feature by its level."""
        return [f"{column}={level}" for level in levels]

    def features(self, levels: Sequence[str]) -> FloatArray:
        """Give the rows of the identity."""
        return np.eye(len(levels), dtype=np.float32)


class Ordinal(Encoding):
    """One feature a step, 1 from that level on (a thermometer), so that neighbours share most features.

    Levels are in the order of the number that each starts with: ``20-29``, ``30-39``, ... or ``0``, ``1``,
    ...
    """

    def sort(self, levels: Sequence[str], column: str) -> list[str]:
        """Put levels in the order of the number that each starts with."""
        numbers: dict[str, float] = {}
        for level in levels:
            if (match := LEADING_NUMBER.match(level)) is None:
                raise DataError(
                    f"{level!r} has no place in an order: it does not start with a number",
                    column=column,
                    remedy=f"condition.{column}.encoding=one_hot",
                )
            numbers[level] = float(match[0])
        return sorted(levels, key=lambda level: (numbers[level], level))

    def names(self, column: str, levels: Sequence[str]) -> list[str]:
        """Name each feature by the level from which on it is 1."""
        return [f"{column}>={level}" for level in levels[1:]]

    def features(self, levels: Sequence[str]) -> FloatArray:
        """Give each level a 1 for every step up to it."""
        return np.tri(len(levels), len(levels) - 1, -1, dtype=np.float32)


class Midpoint(Encoding):
    """One feature: the middle of an age bracket, 0 at 20 and 1 at 80 years; ``40-49`` is 45."""

    def sort(self, levels: Sequence[str], column: str) -> list[str]:
        """Put brackets in the order of their middle."""
        for level in levels:
            if BRACKET.fullmatch(level) is None:
                raise DataError(
                    f"{level!r} is not a bracket of years such as 40-49",
                    column=column,
                    remedy=f"condition.{column}.encoding=one_hot",
                )
        return sorted(levels, key=_midpoint)

    def names(self, column: str, levels: Sequence[str]) -> list[str]:
        """Name the one feature by the column."""
        return [column]

    def features(self, levels: Sequence[str]) -> FloatArray:
        """Give the middle of each bracket between the youngest and the oldest."""
        years = np.array([_midpoint(level) for level in levels], dtype=np.float32)
        scaled: FloatArray = (years - YOUNGEST) / np.float32(OLDEST - YOUNGEST)
        return scaled[:, None]


def _midpoint(bracket: str) -> float:
    first, last = bracket.split("-")
    return (int(first) + int(last) + 1) / 2


ENCODINGS: dict[str, Encoding] = {"one_hot": OneHot(), "ordinal": Ordinal(), "midpoint": Midpoint()}
