"""Data frames as rows of cells that a page can show and sort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from gtexgen.evaluation.results import SUBJECT, Evaluation
from gtexgen.report.interactive.conditions import metrics_by_condition
from gtexgen.report.palette import category_colours
from gtexgen.report.standing import figure

__all__ = ["MOST_ROWS", "PlainCell", "PlainTable", "condition_table", "plain_table"]

MOST_ROWS = 200
"""Rows that a page shows; the whole table is a file beside it."""


@dataclass(frozen=True)
class PlainCell:
    """What a cell shows, and the number by which its column is sorted; None is sorted by the text."""

    text: str
    number: float | None = None


@dataclass(frozen=True)
class PlainTable:
    """Rows of cells.

    Attributes
    ----------
    columns
        Their titles.
    numeric
        Which of them hold numbers.
    rows
        At most `MOST_ROWS`.
    total
        How many rows there are in all.
    hints
        What a title means, by title.
    colours
        The colour of a text in the first column, by text.
    """

    columns: list[str]
    numeric: list[bool]
    rows: list[list[PlainCell]]
    total: int
    hints: Mapping[str, str] = field(default_factory=dict)
    colours: Mapping[str, str] = field(default_factory=dict)


def plain_table(frame: pd.DataFrame, label: str | None = None) -> PlainTable:
    """Lay out a data frame.

    Parameters
    ----------
    frame
        Any; its index is not shown.
    label
        Which label of samples the first column holds, so that its values have their colours.
    """
    numeric = [pd.api.types.is_numeric_dtype(frame[name]) for name in frame]
    rows = [[_cell(value) for value in row] for row in frame.head(MOST_ROWS).itertuples(index=False)]
    colours = category_colours(label, [row[0].text for row in rows]) if label and rows else {}
    titles = [str(name).replace("_", " ") for name in frame]
    return PlainTable(titles, numeric, rows, len(frame), colours=colours)


def condition_table(evaluation: Evaluation) -> PlainTable:
    """Lay out every metric that the subject has by condition, a row a condition."""
    metrics = metrics_by_condition(evaluation)
    names = sorted({name for metric in metrics for name in evaluation.score(metric.key, SUBJECT).by_condition})
    rows = []
    for name in names:
        values = [evaluation.score(metric.key).by_condition.get(name) for metric in metrics]
        cells = [PlainCell(figure(metric, value), value) for metric, value in zip(metrics, values, strict=True)]
        rows.append([PlainCell(name), *cells])
    return PlainTable(
        columns=[evaluation.condition, *(metric.title for metric in metrics)],
        numeric=[False, *(True for _ in metrics)],
        rows=rows,
        total=len(rows),
        hints={metric.title: metric.meaning for metric in metrics},
        colours=category_colours(evaluation.condition, names),
    )


def _cell(value: Any) -> PlainCell:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return PlainCell("\N{EN DASH}")
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return PlainCell(str(value))
    if isinstance(value, int | np.integer):
        return PlainCell(f"{value:,}", float(value))
    number = float(value)
    return PlainCell(f"{number:.3f}" if number == 0 or 1e-3 <= abs(number) < 1e6 else f"{number:.2e}", number)
