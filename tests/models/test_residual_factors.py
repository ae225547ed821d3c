"""Factors of noise, found where the truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from gtexgen.models.residual_factors import LARGEST_SHARE, ResidualFactors

N_GENES = 80


def noise(loadings: Tensor, n: int, seed: int = 0) -> Tensor:
    """Draw noise of variance 1 with the loadings, ``(genes, factors)``, for n samples."""
    generator = torch.Generator().manual_seed(seed)
    own = (1 - loadings.square().sum(dim=1)).sqrt()
    shared = torch.randn(n, loadings.shape[1], generator=generator) @ loadings.T
    return shared + own * torch.randn(n, len(loadings), generator=generator)


def true_loadings(factors: int = 3) -> Tensor:
    axes: Tensor = torch.linalg.qr(torch.randn(N_GENES, factors, generator=torch.Generator().manual_seed(9)))[0]
    return axes * torch.linspace(2.2, 1.6, factors)


def fitted(values: Tensor, most: int = 10, rows: int = 97) -> ResidualFactors:
    factors = ResidualFactors(values.shape[1], most)
    factors.fit(lambda: iter(values.split(rows)))
    return factors


def test_the_factors_of_known_noise_are_found_and_no_others() -> None:
    truth = true_loadings()
    factors = fitted(noise(truth, 5_000))
    assert factors.n_factors == 3
    torch.testing.assert_close(factors.loadings @ factors.loadings.T, truth @ truth.T, atol=0.1, rtol=0)


@pytest.mark.parametrize("n", [40, 400, 4_000])
def test_chance_gives_no_factors(n: int) -> None:
    generator = torch.Generator().manual_seed(n)
    assert fitted(torch.randn(n, N_GENES, generator=generator)).n_factors <= 1


def test_a_factor_is_as_strong_as_it_is_among_samples_that_it_was_not_found_in() -> None:
    """Few samples overstate it: the largest eigenvalue is that of the truth and of chance together."""
    truth = true_loadings(1)
    found, in_sample, among_others = [], [], []
    for seed in range(6):
        values = noise(truth, 120, seed)
        factors = fitted(values)
        strength = factors.loadings.square().sum()
        axis = factors.loadings[:, 0] / strength.sqrt()
        found.append(strength.item())
        in_sample.append(((values - values.mean(dim=0)) / values.std(dim=0) @ axis).var().item() - 1)
        among_others.append((noise(truth, 20_000, seed=99) @ axis).var().item() - 1)
    assert sum(in_sample) > 1.3 * sum(among_others)
    assert sum(found) == pytest.approx(sum(among_others), rel=0.1)


def test_draws_are_as_spread_as_the_noise_was_up_to_1_and_correlate_as_it_did() -> None:
    spread = torch.linspace(0.5, 1.1, N_GENES)
    values = spread * noise(true_loadings(), 5_000) + 7
    drawn = fitted(values).draw(50_000, torch.Generator().manual_seed(1))
    torch.testing.assert_close(drawn.std(dim=0), spread.clamp_max(1), atol=0, rtol=0.04)
    torch.testing.assert_close(drawn.mean(dim=0), torch.zeros(N_GENES), atol=0.03, rtol=0)
    torch.testing.assert_close(torch.corrcoef(drawn.T), torch.corrcoef(values.T), atol=0.08, rtol=0)


def test_blocks_make_no_difference_and_a_seed_gives_the_same_draw() -> None:
    values = noise(true_loadings(), 1_000)
    whole, parts = fitted(values, rows=1_000), fitted(values, rows=13)
    covariances = [each.loadings @ each.loadings.T for each in (whole, parts)]
    torch.testing.assert_close(*covariances, atol=1e-3, rtol=0)
    first, again = (whole.draw(5, torch.Generator().manual_seed(2)) for _ in range(2))
    assert torch.equal(first, again)


def test_a_gene_without_noise_has_no_share_and_one_that_is_all_shared_keeps_some_of_its_own() -> None:
    values = noise(true_loadings(), 2_000)
    values[:, 0] = 0.0
    values[:, 1:40] = values[:, 1:2]
    factors = fitted(values)
    share = factors.loadings.square().sum(dim=1)
    assert share[0] < 1e-9
    assert share.max() == pytest.approx(LARGEST_SHARE, abs=1e-4)
    assert factors.draw(10).isfinite().all()


def test_fewer_genes_than_factors_and_a_second_fit_replaces_the_first() -> None:
    factors = ResidualFactors(4, 10)
    assert factors.loadings.shape == (4, 4)
    together = torch.randn(500, 1, generator=torch.Generator().manual_seed(0)).expand(-1, 4)
    factors.fit(lambda: iter([together + 0.1 * torch.randn(500, 4, generator=torch.Generator().manual_seed(1))]))
    assert factors.n_factors == 1
    blocks: Callable[[], Iterator[Tensor]] = lambda: iter([torch.zeros(500, 4)])  # noqa: E731
    factors.fit(blocks)
    assert factors.n_factors == 0
