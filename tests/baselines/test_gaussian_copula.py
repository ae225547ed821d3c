from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp, spearmanr

from gtexgen.baselines import GaussianCopula

N_SAMPLES = 1500


@pytest.fixture(scope="module")
def tables() -> tuple[np.ndarray, np.ndarray]:
    """Skewed genes, the first mostly zero, of which neighbours rise and fall together; real and drawn."""
    rng = np.random.default_rng(0)
    hidden = rng.standard_normal((N_SAMPLES, 6))
    hidden[:, 1:] = 0.6 * hidden[:, :-1] + 0.8 * hidden[:, 1:]
    real = np.exp(hidden)
    real[:, 0] = np.maximum(hidden[:, 0] - 0.5, 0)
    real[:, 1] = np.maximum(hidden[:, 1] + 1, 0)
    real = real.astype(np.float32)
    classes = np.zeros(N_SAMPLES, dtype=int)
    copula = GaussianCopula().fit(real, classes)
    return real, copula.draw(np.zeros(20_000, dtype=int), np.random.default_rng(1))


def test_each_gene_keeps_its_distribution(tables: tuple[np.ndarray, np.ndarray]) -> None:
    real, drawn = tables
    for gene in range(real.shape[1]):
        assert ks_2samp(real[:, gene], drawn[:, gene]).statistic < 0.02  # 1/100 of the grid, and as much chance


def test_each_gene_is_zero_as_often_as_it_was(tables: tuple[np.ndarray, np.ndarray]) -> None:
    real, drawn = tables
    shares = [(table == 0).mean(axis=0) for table in (real, drawn)]
    assert shares[0][0] > 0.6
    assert (shares[0][2:] == 0).all()
    np.testing.assert_allclose(shares[1], shares[0], atol=0.015)


def test_genes_without_zeros_keep_their_rank_correlations(tables: tuple[np.ndarray, np.ndarray]) -> None:
    real, drawn = tables
    np.testing.assert_allclose(spearmanr(drawn[:, 2:]).statistic, spearmanr(real[:, 2:]).statistic, atol=0.05)
    assert spearmanr(drawn[:, 0], drawn[:, 1]).statistic > 0.5 * spearmanr(real[:, 0], real[:, 1]).statistic
