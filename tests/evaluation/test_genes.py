from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from gtexgen.evaluation.genes import gene_moments, measure_genes, transport_shares, within_condition_variance
from gtexgen.evaluation.samples import Comparison
from gtexgen.evaluation.scores import Estimate, Undefined

CONDITION = np.repeat(["Liver", "Lung", "Skin"], [30, 50, 4])


def table(seed: int = 0, genes: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    means = np.random.default_rng(99).normal(6, 2, (3, genes))[np.unique(CONDITION, return_inverse=True)[1]]
    return (means + rng.normal(size=(len(CONDITION), genes)) * np.linspace(0.5, 2, genes)).astype(np.float32)


def residuals(values: np.ndarray) -> np.ndarray:
    means = np.stack([values[name == CONDITION].mean(axis=0) for name in CONDITION])
    apart: np.ndarray = values - means
    return apart


def measure(real: np.ndarray, synthetic: np.ndarray, resamples: int = 10) -> dict[str, Estimate]:
    rng = np.random.default_rng(5)
    weights = rng.multinomial(len(real), np.full(len(real), 1 / len(real)), size=(2, resamples)).astype(np.float32)
    donor = np.arange(len(real)).astype(object)
    outcomes = measure_genes(Comparison(real, synthetic, CONDITION[: len(real)], donor, donor, *weights))
    estimates = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Estimate)}
    assert estimates.keys() == {"mean_error", "variance_ratio", "wasserstein"}
    return estimates


def test_equal_tables_have_no_error() -> None:
    found = measure(table(), table())
    assert {name: of.value for name, of in found.items()} == pytest.approx(
        {"mean_error": 0, "variance_ratio": 1, "wasserstein": 0}, abs=1e-6
    )


@pytest.mark.parametrize("shift", [-0.5, 0.1, 3.0])
def test_a_shift_in_sds_is_the_error_of_means_and_the_distance(shift: float) -> None:
    real = table()
    found = measure(real, (real + shift * residuals(real).std(axis=0)).astype(np.float32))
    assert found["mean_error"].value == pytest.approx(abs(shift), abs=1e-5)
    assert found["wasserstein"].value == pytest.approx(abs(shift), abs=1e-5)
    assert found["variance_ratio"].value == pytest.approx(1, abs=1e-5)
    for name in ("mean_error", "wasserstein"):
        assert found[name].by_condition == pytest.approx({"Liver": abs(shift), "Lung": abs(shift)}, abs=1e-5)


@pytest.mark.parametrize("scale", [0.0, 0.7, 2.0])
def test_scaled_residuals_change_the_variance_by_the_square(scale: float) -> None:
    real = table()
    apart = residuals(real)
    found = measure(real, (real - apart + scale * apart).astype(np.float32))
    assert found["variance_ratio"].value == pytest.approx(scale**2, abs=1e-4)
    assert found["variance_ratio"].by_condition == pytest.approx({"Liver": scale**2, "Lung": scale**2}, abs=1e-4)
    assert found["mean_error"].value == pytest.approx(0, abs=1e-5)
    expected = np.mean(abs(1 - scale) * abs(apart / apart.std(axis=0)))
    assert found["wasserstein"].value == pytest.approx(expected, rel=1e-4)


def test_distance_and_error_are_means_over_genes_and_samples() -> None:
    real, synthetic = table(), table(1) + np.float32(0.3)
    sd = residuals(real).std(axis=0)
    error = distance = 0.0
    for name in np.unique(CONDITION):
        ours, theirs = real[name == CONDITION], synthetic[name == CONDITION]
        share = len(ours) / len(CONDITION) / len(sd)
        error += share * float((abs(ours.mean(axis=0) - theirs.mean(axis=0)) / sd).sum())
        distance += share * sum(wasserstein_distance(ours[:, g], theirs[:, g]) / sd[g] for g in range(len(sd)))
    found = measure(real, synthetic)
    assert found["mean_error"].value == pytest.approx(error, rel=1e-5)
    assert found["wasserstein"].value == pytest.approx(distance, rel=1e-5)


@pytest.mark.parametrize(("n", "m"), [(20, 20), (7, 30), (1, 5)])
def test_shares_add_up_to_the_distance_of_scipy_for_tables_of_any_length(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    real, synthetic = rng.normal(size=(n, 3)).round(1), rng.normal(0.5, 2, (m, 3)).round(1)
    of_real, of_synthetic = transport_shares(real, synthetic)
    expected = [wasserstein_distance(real[:, g], synthetic[:, g]) for g in range(3)]
    np.testing.assert_allclose(of_real.mean(axis=0) - of_synthetic.mean(axis=0), expected, atol=1e-12)


def test_variance_under_weights_is_that_of_repeated_rows() -> None:
    values = table()
    weights = np.random.default_rng(2).integers(0, 3, (4, len(CONDITION)))
    found = within_condition_variance(values, CONDITION, weights.astype(np.float32))
    for of_resample, counts in zip(found, weights, strict=True):
        rows = np.repeat(np.arange(len(CONDITION)), counts)
        squares = sum(
            np.square(of - of.mean(axis=0)).sum(axis=0)
            for name in set(CONDITION[rows])
            for of in [values[rows[CONDITION[rows] == name]].astype(float)]
        )
        np.testing.assert_allclose(of_resample, squares / len(rows), rtol=1e-6)


def test_replicates_of_linear_figures_lie_about_the_estimate() -> None:
    real = table()
    found = measure(real, table(1) + np.float32(4), resamples=300)
    for name in ("mean_error", "wasserstein"):
        assert found[name].replicates.shape == (300,)
        assert found[name].replicates.mean() == pytest.approx(found[name].value, rel=0.02)
    assert 0.02 < found["mean_error"].replicates.std() < 0.3


def test_genes_that_do_not_vary_within_real_conditions_are_left_out() -> None:
    real, synthetic = table(), table(1)
    expected = measure(real, synthetic)
    flat = np.where(CONDITION == "Lung", 3, 8).astype(np.float32)[:, None]
    found = measure(np.hstack([flat, real]), np.hstack([flat + 5 * synthetic[:, :1], synthetic]))
    for name, of in found.items():
        assert of.value == pytest.approx(expected[name].value, rel=1e-6)


def test_without_variation_there_is_no_unit() -> None:
    flat = np.ones((84, 3), np.float32)
    weights = np.ones((2, 84), np.float32)
    found = measure_genes(
        Comparison(
            flat, flat + 1, CONDITION, np.arange(84).astype(object), np.arange(84).astype(object), weights, weights
        )
    )
    assert len(found) == 3
    assert all(isinstance(of, Undefined) and "varies" in of.why for of in found.values())


def test_moments_are_over_all_samples() -> None:
    values = table()
    found = gene_moments(values)
    np.testing.assert_allclose(found.mean, values.astype(float).mean(axis=0))
    np.testing.assert_allclose(found.sd, values.astype(float).std(axis=0))
