from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from gtexgen.evaluation.catalogue import METRICS
from gtexgen.evaluation.results import REAL, SUBJECT
from gtexgen.evaluation.scores import Score
from gtexgen.report.standing import MISLED
from gtexgen.report.verdict import (
    JUDGED,
    REALISM,
    USEFULNESS,
    missing,
    realism,
    summary,
    usefulness,
    verdict,
    weaknesses,
)
from support.evaluations import small_evaluation

BASELINE = "class_gaussian"
CANDIDATES = {SUBJECT: "the table", REAL: "Real samples", BASELINE: "Class Gaussian"}
JUDGED_KEYS = [key for key, metric in METRICS.items() if metric.question in JUDGED and key not in MISLED]

known = st.builds(lambda value, half: Score(value, value - half, value + half), st.floats(0, 1), st.floats(0, 0.3))
outcomes = st.one_of(known, st.just(Score(None, why="it could not be")))
tables = st.fixed_dictionaries({key: st.fixed_dictionaries(dict.fromkeys(CANDIDATES, outcomes)) for key in METRICS})


def clearly_better(key: str, first: Score, second: Score) -> bool:
    """Say whether the farthest point of one interval is nearer to the ideal than the nearest of the other."""
    metric = METRICS[key]

    def distances(score: Score) -> list[float]:
        assert score.low is not None
        assert score.high is not None
        ideal_inside = [metric.ideal] if score.low <= metric.ideal <= score.high else []
        signs = {"high": -1, "low": 1}
        differences = [value - metric.ideal for value in (score.low, score.high, *ideal_inside)]
        return [signs[metric.better] * d if metric.better in signs else abs(d) for d in differences]

    return first.value is not None and second.value is not None and max(distances(first)) < min(distances(second))


def all_scores(subject: Score, real: Score, baseline: Score) -> dict[str, dict[str, Score]]:
    return {key: {SUBJECT: subject, REAL: real, BASELINE: baseline} for key in METRICS}


def fixed(value: float) -> Score:
    return Score(value, value - 0.01, value + 0.01)


@settings(max_examples=25, deadline=None)
@given(tables)
def test_findings_call_better_and_worse_what_is_and_nothing_else(scores: dict[str, dict[str, Score]]) -> None:
    evaluation = small_evaluation(scores, CANDIDATES)
    rivals = {REAL: "real samples of other donors", BASELINE: "Class Gaussian"}
    for wording, said in ((REALISM, realism(evaluation)), (USEFULNESS, usefulness(evaluation))):
        defined = [key for key in wording if scores[key][SUBJECT].value is not None]
        for key, found in zip(defined, said, strict=True):
            for rival, name in rivals.items():
                subject, other = scores[key][SUBJECT], scores[key][rival]
                assert (f"clearly better than {name}" in found.beside) == clearly_better(key, subject, other)
                assert (f"clearly worse than {name}" in found.beside) == clearly_better(key, other, subject)
                assert (name in found.beside) == (other.value is not None)


@settings(max_examples=25, deadline=None)
@given(tables)
def test_the_summary_counts_every_metric_once(scores: dict[str, dict[str, Score]]) -> None:
    said = summary(small_evaluation(scores, CANDIDATES))
    both = [key for key in JUDGED_KEYS if None not in {scores[key][SUBJECT].value, scores[key][BASELINE].value}]
    better = [key for key in both if clearly_better(key, scores[key][SUBJECT], scores[key][BASELINE])]
    worse = [key for key in both if clearly_better(key, scores[key][BASELINE], scores[key][SUBJECT])]
    figures = [
        int(figure) for figure in re.findall(r"\b\d+\b", next((text for text in said if "Gaussian" in text), ""))
    ]
    assert figures == ([len(both), len(better), len(worse), len(both) - len(better) - len(worse)] if both else [])


@settings(max_examples=25, deadline=None)
@given(tables)
def test_every_metric_in_which_the_baseline_is_better_is_named_and_no_other(
    scores: dict[str, dict[str, Score]],
) -> None:
    said = " ".join(weaknesses(small_evaluation(scores, CANDIDATES)))
    worse = [key for key in JUDGED_KEYS if clearly_better(key, scores[key][BASELINE], scores[key][SUBJECT])]
    assert re.findall(r"(?:: |; )(.+?) \(", said) == [METRICS[key].title for key in worse]


def test_a_table_better_than_the_baseline_everywhere_is_said_to_be() -> None:
    scores = all_scores(fixed(0.8), fixed(0.9), fixed(0.3))
    for key, metric in METRICS.items():
        if metric.better == "low" or metric.ideal in {0, 0.5}:
            scores[key] = {SUBJECT: fixed(0.6), REAL: fixed(0.53), BASELINE: fixed(0.9)}
    evaluation = small_evaluation(scores, CANDIDATES)
    assert weaknesses(evaluation) == ["The Class Gaussian is clearly better in no metric of realism and use."]
    assert "clearly worse than Class Gaussian" not in " ".join(verdict(evaluation))


def test_a_verdict_without_intervals_says_that_it_allows_for_no_chance() -> None:
    without = summary(small_evaluation(all_scores(Score(0.7), Score(0.9), Score(0.4)), CANDIDATES))
    assert without[0].startswith("There are no intervals (resamples=0)")
    assert "no intervals" not in " ".join(
        summary(small_evaluation(all_scores(fixed(0.7), fixed(0.9), fixed(0.4)), CANDIDATES))
    )


def test_figures_of_the_sentences_are_those_of_the_scores() -> None:
    scores = all_scores(fixed(0.7), fixed(0.95), fixed(0.4))
    scores["detection_auc"] = {SUBJECT: fixed(0.931), REAL: fixed(0.584), BASELINE: fixed(0.977)}
    scores["coverage"] = {SUBJECT: fixed(0.712), REAL: fixed(0.95), BASELINE: Score(None, why="no")}
    said = [str(found) for found in realism(small_evaluation(scores, CANDIDATES))]
    detection, coverage = (next(text for text in said if word in text) for word in ("boosted", "variety"))
    assert "AUC of 0.931" in detection
    assert "real samples of other donors 0.584, Class Gaussian 0.977" in detection
    assert "clearly worse than real samples of other donors and clearly better than Class Gaussian" in detection
    assert coverage.startswith("71.2 % of the real samples")
    assert "Class Gaussian" not in coverage


def test_what_is_undefined_is_named_with_its_reason() -> None:
    scores = all_scores(fixed(0.7), fixed(0.95), fixed(0.4))
    scores["domias_auc"][SUBJECT] = Score(None, why="there are no other donors")
    scores["domias_tpr"][SUBJECT] = Score(None, why="there are no other donors")
    scores["sex_transfer"][SUBJECT] = Score(None, why="the table does not tell the sex")
    titles = [METRICS[key].title for key in ("domias_auc", "domias_tpr", "sex_transfer")]
    evaluation = small_evaluation(scores, CANDIDATES)
    assert sorted(missing(evaluation)) == sorted(
        [
            f"Not measured: {titles[0]}, {titles[1]}. Reason: there are no other donors.",
            f"Not measured: {titles[2]}. Reason: the table does not tell the sex.",
        ]
    )
    assert not any("None" in sentence for sentence in verdict(evaluation))


def test_without_a_baseline_nothing_is_said_of_one() -> None:
    scores = {key: {SUBJECT: fixed(0.7), REAL: fixed(0.9)} for key in METRICS}
    evaluation = small_evaluation(scores, {SUBJECT: "the table", REAL: "Real samples"})
    assert weaknesses(evaluation) == []
    assert "Gaussian" not in " ".join(verdict(evaluation))
