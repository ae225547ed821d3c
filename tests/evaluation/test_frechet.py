from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from gtexgen.evaluation.feature_space import FeatureSpace
from gtexgen.evaluation.frechet import frechet_distance, measure_frechet
from gtexgen.evaluation.samples import Comparison
from gtexgen.evaluation.scores import Estimate, Undefined


def test_in_one_dimension_it_is_the_distance_of_mean_and_sd() -> None:
    found = frechet_distance(np.array([1.0]), np.array([[4.0]]), np.array([3.0]), np.array([[0.25]]))
    assert found == pytest.approx((1 - 3) ** 2 + (2 - 0.5) ** 2)


def test_covariances_that_commute_differ_by_their_roots() -> None:
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    first, second = rng.random((2, 6)) * 3
    found = frechet_distance(np.zeros(6), axes * first @ axes.T, np.ones(6), axes * second @ axes.T)
    assert found == pytest.approx(6 + np.square(np.sqrt(first) - np.sqrt(second)).sum())


def test_it_is_the_formula_with_a_matrix_root_and_symmetric() -> None:
    rng = np.random.default_rng(1)
    first, second = (np.cov(rng.normal(size=(5, 40))) for _ in range(2))
    mean = rng.normal(size=5)
    expected = mean @ mean + np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert frechet_distance(mean, first, np.zeros(5), second) == pytest.approx(expected)
    assert frechet_distance(np.zeros(5), second, mean, first) == pytest.approx(expected)


def test_singular_covariances_do_no_harm() -> None:
    one = np.outer([1.0, 2, 3], [1.0, 2, 3])
    assert frechet_distance(np.zeros(3), one, np.zeros(3), one) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(np.zeros(3), one, np.zeros(3), np.zeros((3, 3))) == pytest.approx(14)


def comparison(synthetic: np.ndarray, real: np.ndarray, condition: np.ndarray) -> Comparison:
    weights = np.random.default_rng(3).integers(0, 3, (2, 30, len(real))).astype(np.float32)
    return Comparison(real, synthetic, condition, *[np.arange(len(real)).astype(object)] * 2, *weights)


def test_a_shift_is_its_square_overall_and_within_conditions() -> None:
    rng = np.random.default_rng(2)
    condition = np.repeat(["Liver", "Lung", "Skin"], [100, 150, 19])
    real = rng.normal(size=(269, 8)).astype(np.float32)
    real[condition == "Lung"] += 5
    shift = np.zeros(8, np.float32)
    shift[:2] = 3, 4
    found = measure_frechet(comparison(real + shift, real, condition), FeatureSpace.fit(real))["frechet_distance"]
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(25, rel=1e-3)
    assert found.by_condition == pytest.approx({"Liver": 25, "Lung": 25}, rel=1e-3)
    assert found.replicates.mean() == pytest.approx(25, rel=0.1)


def test_other_shares_of_conditions_in_a_resample_are_no_distance() -> None:
    rng = np.random.default_rng(4)
    condition = np.repeat(["Liver", "Lung"], 200)
    real, synthetic = rng.normal(size=(2, 400, 3)).astype(np.float32) + 100 * (condition == "Lung")[:, None]
    found = measure_frechet(
        comparison(synthetic.astype(np.float32), real.astype(np.float32), condition), FeatureSpace.fit(real)
    )["frechet_distance"]
    assert isinstance(found, Estimate)
    assert found.replicates.max() < 5


def test_one_sample_has_no_covariance() -> None:
    real = np.random.default_rng(5).normal(size=(10, 3)).astype(np.float32)
    one = comparison(real[:1], real[:1], np.array(["Lung"]))
    assert isinstance(measure_frechet(one, FeatureSpace.fit(real))["frechet_distance"], Undefined)
