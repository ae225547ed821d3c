"""What colour stands for in a figure of samples: the categories of a label, or a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.report.palette import MISSING, category_colours

__all__ = ["Categories", "Colouring", "Numbers", "colourable", "colouring"]

MOST_CATEGORIES = 60
FEWEST_NUMBERS = 12
UNKNOWN, REST = "unknown", "others"


@dataclass(frozen=True, eq=False)
class Categories:
    """Samples by category.

    Attributes
    ----------
    of_sample
        ``(samples,)``.
    colours
        ``#RRGGBB`` by category, in the order of a legend; those of no sample are left out.
    """

    of_sample: npt.NDArray[np.object_]
    colours: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Numbers:
    """Samples by a number.

    Attributes
    ----------
    of_sample
        ``(samples,)``; NaN where it is not known.
    low, high
        The ends of the scale.
    """

    of_sample: npt.NDArray[np.float64]
    low: float
    high: float


Colouring: TypeAlias = Categories | Numbers


def colouring(labels: pd.DataFrame, column: str) -> Colouring:
    """Say what colour stands for where samples are coloured by a column.

    A column of twelve or more different numbers is a scale. Anything else has a colour for each category; of more than
    sixty, the most frequent sixty have one and the rest share that of samples for which the column is not known.

    Parameters
    ----------
    labels
        A row a sample.
    column
        One of its columns.
    """
    values = labels[column].astype(object)
    known = values.notna()
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.nunique() >= FEWEST_NUMBERS and numbers.notna().equals(known):
        return Numbers(numbers.to_numpy(np.float64), float(numbers.min()), float(numbers.max()))
    text = values.where(known, UNKNOWN).astype(str)
    frequent = text[known].value_counts().index[:MOST_CATEGORIES]
    text = text.where(text.isin(frequent) | ~known, REST)
    colours = category_colours(column, frequent)
    rest = {name: MISSING for name in (REST, UNKNOWN) if name not in colours and (text == name).any()}
    return Categories(text.to_numpy(object), colours | rest)


def colourable(labels: pd.DataFrame, asked: str) -> Sequence[str]:
    """Give the columns by which samples may be coloured, the one asked for first: none of too many categories."""
    useful = [name for name in labels if name != asked and 2 <= _kinds(labels[name]) <= MOST_CATEGORIES]
    return [asked, *map(str, useful)]


def _kinds(values: pd.Series) -> int:
    """Count the values of a column; numbers that make a scale count as two."""
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.nunique() >= FEWEST_NUMBERS and numbers.notna().equals(values.notna()):
        return 2
    return int(values.nunique())
