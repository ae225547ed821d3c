from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from gtexgen.models.heads.base import LossTerms
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.standard_normal import StandardNormal
from gtexgen.models.totals import LatentMoments, LatentTotals, LossTotals


def alone(values: Tensor) -> Tensor:
    return values


def terms(n: int, seed: int) -> LossTerms:
    generator = torch.Generator().manual_seed(seed)
    objective, reconstruction, squared_error, capacity = torch.randn(4, n, generator=generator)
    kl = torch.rand(n, 2, generator=generator)
    posterior = Posterior(torch.zeros(n, 2), torch.zeros(n, 2))
    return LossTerms(objective, reconstruction, kl, squared_error, posterior, {"capacity": capacity})


def test_means_weigh_samples_and_not_batches() -> None:
    batches = [terms(7, 0), terms(2, 1), terms(5, 2)]
    totals = LossTotals()
    for batch in batches:
        totals.add(batch)
    means, n_samples = totals.means(alone)
    assert n_samples == 14
    assert list(means) == ["loss", "elbo", "reconstruction", "kl", "mse", "capacity"]
    assert means["loss"] == pytest.approx(torch.cat([b.objective for b in batches]).mean().item(), abs=1e-6)
    assert means["elbo"] == pytest.approx(torch.cat([b.elbo for b in batches]).mean().item(), abs=1e-6)
    assert means["mse"] == pytest.approx(torch.cat([b.squared_error for b in batches]).mean().item(), abs=1e-6)
    capacity = torch.cat([b.extras["capacity"] for b in batches]).mean().item()
    assert means["capacity"] == pytest.approx(capacity, abs=1e-6)


def test_means_over_ranks_are_those_of_all_samples() -> None:
    ranks = [terms(7, 0), terms(2, 1)]
    shares: list[Tensor] = []
    for batch in ranks:
        totals = LossTotals()
        totals.add(batch)
        totals.means(lambda values: shares.append(values) or values)  # type: ignore[func-returns-value]
    together, n_samples = totals.means(lambda _: shares[0] + shares[1])
    whole = LossTotals()
    for batch in ranks:
        whole.add(batch)
    assert n_samples == 9
    assert together == pytest.approx(whole.means(alone)[0])


def test_sums_keep_their_digits_over_many_batches() -> None:
    totals = LossTotals()
    value = torch.full((1,), 1000.1)
    posterior = Posterior(torch.zeros(1, 1), torch.zeros(1, 1))
    for _ in range(5000):
        totals.add(LossTerms(value, value, value[:, None], value, posterior))
    assert totals.means(alone)[0]["loss"] == pytest.approx(1000.1, rel=1e-7)


def posteriors(n_samples: int, loading: Tensor) -> Posterior:
    """Give the exact posteriors of x = loading z + e, z and e standard normal, latent by latent."""
    generator = torch.Generator().manual_seed(0)
    latent, noise = torch.randn(2, n_samples, len(loading), generator=generator)
    precision = 1 + loading.square()
    mean = loading * (loading * latent + noise) / precision
    return Posterior(mean, -torch.log(precision).expand_as(mean))


def latent_moments(posterior: Posterior, batch_size: int = 1000) -> LatentMoments:
    totals = LatentTotals()
    for mean, log_variance in zip(*(tensor.split(batch_size) for tensor in posterior), strict=True):
        part = Posterior(mean, log_variance)
        totals.add(part, StandardNormal(mean.shape[1]).kl(part, mean[:, :0]))
    return totals.moments(alone)


def test_exact_posteriors_obey_the_variance_law() -> None:
    loading = torch.tensor([3.0, 1.0, 0.3, 0.0])
    moments = latent_moments(posteriors(50_000, loading))
    torch.testing.assert_close(moments.variance_law.float(), torch.ones(4), atol=0.02, rtol=0)
    torch.testing.assert_close(moments.mean_variance.float(), 1 / (1 + loading.square()))
    torch.testing.assert_close(moments.kl.float(), 0.5 * torch.log(1 + loading.square()), atol=0.02, rtol=0)
    assert moments.figures() == {"active_latents": 2.0, "variance_law": pytest.approx(1, abs=0.01)}


def test_moments_weigh_samples_and_not_batches() -> None:
    generator = torch.Generator().manual_seed(0)
    posterior = Posterior(torch.randn(50, 3, generator=generator) + 3, torch.randn(50, 3, generator=generator))
    moments = latent_moments(posterior, batch_size=7)
    expected = Normal(posterior.mean, torch.exp(0.5 * posterior.log_variance))
    torch.testing.assert_close(moments.variance_of_mean.float(), expected.mean.var(dim=0, correction=0))
    torch.testing.assert_close(moments.mean_variance.float(), expected.variance.mean(dim=0))
    torch.testing.assert_close(moments.kl.float(), kl_divergence(expected, Normal(0.0, 1.0)).mean(dim=0))


def test_a_latent_whose_mean_is_constant_has_no_variance_below_zero() -> None:
    moments = latent_moments(Posterior(torch.full((1000, 1), 1234.567), torch.zeros(1000, 1)), batch_size=3)
    assert moments.variance_of_mean.item() >= 0
    assert not moments.active.item()


def test_no_batch_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="no batch"):
        LossTotals().means(alone)
