from __future__ import annotations

import pytest

from gtexgen.evaluation.catalogue import METRICS
from gtexgen.evaluation.results import REAL, SUBJECT
from gtexgen.evaluation.scores import Score
from gtexgen.report.privacy import PROMISES, privacy_findings, privacy_warnings
from support.evaluations import small_evaluation

UNDEFINED = Score(None, why="no")


def said(**of_subject: Score) -> list[str]:
    scores = {key: {SUBJECT: of_subject.get(key, UNDEFINED), REAL: UNDEFINED} for key in METRICS}
    evaluation = small_evaluation(scores, {SUBJECT: "the table", REAL: "Real samples"})
    return [str(found) for found in privacy_findings(evaluation)]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.52, 0.6, "gives something of its donors away"),
        (0.45, 0.6, "found nothing that chance could not"),
        (0.4, 0.48, "look less like members"),
        (None, None, "chance cannot be ruled out"),
    ],
)
def test_an_attack_is_judged_by_its_interval(low: float | None, high: float | None, words: str) -> None:
    (sentence,) = said(membership_auc=Score(0.55, low, high))
    assert words in sentence
    assert "AUC of 0.550" in sentence


def test_what_was_not_measured_is_not_spoken_of() -> None:
    assert said() == []
    (sentence,) = said(copies=Score(0.012, 0.0, 0.02))
    assert sentence.startswith("1.2 % of the samples")


@pytest.mark.parametrize(
    "topic", ["on average", "Differential privacy is not given", "Relatives", "copy", "few donors"]
)
def test_the_limits_of_the_figures_are_told(topic: str) -> None:
    assert topic in " ".join(PROMISES)


@pytest.mark.parametrize(
    ("copies", "found", "warned"),
    [
        (Score(0.0), Score(0.01, 0.0, 0.02), []),
        (Score(1.0), Score(0.01, 0.0, 0.02), ["100% of the samples"]),
        (Score(0.0), Score(0.64, 0.6, 0.7), ["64% of training samples"]),
        (Score(0.0), Score(0.06, 0.0, 0.2), []),
        (Score(0.2), Score(0.3, 0.2, 0.4), ["20% of the samples", "30% of training samples"]),
    ],
)
def test_what_no_reader_may_miss_is_told_first(copies: Score, found: Score, warned: list[str]) -> None:
    scores = {key: {SUBJECT: UNDEFINED, REAL: UNDEFINED} for key in METRICS}
    scores |= {"copies": {SUBJECT: copies, REAL: Score(0.0)}, "membership_tpr": {SUBJECT: found, REAL: Score(0.01)}}
    warnings = privacy_warnings(small_evaluation(scores, {SUBJECT: "synthetic", REAL: "other real donors"}))
    assert len(warnings) == len(warned)
    assert all(words in warning for words, warning in zip(warned, warnings, strict=True))
