"""The parts of the KL against mixtures of torch.distributions, brute force and closed forms."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from gtexgen.models.decomposition import decompose_kl
from gtexgen.models.posterior import Posterior


def random_draws(samples: int, latents: int, seed: int = 0) -> tuple[Posterior, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mean, log_variance = torch.randn(2, samples, latents, generator=generator, dtype=torch.float64)
    posterior = Posterior(mean, log_variance - 1)
    return posterior, posterior.sample(generator)


def normals(posterior: Posterior) -> Normal:
    return Normal(posterior.mean, torch.exp(0.5 * posterior.log_variance))


def aggregate(posterior: Posterior) -> MixtureSameFamily:
    """Give the exact q(z) of all samples."""
    weights = Categorical(torch.ones(len(posterior.mean), dtype=torch.float64))
    return MixtureSameFamily(weights, Independent(normals(posterior), 1))


def marginals(posterior: Posterior) -> MixtureSameFamily:
    """Give the exact q(z_k) of all samples, one distribution a latent."""
    weights = Categorical(torch.ones(len(posterior.mean), dtype=torch.float64).expand(posterior.mean.shape[1], -1))
    return MixtureSameFamily(weights, Normal(posterior.mean.T, torch.exp(0.5 * posterior.log_variance.T)))


def test_the_parts_are_exact_where_the_batch_is_everything() -> None:
    posterior, latent = random_draws(samples=9, latents=3)
    parts = decompose_kl(posterior, latent, n_samples=9)
    own = normals(posterior).log_prob(latent).sum(dim=1)
    joint, each = aggregate(posterior).log_prob(latent), marginals(posterior).log_prob(latent)
    torch.testing.assert_close(parts.mutual_information, own - joint)
    torch.testing.assert_close(parts.total_correlation, joint - each.sum(dim=1))
    torch.testing.assert_close(parts.dimension_wise_kl, (each - Normal(0, 1).log_prob(latent)).sum(dim=1))


@given(samples=st.integers(1, 8), latents=st.integers(1, 5), n_samples=st.integers(0, 10_000), seed=st.integers(0, 99))
def test_the_parts_sum_to_the_kl_of_the_draws(samples: int, latents: int, n_samples: int, seed: int) -> None:
    posterior, latent = random_draws(samples, latents, seed)
    kl = normals(posterior).log_prob(latent).sum(dim=1) - Normal(0, 1).log_prob(latent).sum(dim=1)
    torch.testing.assert_close(torch.stack(decompose_kl(posterior, latent, n_samples)).sum(dim=0), kl)


def test_the_aggregate_posterior_is_estimated_without_bias() -> None:
    posterior, latent = random_draws(samples=7, latents=2)
    estimates: list[list[Tensor]] = [[] for _ in range(7)]
    for members in map(list, combinations(range(7), 4)):
        batch = Posterior(*(tensor[members] for tensor in posterior))
        own = normals(batch).log_prob(latent[members]).sum(dim=1)
        density = torch.exp(own - decompose_kl(batch, latent[members], n_samples=7).mutual_information)
        for member, value in zip(members, density, strict=True):
            estimates[member].append(value)
    means = torch.stack([torch.stack(values).mean() for values in estimates])
    torch.testing.assert_close(means, aggregate(posterior).log_prob(latent).exp())


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_the_parts_approach_those_of_a_gaussian(correlation: float) -> None:
    generator = torch.Generator().manual_seed(0)
    n_samples, variance = 2000, 0.1
    covariance = torch.tensor([[1.0, correlation], [correlation, 1.0]])
    root = torch.linalg.cholesky(covariance - variance * torch.eye(2))
    mean = torch.randn(n_samples, 2, generator=generator) @ root.T
    posterior = Posterior(mean, torch.full_like(mean, math.log(variance)))
    parts = decompose_kl(posterior, posterior.sample(generator), n_samples)
    information, total_correlation, dimension_wise = (float(part.mean()) for part in parts)
    assert total_correlation == pytest.approx(-0.5 * math.log(1 - correlation**2), abs=0.05)
    assert information == pytest.approx(0.5 * float(torch.logdet(covariance)) - math.log(variance), abs=0.1)
    assert dimension_wise == pytest.approx(0, abs=0.05)


def test_mixed_precision_loses_nothing_on_the_way() -> None:
    posterior, latent = random_draws(samples=9, latents=3)
    narrow = [tensor.bfloat16() for tensor in (*posterior, latent)]
    wide = [tensor.float() for tensor in narrow]
    for ours, exact in zip(
        decompose_kl(Posterior(*narrow[:2]), narrow[2], 9), decompose_kl(Posterior(*wide[:2]), wide[2], 9), strict=True
    ):
        assert torch.equal(ours, exact)


@pytest.mark.parametrize("log_variance", [-10.0, 10.0])
def test_extreme_posteriors_have_finite_parts_and_gradients(log_variance: float) -> None:
    mean = (1000 * torch.randn(6, 3, generator=torch.Generator().manual_seed(0))).requires_grad_()
    posterior = Posterior(mean, torch.full((6, 3), log_variance))
    parts = torch.stack(decompose_kl(posterior, posterior.sample(), n_samples=1000))
    parts.sum().backward()
    assert parts.isfinite().all()
    assert mean.grad is not None
    assert mean.grad.isfinite().all()
