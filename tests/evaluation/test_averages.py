from __future__ import annotations

import numpy as np
import pytest

from gtexgen.evaluation.averages import Share, average, condition_masks, matched_weights, weighted_mean
from gtexgen.evaluation.resampling import donor_weights, interval
from gtexgen.evaluation.samples import Comparison

CONDITION = np.repeat(["Liver", "Lung", "Skin"], [6, 20, 4])


def test_a_mean_over_two_tables_counts_them_alike() -> None:
    rng = np.random.default_rng(0)
    numbers, weights = rng.normal(size=(2, 30)), rng.integers(0, 3, (2, 8, 30)).astype(np.float32)
    found = average(CONDITION, [Share(numbers[0], weights[0]), Share(numbers[1], weights[1])])
    assert found.value == pytest.approx(numbers.mean())
    repeated = [np.repeat(of, counts.astype(int)).mean() for of, counts in zip(numbers, weights[:, 3], strict=True)]
    assert found.replicates[3] == pytest.approx(np.mean(repeated))
    lung = condition_masks(CONDITION)["Lung"]
    assert found.by_condition.keys() == {"Liver", "Lung"}
    assert found.by_condition["Lung"] == pytest.approx(numbers[:, lung].mean())


def test_a_resample_without_samples_has_no_mean() -> None:
    found = weighted_mean(np.array([True, False]), np.array([[0.0, 0], [3, 1]]))
    assert np.isnan(found[0])
    assert found[1] == 0.75


def test_matched_weights_give_each_condition_the_weight_of_its_real_samples() -> None:
    weights = np.random.default_rng(1).integers(0, 2, (2, 40, 30)).astype(np.float32)
    expression = np.zeros((30, 1), np.float32)
    donor = np.arange(30).astype(object)
    real, synthetic = matched_weights(Comparison(expression, expression, CONDITION, donor, donor, *weights))
    kept = 0
    for of in condition_masks(CONDITION, least=1).values():
        np.testing.assert_allclose(real[:, of].sum(axis=1), synthetic[:, of].sum(axis=1))
        both = (weights[0][:, of].sum(axis=1) > 0) & (weights[1][:, of].sum(axis=1) > 0)
        np.testing.assert_array_equal(real[both][:, of], weights[0][both][:, of])
        assert (real[~both][:, of] == 0).all()
        kept += both.sum()
    assert 0 < kept < 120


def test_the_interval_of_a_mean_holds_the_truth_as_often_as_it_says() -> None:
    """Samples of one donor are alike: resampled one by one they would promise too much."""
    rng = np.random.default_rng(2)
    donor = np.repeat(np.arange(60), rng.integers(1, 5, 60))
    held = {"donors": 0, "samples": 0}
    n_cohorts = 200
    for _ in range(n_cohorts):
        numbers = rng.normal(size=60)[donor] + 0.5 * rng.normal(size=len(donor))
        for unit, of in (("donors", donor), ("samples", np.arange(len(donor)))):
            share = Share(numbers, donor_weights(of, 150, rng))
            found = average(np.full(len(donor), "Lung"), [share])
            ends = interval([found.value], [found.replicates])
            assert ends is not None
            held[unit] += ends[0] < 0 < ends[1]
    assert 0.9 < held["donors"] / n_cohorts < 0.98
    assert held["samples"] / n_cohorts < 0.85
