from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtexgen.evaluation.catalogue import METRICS
from gtexgen.evaluation.scores import Score
from gtexgen.report.standing import compare, distance, figure

HIGH, LOW, NEAR = METRICS["coverage"], METRICS["wasserstein"], METRICS["detection_auc"]


def score(value: float, half: float = 0.0) -> Score:
    return Score(value, value - half, value + half)


@pytest.mark.parametrize(
    ("metric", "first", "second", "standing"),
    [
        (HIGH, score(0.9, 0.01), score(0.8, 0.01), "better"),
        (HIGH, score(0.8, 0.01), score(0.9, 0.01), "worse"),
        (HIGH, score(0.9, 0.06), score(0.8, 0.06), "alike"),
        (LOW, score(0.1, 0.01), score(0.2, 0.01), "better"),
        (NEAR, score(0.55, 0.01), score(0.42, 0.01), "better"),
        (NEAR, score(0.45, 0.01), score(0.9, 0.1), "better"),
        (NEAR, score(0.5, 0.1), score(0.58), "alike"),
        (NEAR, score(0.9, 0.02), score(0.1, 0.02), "alike"),
        (HIGH, Score(0.9), Score(0.8), "better"),
        (HIGH, Score(0.8), Score(0.8), "alike"),
        (HIGH, Score(None, why="no"), score(0.8), None),
    ],
)
def test_one_is_better_where_the_intervals_do_not_touch(
    metric: object, first: Score, second: Score, standing: str | None
) -> None:
    assert compare(metric, first, second) == standing  # type: ignore[arg-type]


scores = st.builds(score, st.floats(-2, 2), st.floats(0, 1))
OPPOSITE = {"better": "worse", "worse": "better", "alike": "alike"}


@given(st.sampled_from(sorted(METRICS)), scores, scores)
def test_either_side_tells_the_same_and_the_better_is_nearer_to_the_ideal(
    key: str, first: Score, second: Score
) -> None:
    metric = METRICS[key]
    standing = compare(metric, first, second)
    assert standing is not None
    assert compare(metric, second, first) == OPPOSITE[standing]
    assert first.value is not None
    assert second.value is not None
    if standing == "better":
        assert distance(metric, first.value) < distance(metric, second.value)


def test_figures_have_the_decimals_of_their_metric() -> None:
    assert figure(NEAR, 0.93456) == "0.935"
    assert figure(METRICS["within_donor_mean"], -0.25) == "\N{MINUS SIGN}0.250"
    assert figure(NEAR, -1e-9) == "0.000"
    assert figure(NEAR, None) == "\N{EN DASH}"
