"""Which of two scores is better, and whether their intervals let one say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from gtexgen.evaluation.catalogue import METRICS, Metric, Question
from gtexgen.evaluation.results import REAL, SUBJECT, Evaluation
from gtexgen.evaluation.scores import Score

__all__ = ["MISLED", "REFERENCE", "Standing", "compare", "distance", "figure", "reference", "standings"]

Standing: TypeAlias = Literal["better", "alike", "worse"]

REFERENCE = "class_gaussian"
"""The baseline that beats most published networks: the one that a verdict speaks of."""


MISLED = {"adversarial_accuracy", "recall"}
"""Metrics that a table which is spread out too far gets right by mistake: one half of the former is then 1, the other
0, and balls that are too large hold all that is real. They are shown, and not counted."""


def distance(metric: Metric, value: float) -> float:
    """Say how far a value is from the metric's ideal: the smaller the better, negative where it is beyond it."""
    match metric.better:
        case "high":
            return metric.ideal - value
        case "low":
            return value - metric.ideal
        case "near":
            return abs(value - metric.ideal)


def compare(metric: Metric, score: Score, other: Score) -> Standing | None:
    """Say how a score stands to another.

    Parameters
    ----------
    metric
        The metric of both.
    score, other
        What is judged, and beside what.

    Returns
    -------
    {"better", "alike", "worse"} or None
        ``alike`` where the intervals, as distances from the ideal, share a value; None where either is undefined.
    """
    if score.value is None or other.value is None:
        return None
    nearest, farthest = _range(metric, score.value, score)
    other_nearest, other_farthest = _range(metric, other.value, other)
    if farthest < other_nearest:
        return "better"
    return "worse" if other_farthest < nearest else "alike"


def standings(evaluation: Evaluation, other: str, questions: Sequence[Question]) -> dict[str, Standing]:
    """Say how the subject stands to another candidate in each metric of some questions that both have."""
    found = {
        key: compare(metric, evaluation.score(key), evaluation.score(key, other))
        for key, metric in METRICS.items()
        if metric.question in questions and key not in MISLED
    }
    return {key: standing for key, standing in found.items() if standing is not None}


def reference(evaluation: Evaluation) -> str | None:
    """Name the baseline beside which the subject is judged: the class Gaussian, else the first that there is."""
    baselines = [key for key in evaluation.candidates if key not in {SUBJECT, REAL}]
    if REFERENCE in baselines:
        return REFERENCE
    return baselines[0] if baselines else None


def figure(metric: Metric, value: float | None) -> str:
    """Write a value with the decimals that are worth showing; a dash where there is none."""
    if value is None:
        return "\N{EN DASH}"
    unsigned_zero = round(value, metric.digits) + 0.0
    return f"{unsigned_zero:.{metric.digits}f}".replace("-", "\N{MINUS SIGN}")


def _range(metric: Metric, value: float, score: Score) -> tuple[float, float]:
    """Give the smallest and the largest distance from the ideal that a score's interval, with its value, holds."""
    ends = [end for end in (score.low, score.high) if end is not None]
    low, high = min([value, *ends]), max([value, *ends])
    distances = [distance(metric, low), distance(metric, high)]
    crosses = metric.better == "near" and low < metric.ideal < high
    return (0.0 if crosses else min(distances)), max(distances)
