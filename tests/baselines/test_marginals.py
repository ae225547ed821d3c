from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from gtexgen.baselines.marginals import Marginals, normal_scores, pack_marginals, unpack_marginals


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)[:, None]


def test_zeros_come_first_and_the_rest_is_linear_between_quantiles() -> None:
    marginals = Marginals.of_expression(column(0, 4, 0, 2, 6), levels=3)
    np.testing.assert_allclose(marginals.zeros, [0.4])
    probability = column(0, 0.39, 0.4, 0.55, 0.7, 0.85, 1)
    np.testing.assert_allclose(marginals.at(probability)[:, 0], [0, 0, 2, 3, 4, 5, 6], rtol=1e-5)


def test_as_many_levels_as_samples_give_the_order_statistics() -> None:
    values = np.random.default_rng(0).exponential(size=(9, 4)).astype(np.float32)
    np.testing.assert_allclose(Marginals.of_expression(values, levels=100).grid, np.sort(values, axis=0), rtol=1e-6)


def test_a_gene_that_is_always_zero_stays_so() -> None:
    marginals = Marginals.of_expression(column(0, 0, 0), levels=5)
    assert (marginals.at(column(0, 0.5, 1)) == 0).all()


def test_residuals_have_no_zeros_of_their_own() -> None:
    marginals = Marginals.of_residuals(column(-2, 0, 2), levels=3)
    np.testing.assert_allclose(marginals.at(column(0, 0.25, 0.5, 1))[:, 0], [-2, -1, 0, 2], atol=1e-6)


def test_equal_values_share_their_normal_score() -> None:
    scores = normal_scores(column(5, 0, 0, 9))
    expected = norm.ppf([0.625, 0.25, 0.25, 0.875])
    np.testing.assert_allclose(scores[:, 0], expected - expected.mean(), rtol=1e-5)


def test_marginals_of_different_sizes_survive_as_arrays() -> None:
    rng = np.random.default_rng(0)
    several = [Marginals.of_expression(rng.random((n, 3), dtype=np.float32), levels=6) for n in (2, 9, 4)]
    for marginals, again in zip(several, unpack_marginals(pack_marginals(several)), strict=True):
        np.testing.assert_array_equal(again.grid, marginals.grid)
        np.testing.assert_array_equal(again.zeros, marginals.zeros)


def test_a_single_level_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        unpack_marginals({"zeros": np.zeros((1, 2)), "grid": np.zeros((1, 2)), "n_levels": np.array([1])})
