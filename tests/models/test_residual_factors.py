"""Factors of noise, found where the truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from gtexgen.models.residual_factors import LARGEST_SHARE, ResidualFactors, default_factors

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


def fitted(values: Tensor, most: int = N_GENES, rows: int = 97) -> ResidualFactors:
    factors = ResidualFactors(values.shape[1], most)
    factors.fit(lambda: iter(values.split(rows)), torch.arange(len(values)) % 5, len(values))
    return factors


def correlation(factors: ResidualFactors) -> Tensor:
    """Give what the factors say of the correlation of genes, ``(genes, genes)``."""
    shared = factors.loadings @ factors.loadings.T
    of_axes = shared - shared.diag().diag() + torch.eye(len(shared))
    mixing = factors.groups.mix(torch.eye(len(shared))).T
    return mixing @ of_axes @ mixing.T


@pytest.mark.parametrize("most", [3, 20, N_GENES])
def test_known_noise_is_found_with_few_factors_and_with_many(most: int) -> None:
    truth = true_loadings()
    wanted = truth @ truth.T + (1 - truth.square().sum(dim=1)).diag()
    torch.testing.assert_close(correlation(fitted(noise(truth, 5_000), most)), wanted, atol=0.1, rtol=0)


@pytest.mark.parametrize("n", [40, 400, 4_000])
def test_chance_gives_hardly_any_correlation(n: int) -> None:
    values = torch.randn(n, N_GENES, generator=torch.Generator().manual_seed(n))
    found, by_chance = correlation(fitted(values)), torch.corrcoef(values.T)
    assert (found - torch.eye(N_GENES)).norm() < 0.5 * (by_chance - torch.eye(N_GENES)).norm()


def test_where_each_axis_is_a_little_weaker_than_the_last_the_truth_is_nearer_than_what_samples_say() -> None:
    """No axis is mere chance there, and the least have far less than a gene's variance."""
    generator = torch.Generator().manual_seed(4)
    axes = torch.linalg.qr(torch.randn(N_GENES, N_GENES, generator=generator)).Q
    covariance = axes @ torch.logspace(0.8, -1.2, N_GENES).diag() @ axes.T
    deviation = covariance.diag().sqrt()
    truth = covariance / deviation / deviation[:, None]
    values = torch.randn(100, N_GENES, generator=generator) @ torch.linalg.cholesky(truth).T
    error = (correlation(fitted(values)) - truth).norm()
    assert error < 0.85 * (torch.corrcoef(values.T) - truth).norm()
    assert error < 0.7 * (torch.eye(N_GENES) - truth).norm()


def test_an_axis_is_as_strong_as_it_is_among_samples_that_it_was_not_found_in() -> None:
    """Few samples overstate it: the largest eigenvalue is that of the truth and of chance together."""
    truth = true_loadings(1)
    found, in_sample, among_others = [], [], []
    for seed in range(6):
        values = noise(truth, 120, seed)
        factors = fitted(values)
        axis = factors.loadings[:, 0] / factors.loadings[:, 0].norm()
        found.append((axis @ correlation(factors) @ axis).item())
        in_sample.append(((values - values.mean(dim=0)) / values.std(dim=0) @ axis).var().item())
        among_others.append((noise(truth, 20_000, seed=99) @ axis).var().item())
    assert sum(in_sample) > 1.15 * sum(among_others)
    assert sum(found) == pytest.approx(sum(among_others), rel=0.1)


def test_draws_are_as_spread_as_the_noise_was_up_to_1_and_correlate_as_it_did() -> None:
    spread = torch.linspace(0.5, 1.1, N_GENES)
    values = spread * noise(true_loadings(), 5_000) + 7
    drawn = fitted(values).draw(50_000, torch.Generator().manual_seed(1))
    torch.testing.assert_close(drawn.std(dim=0), spread.clamp_max(1), atol=0, rtol=0.04)
    torch.testing.assert_close(drawn.mean(dim=0), torch.zeros(N_GENES), atol=0.03, rtol=0)
    torch.testing.assert_close(torch.corrcoef(drawn.T), torch.corrcoef(values.T), atol=0.08, rtol=0)


def test_samples_that_are_held_out_together_do_not_vouch_for_each_other() -> None:
    """Each sample is there five times, as a donor's samples are alike: apart, they would confirm what is chance."""
    values = torch.randn(40, N_GENES, generator=torch.Generator().manual_seed(3)).repeat_interleave(5, dim=0)
    together, apart = ResidualFactors(N_GENES, N_GENES), ResidualFactors(N_GENES, N_GENES)
    together.fit(lambda: iter([values]), torch.arange(40).repeat_interleave(5) % 5, 40)
    apart.fit(lambda: iter([values]), torch.arange(200) % 5, 200)
    assert together.loadings.square().sum() < 0.3 * apart.loadings.square().sum()


def test_blocks_make_no_difference_and_a_seed_gives_the_same_draw() -> None:
    values = noise(true_loadings(), 1_000)
    whole, parts = fitted(values, 10, rows=1_000), fitted(values, 10, rows=13)
    covariances = [correlation(each) for each in (whole, parts)]
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


def test_a_tight_pair_stays_as_tight_as_it_is_among_hundreds_of_genes_and_few_samples() -> None:
    """Shrinkage of all axes alike takes most from the least, along which the two differ."""
    values = noise(true_loadings(), 400)
    values[:, 1] = 0.98 * values[:, 0] + (1 - 0.98**2) ** 0.5 * values[:, 1]
    values[:, 2] = 0.5 * values[:, 3] - 0.75**0.5 * values[:, 2]
    factors = fitted(values)
    assert factors.groups.grouped.tolist() == [0, 1]
    drawn = torch.corrcoef(factors.draw(50_000, torch.Generator().manual_seed(1)).T)
    seen = torch.corrcoef(values.T)
    assert drawn[0, 1].item() == pytest.approx(seen[0, 1].item(), abs=0.005)
    torch.testing.assert_close(correlation(factors).diag(), torch.ones(N_GENES), atol=1e-3, rtol=0)


def test_fewer_genes_than_factors_and_a_second_fit_replaces_the_first() -> None:
    factors = ResidualFactors(4, 10)
    assert factors.loadings.shape == (4, 4)
    fold = torch.arange(500) % 5
    together = torch.randn(500, 1, generator=torch.Generator().manual_seed(0)).expand(-1, 4)
    factors.fit(
        lambda: iter([together + 0.1 * torch.randn(500, 4, generator=torch.Generator().manual_seed(1))]), fold, 500
    )
    torch.testing.assert_close(correlation(factors), torch.ones(4, 4), atol=0.03, rtol=0)
    blocks: Callable[[], Iterator[Tensor]] = lambda: iter([torch.zeros(500, 4)])  # noqa: E731
    factors.fit(blocks, fold, 500)
    assert factors.n_factors == 0


def test_one_donor_alone_gives_no_factors() -> None:
    factors = ResidualFactors(N_GENES, N_GENES)
    factors.fit(lambda: iter([noise(true_loadings(), 10)]), torch.zeros(10, dtype=torch.long), 1)
    assert factors.n_factors == 0
    assert factors.draw(3).isfinite().all()


def test_noise_that_no_held_out_sample_has_gives_no_factors() -> None:
    """A thousand samples are held out and the rest is not; their noise is 0 here."""
    values = torch.zeros(2_600, N_GENES)
    values[-100:-50], values[-50:] = 1.0, -1.0
    factors = ResidualFactors(N_GENES, N_GENES)
    factors.fit(lambda: iter([values]), torch.arange(2_600) // 600, 2_600)
    assert factors.n_factors == 0


def test_there_are_as_many_factors_as_genes_until_they_would_take_128_mib() -> None:
    assert default_factors(523) == 523
    assert default_factors(5_792) == 5_792
    assert default_factors(20_000) == 1_677
    assert default_factors(10**9) == 1
