from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from gtexgen.evaluation.ranking import tpr_at_fpr, weighted_auc, weighted_tpr_at_fpr


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 12))
def test_the_auc_is_that_of_scikit_learn_with_ties_and_weights(seed: int, n: int, n_scores: int) -> None:
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(0, n_scores, n).astype(float), rng.random(n) < 0.5
    positive[:2] = [True, False]
    weights = rng.integers(0, 4, (3, n)).astype(np.float32)
    weights[:, :2] = 1
    expected = [roc_auc_score(positive, scores, sample_weight=of_resample) for of_resample in weights]
    np.testing.assert_allclose(weighted_auc(scores, positive, weights), expected, atol=1e-12)


def test_a_weight_of_two_is_a_row_twice() -> None:
    rng = np.random.default_rng(0)
    scores, positive = rng.normal(size=50).round(1), rng.random(50) < 0.4
    counts = rng.integers(0, 3, 50)
    rows = np.repeat(np.arange(50), counts)
    assert weighted_auc(scores, positive, counts[None].astype(float))[0] == pytest.approx(
        roc_auc_score(positive[rows], scores[rows])
    )


def test_without_positives_or_negatives_there_is_no_figure() -> None:
    scores, positive = np.array([1.0, 2.0, 3.0]), np.array([True, True, False])
    weights = np.array([[1.0, 1, 1], [1, 1, 0], [0, 0, 1]])
    assert np.isnan(weighted_auc(scores, positive, weights)).tolist() == [False, True, True]
    assert np.isnan(weighted_tpr_at_fpr(scores, positive, 0.5, weights)).tolist() == [False, True, True]
    assert np.isnan(weighted_auc(scores, np.ones(3, bool), weights)).all()


def test_a_random_attack_finds_as_many_as_it_has_false_alarms() -> None:
    rng = np.random.default_rng(1)
    assert tpr_at_fpr(rng.random(40_000), rng.random(40_000) < 0.5, 0.01) == pytest.approx(0.01, abs=0.004)


def test_the_tpr_is_the_highest_of_the_roc_curve_that_the_limit_allows() -> None:
    rng = np.random.default_rng(2)
    positive = rng.random(500) < 0.3
    scores = (positive + rng.normal(size=500)).round(1)
    weights = rng.integers(0, 3, (4, 500)).astype(np.float32)
    for limit in (0.0, 0.01, 0.1, 1.0):
        expected = []
        for of_resample in weights:
            fpr, tpr, _ = roc_curve(positive, scores, sample_weight=of_resample, drop_intermediate=False)
            expected.append(tpr[fpr <= limit + 1e-9].max())
        np.testing.assert_allclose(weighted_tpr_at_fpr(scores, positive, limit, weights), expected, atol=1e-9)


def test_ties_cannot_be_split() -> None:
    scores, positive = np.array([2.0, 2, 2, 1]), np.array([True, True, False, False])
    assert tpr_at_fpr(scores, positive, 0.4) == 0
    assert tpr_at_fpr(scores, positive, 0.5) == 1
