"""The score table as text: one row a metric, one cell a candidate, numbered reasons for what is undefined."""

from __future__ import annotations

from dataclasses import dataclass

from gtexgen.evaluation.catalogue import QUESTIONS, Metric, metrics_of
from gtexgen.evaluation.results import Evaluation
from gtexgen.evaluation.scores import Score
from gtexgen.report.standing import figure

__all__ = ["Cell", "Group", "Row", "ScoreTable", "score_table"]


@dataclass(frozen=True)
class Cell:
    """One score.

    Attributes
    ----------
    candidate
        Whose score it is, by key.
    value
        The number by which rows are sorted; None where it is undefined.
    text
        The number as it is shown, or a dash.
    interval
        The ends of its interval as they are shown; None where there is none.
    footnote
        The number, from 1, of the reason for a dash; None where there is a value.
    """

    candidate: str
    value: float | None
    text: str
    interval: tuple[str, str] | None
    footnote: int | None


@dataclass(frozen=True)
class Row:
    """A metric with its cells, in the order of the candidates."""

    metric: Metric
    ideal: str
    cells: list[Cell]


@dataclass(frozen=True)
class Group:
    """The rows of one question."""

    question: str
    rows: list[Row]


@dataclass(frozen=True)
class ScoreTable:
    """All groups, and the reasons to which footnotes point: number 1 is the first."""

    groups: list[Group]
    reasons: list[str]


def score_table(evaluation: Evaluation) -> ScoreTable:
    """Lay out every score of every candidate, grouped by question."""
    reasons: list[str] = []
    groups = [
        Group(title, [_row(evaluation, metric, reasons) for metric in metrics_of(question)])
        for question, title in QUESTIONS.items()
    ]
    return ScoreTable(groups, reasons)


def _row(evaluation: Evaluation, metric: Metric, reasons: list[str]) -> Row:
    cells = [
        _cell(metric, candidate, evaluation.score(metric.key, candidate), reasons)
        for candidate in evaluation.candidates
    ]
    return Row(metric, f"{metric.ideal:g}", cells)


def _cell(metric: Metric, candidate: str, score: Score, reasons: list[str]) -> Cell:
    """Write one score; a reason that was not met before joins `reasons`."""
    if score.value is None:
        why = score.why or "no reason is known"
        if why not in reasons:
            reasons.append(why)
        return Cell(candidate, None, figure(metric, None), None, reasons.index(why) + 1)
    ends = None if score.low is None else (figure(metric, score.low), figure(metric, score.high))
    return Cell(candidate, score.value, figure(metric, score.value), ends, None)
