from __future__ import annotations

import pytest

from gtexgen.evaluation.catalogue import METRICS
from gtexgen.evaluation.results import REAL, SUBJECT
from gtexgen.evaluation.scores import Score
from gtexgen.report.privacy import PROMISES, privacy_findings
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
