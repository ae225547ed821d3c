from __future__ import annotations

import numpy as np
import pytest

from gtexgen.evaluation.correlations import agreement, measure_correlations, within_condition_correlation
from gtexgen.evaluation.samples import Comparison
from gtexgen.evaluation.scores import Estimate, Undefined

CONDITION = np.repeat(["Liver", "Lung", "Skin"], [200, 300, 10])
COVARIANCE = np.array([[1.0, 0.8, 0, -0.4], [0.8, 1, 0.1, 0], [0, 0.1, 1, 0.5], [-0.4, 0, 0.5, 1]])


def table(seed: int = 0, covariance: np.ndarray = COVARIANCE) -> np.ndarray:
    rng = np.random.default_rng(seed)
    means = np.random.default_rng(9).normal(6, 5, (3, 4))[np.unique(CONDITION, return_inverse=True)[1]]
    return (means + rng.multivariate_normal(np.zeros(4), covariance, len(CONDITION))).astype(np.float32)


def compare(real: np.ndarray, synthetic: np.ndarray) -> Estimate | Undefined:
    weights = np.random.default_rng(3).integers(0, 3, (2, 15, len(real))).astype(np.float32)
    donor = np.arange(len(real)).astype(object)
    return measure_correlations(Comparison(real, synthetic, CONDITION, donor, donor, *weights))["correlation_score"]


def test_the_means_of_conditions_do_not_count() -> None:
    found = within_condition_correlation(table(), CONDITION)
    np.testing.assert_allclose(found, COVARIANCE, atol=0.1)


def test_one_condition_is_plain_correlation_and_weights_repeat_rows() -> None:
    values = table()[:200]
    np.testing.assert_allclose(within_condition_correlation(values, CONDITION[:200]), np.corrcoef(values.T), atol=1e-5)
    counts = np.random.default_rng(1).integers(0, 3, len(CONDITION))
    rows = np.repeat(np.arange(len(CONDITION)), counts)
    weighted = within_condition_correlation(table(), CONDITION, counts.astype(np.float32))
    np.testing.assert_allclose(weighted, within_condition_correlation(table()[rows], CONDITION[rows]), atol=1e-5)


def test_constant_genes_correlate_with_nothing() -> None:
    values = table()
    values[:, 2] = np.where(CONDITION == "Lung", 1, 7)
    found = within_condition_correlation(values, CONDITION)
    assert (found[2] == 0).all()
    assert (found[:, 2] == 0).all()
    assert found[0, 1] == pytest.approx(0.8, abs=0.1)


def test_agreement_is_pearsons_correlation_of_the_upper_triangles() -> None:
    rng = np.random.default_rng(4)
    first, second = (matrix + matrix.T for matrix in rng.normal(size=(2, 8, 8)))
    above = np.triu_indices(8, 1)
    assert agreement(first, second) == pytest.approx(np.corrcoef(first[above], second[above])[0, 1])
    assert np.isnan(agreement(first, np.ones((8, 8))))


def test_the_score_sees_correlations_and_nothing_else() -> None:
    real = table()
    same, scaled = compare(real, table(1)), compare(real, 3 * table(1) + 20)
    independent = compare(real, table(1, np.eye(4)))
    assert isinstance(same, Estimate)
    assert isinstance(scaled, Estimate)
    assert isinstance(independent, Estimate)
    assert same.value > 0.97
    assert scaled.value == pytest.approx(same.value, abs=1e-4)
    assert independent.value < 0.6
    assert set(same.by_condition) == {"Liver", "Lung"}
    assert same.replicates == pytest.approx(np.full(15, same.value), abs=0.05)
    assert same.replicates.std() > 0


def test_genes_that_do_not_vary_in_real_samples_are_left_out() -> None:
    real, synthetic = table(), table(1)
    expected = compare(real, synthetic)
    found = compare(np.insert(real, 1, 5.0, axis=1), np.insert(synthetic, 1, synthetic[:, 0], axis=1))
    assert isinstance(expected, Estimate)
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(expected.value, abs=1e-6)


def test_without_correlations_there_is_no_score() -> None:
    constant = np.ones((len(CONDITION), 4), np.float32)
    for real, synthetic in ((constant, table()), (table(), constant), (table()[:, :2], table()[:, :2])):
        assert isinstance(compare(real, synthetic), Undefined)
