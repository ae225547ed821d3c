"""What one metric says of several tables is their mean, or why there is none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gtexgen.evaluation.scores import Estimate, Score, Undefined


def test_the_score_is_the_mean_over_tables_and_conditions() -> None:
    score = Score.over(
        [Estimate(1.0, by_condition={"Lung": 1.0, "Skin": 3.0}), Estimate(2.0, by_condition={"Lung": 5})]
    )
    assert score.value == 1.5
    assert score.tables == 2
    assert score.by_condition == {"Lung": 3.0, "Skin": 3.0}
    assert score.why is None


def test_one_undefined_table_makes_the_score_undefined_and_says_why() -> None:
    score = Score.over([Estimate(1.0), Undefined("there is no sex"), Estimate(2.0)])
    assert (score.value, score.low, score.high, score.tables) == (None, None, None, 0)
    assert score.why == "there is no sex"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_figure_that_is_not_finite_is_no_score(value: float) -> None:
    score = Score.over([Estimate(1.0), Estimate(value)])
    assert score.value is None
    assert "not finite" in str(score.why)


def test_without_resamples_there_is_no_interval() -> None:
    score = Score.over([Estimate(1.0), Estimate(2.0)])
    assert (score.low, score.high) == (None, None)


def test_the_interval_holds_resamples_and_the_luck_of_the_seed() -> None:
    replicates = np.random.default_rng(0).normal(0, 0.1, 500)
    one = Score.over([Estimate(1.0, 1 + replicates)])
    three = Score.over([Estimate(value, value + replicates) for value in (0.5, 1.0, 1.5)])
    assert (one.low, one.high) == pytest.approx((0.8, 1.2), abs=0.04)
    assert three.low is not None
    assert three.high is not None
    assert three.low < 0.5
    assert three.high > 1.5


def test_undefined_resamples_are_left_out() -> None:
    replicates = np.random.default_rng(0).normal(0, 0.1, 500)
    holey = np.where(np.arange(500) % 5 == 0, np.nan, replicates)
    score = Score.over([Estimate(1.0, holey)])
    assert (score.low, score.high) == pytest.approx((0.8, 1.2), abs=0.05)
    assert Score.over([Estimate(1.0, np.full(50, np.nan))]).low is None


def test_a_score_is_plain_values() -> None:
    score = Score(1.5, 1.0, 2.0, {"Lung": 3.0}, 2)
    assert json.loads(json.dumps(score.to_json(), allow_nan=False)) == {
        "value": 1.5,
        "interval": [1.0, 2.0],
        "by_condition": {"Lung": 3.0},
        "tables": 2,
        "why": None,
    }
    assert Score(1.5, tables=1).to_json()["interval"] is None
    assert Score(None, why="there is no sex").to_json()["why"] == "there is no sex"
