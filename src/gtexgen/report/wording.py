"""Findings about single scores, each beside those of real samples and of the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gtexgen.evaluation.catalogue import METRICS
from gtexgen.evaluation.results import REAL, SUBJECT, Evaluation
from gtexgen.report.standing import Standing, compare, figure, reference

__all__ = ["WORDS", "Finding", "finding", "findings", "in_words"]

WORDS: dict[Standing, str] = {
    "better": "clearly better than",
    "alike": "not clearly different from",
    "worse": "clearly worse than",
}
SHARES = {"coverage", "precision", "recall", "copies"}
"""Metrics that prose gives in per cent."""


@dataclass(frozen=True)
class Finding:
    """What a score says.

    Attributes
    ----------
    claim
        A sentence with the subject's figure.
    beside
        One with those that stand beside it, and how the subject stands to them; empty where there are none.
    """

    claim: str
    beside: str = ""

    def __str__(self) -> str:
        return f"{self.claim} {self.beside}".strip()


def findings(evaluation: Evaluation, wording: Mapping[str, str]) -> list[Finding]:
    """Give the findings of several metrics; those in which the subject is undefined are left out."""
    return [
        finding(evaluation, key, words) for key, words in wording.items() if evaluation.score(key).value is not None
    ]


def finding(evaluation: Evaluation, key: str, words: str) -> Finding:
    """Put a score of the subject into words, with what stands beside it.

    Parameters
    ----------
    evaluation
        Holds the scores.
    key
        Of the metric.
    words
        What is said: ``{}`` stands for the figure, ``{condition}`` for the label by which tables were compared.
    """
    claim = f"{words.format(in_words(evaluation, key), condition=evaluation.condition)}."
    figures, judgements = [], []
    for candidate, name in _beside(evaluation).items():
        standing = compare(METRICS[key], evaluation.score(key), evaluation.score(key, candidate))
        if standing is not None:
            figures.append(f"{name} {in_words(evaluation, key, candidate)}")
            judgements.append(f"{WORDS[standing]} {name}")
    if not figures:
        return Finding(claim)
    return Finding(claim, f"For comparison: {', '.join(figures)}. It is {' and '.join(judgements)}.")


def in_words(evaluation: Evaluation, key: str, candidate: str = SUBJECT) -> str:
    """Write a value as prose does: shares in per cent, all else as tables do."""
    metric, value = METRICS[key], evaluation.score(key, candidate).value
    if value is None or key not in SHARES:
        return figure(metric, value)
    return f"{100 * value:.{max(metric.digits - 2, 0)}f} %"


def _beside(evaluation: Evaluation) -> dict[str, str]:
    """Name, by key, the candidates that stand beside the subject."""
    names = {REAL: "real samples of other donors"} if REAL in evaluation.candidates else {}
    baseline = reference(evaluation)
    return names if baseline is None else {**names, baseline: evaluation.candidates[baseline]}
