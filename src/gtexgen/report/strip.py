"""Where the candidates lie on the scale of one metric: the positions of the small drawing beside each row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gtexgen.evaluation.catalogue import Metric
from gtexgen.evaluation.results import SUBJECT, Evaluation

__all__ = ["WIDTH", "Strip", "strip"]

WIDTH = 100.0
MARGIN = 6.0


@dataclass(frozen=True)
class Strip:
    """Positions from 0 to `WIDTH`.

    Attributes
    ----------
    ideal
        Of the ideal value.
    dots
        Of each candidate that has a value, by key.
    whisker
        Of the ends of the subject's interval; None where there is none.
    """

    ideal: float
    dots: dict[str, float]
    whisker: tuple[float, float] | None


def strip(evaluation: Evaluation, metric: Metric) -> Strip | None:
    """Place all candidates between the smallest and the largest value; None where no candidate has one."""
    values = {
        candidate: score.value
        for candidate, score in evaluation.scores[metric.key].items()
        if score.value is not None and candidate in evaluation.candidates
    }
    if not values:
        return None
    subject = evaluation.score(metric.key)
    ends = [end for end in (subject.low, subject.high) if end is not None]
    shown = np.array([metric.ideal, *values.values(), *ends])
    span = float(np.ptp(shown)) or 1.0

    def place(value: float) -> float:
        return round(MARGIN + (WIDTH - 2 * MARGIN) * (value - float(shown.min())) / span, 2)

    order = sorted(values, key=lambda candidate: candidate == SUBJECT)
    whisker = (place(ends[0]), place(ends[1])) if len(ends) == 2 else None
    return Strip(place(metric.ideal), {candidate: place(values[candidate]) for candidate in order}, whisker)
