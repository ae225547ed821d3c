from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import LedoitWolf

from gtexgen.baselines.factor_noise import FactorNoise, pack_noises, unpack_noises


def residuals(n_samples: int, n_genes: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n_samples, 3)) @ rng.standard_normal((3, n_genes))
    values += rng.standard_normal((n_samples, n_genes))
    return np.asarray(values - values.mean(axis=0), dtype=np.float32)


def covariance(noise: FactorNoise) -> np.ndarray:
    return np.asarray(noise.axes.T @ noise.axes + np.diag(noise.own**2))


@given(n_samples=st.integers(3, 40), n_genes=st.integers(2, 20), seed=st.integers(0, 2**16))
@settings(max_examples=30, deadline=None)
def test_the_covariance_is_that_of_ledoit_and_wolf(n_samples: int, n_genes: int, seed: int) -> None:
    values = residuals(n_samples, n_genes, seed)
    noise = FactorNoise.with_covariance(values)
    expected = LedoitWolf(assume_centered=True).fit(values.astype(np.float64)).covariance_
    np.testing.assert_allclose(covariance(noise), expected, atol=2e-5 * np.abs(expected).max())
    assert len(noise.axes) <= min(n_samples, n_genes)


@given(n_samples=st.integers(3, 40), n_genes=st.integers(2, 20), seed=st.integers(0, 2**16))
@settings(max_examples=30, deadline=None)
def test_a_correlation_has_ones_on_its_diagonal_and_is_shrunk_towards_none(
    n_samples: int, n_genes: int, seed: int
) -> None:
    values = residuals(n_samples, n_genes, seed) * np.arange(1, n_genes + 1, dtype=np.float32)
    found = covariance(FactorNoise.with_correlation(values))
    np.testing.assert_allclose(np.diag(found), 1, atol=1e-5)
    off = ~np.eye(n_genes, dtype=bool)
    plain = np.asarray(np.corrcoef(values.T))[off]
    share = found[off] @ plain / (plain @ plain)
    np.testing.assert_allclose(found[off], share * plain, atol=1e-4)
    assert -1e-6 <= share <= 1 + 1e-6


def test_draws_have_the_covariance() -> None:
    noise = FactorNoise.with_covariance(residuals(6, 4, seed=3))
    drawn = noise.draw(100_000, np.random.default_rng(0))
    np.testing.assert_allclose(np.cov(drawn.T), covariance(noise), atol=0.02 * covariance(noise).max())


def test_noises_of_different_ranks_survive_as_arrays() -> None:
    noises = [FactorNoise.with_covariance(residuals(n, 7, seed=n)) for n in (3, 12, 5)]
    for noise, again in zip(noises, unpack_noises(pack_noises(noises)), strict=True):
        np.testing.assert_array_equal(again.axes, noise.axes)
        np.testing.assert_array_equal(again.own, noise.own)


def test_no_axis_is_a_training_sample() -> None:
    values = residuals(12, 30, seed=4)
    axes = FactorNoise.with_covariance(values).axes
    cosines = (axes / np.linalg.norm(axes, axis=1)[:, None]) @ (values / np.linalg.norm(values, axis=1)[:, None]).T
    assert np.abs(cosines).max() < 0.95
