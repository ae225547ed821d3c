"""The low-rank Gaussian against dense linear algebra in double precision."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import LowRankMultivariateNormal, MultivariateNormal

from gtexgen.errors import ConfigError
from gtexgen.models.likelihoods.low_rank import LowRankGaussianLikelihood

N_SAMPLES, N_GENES, RANK = 5, 12, 3


@pytest.fixture
def likelihood() -> LowRankGaussianLikelihood:
    torch.manual_seed(0)
    likelihood = LowRankGaussianLikelihood(4, N_GENES, rank=RANK)
    torch.nn.init.normal_(likelihood.factors)
    return likelihood


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    mean, expression = torch.randn(2, N_SAMPLES, N_GENES, generator=torch.Generator().manual_seed(1))
    return mean, expression


def dense(likelihood: LowRankGaussianLikelihood, variance: Tensor) -> Tensor:
    """Give the covariance of each sample, in double precision."""
    factors = likelihood.factors.double()
    return factors @ factors.T + torch.diag_embed(variance.double())


@pytest.mark.parametrize("shape", [(N_GENES,), (N_SAMPLES, N_GENES)], ids=["shared", "by condition"])
def test_log_prob_is_that_of_torch(
    likelihood: LowRankGaussianLikelihood, pair: tuple[Tensor, Tensor], shape: tuple[int, ...]
) -> None:
    mean, expression = pair
    variance = torch.rand(shape) + 0.1
    factors = likelihood.factors.expand(*shape[:-1], -1, -1)
    expected = LowRankMultivariateNormal(mean, factors, variance).log_prob(expression)
    torch.testing.assert_close(likelihood.log_prob((mean, variance), expression), expected)


@pytest.mark.parametrize("shape", [(N_GENES,), (N_SAMPLES, N_GENES)], ids=["shared", "by condition"])
def test_density_of_the_observed_genes_is_their_margin(
    likelihood: LowRankGaussianLikelihood, pair: tuple[Tensor, Tensor], shape: tuple[int, ...]
) -> None:
    mean, expression = pair
    variance = torch.rand(shape) + 0.1
    observed = torch.rand(N_SAMPLES, N_GENES) < 0.6
    observed[0], observed[1] = True, False
    covariance = dense(likelihood, variance).expand(N_SAMPLES, -1, -1)
    actual = likelihood.log_density((mean, variance), expression, observed)
    for row, seen in enumerate(observed[2:], start=2):
        margin = MultivariateNormal(mean[row, seen].double(), covariance[row][seen][:, seen])
        torch.testing.assert_close(actual[row].double(), margin.log_prob(expression[row, seen]), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(actual[:1], likelihood.log_prob((mean, variance), expression)[:1])
    assert actual[1] == 0


@pytest.mark.parametrize("masked", [False, True])
def test_its_gradients_are_those_of_the_dense_density(
    likelihood: LowRankGaussianLikelihood, pair: tuple[Tensor, Tensor], masked: bool
) -> None:
    mean, expression = pair
    variance = (torch.rand(N_GENES) + 0.1).requires_grad_()
    mean.requires_grad_()
    observed = torch.ones(N_SAMPLES, N_GENES, dtype=torch.bool)
    observed[:, ::3] = not masked
    seen = observed[0]
    covariance = dense(likelihood, variance)[seen][:, seen]
    expected = MultivariateNormal(mean[:, seen].double(), covariance).log_prob(expression[:, seen])
    actual = likelihood.log_density((mean, variance), expression, observed if masked else None)
    inputs = (mean, variance, likelihood.factors)
    for ours, theirs in zip(
        torch.autograd.grad(actual.sum(), inputs), torch.autograd.grad(expected.sum(), inputs), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_it_keeps_its_digits_where_the_factors_explain_nearly_all(likelihood: LowRankGaussianLikelihood) -> None:
    with torch.no_grad():
        likelihood.factors.mul_(100)
        likelihood.factors[:, 2] = likelihood.factors[:, 1]  # and two of them are one
    generator = torch.Generator().manual_seed(2)
    along = torch.randn(N_SAMPLES, RANK, generator=generator) @ likelihood.factors.detach().T
    expression = along + 0.01 * torch.randn(N_SAMPLES, N_GENES, generator=generator)
    mean, variance = torch.zeros(N_SAMPLES, N_GENES), torch.full((N_GENES,), 1e-4)
    expected = MultivariateNormal(mean.double(), dense(likelihood, variance)).log_prob(expression)
    torch.testing.assert_close(likelihood.log_prob((mean, variance), expression).double(), expected, rtol=0, atol=0.01)


def test_samples_have_its_covariance(likelihood: LowRankGaussianLikelihood) -> None:
    variance = torch.rand(N_GENES) + 0.1
    mean = torch.arange(float(N_GENES)).expand(100_000, -1)
    sample = likelihood.sample((mean, variance), torch.Generator().manual_seed(0))
    expected = dense(likelihood, variance).float()
    torch.testing.assert_close(sample.mean(dim=0), mean[0], rtol=0, atol=0.05)
    torch.testing.assert_close(sample.T.cov(), expected, rtol=0.02, atol=0.06)


def test_it_learns_a_covariance() -> None:
    torch.manual_seed(0)
    loadings, scale = torch.randn(8, 2), torch.full((8,), 0.5)
    covariance = loadings @ loadings.T + torch.diag(scale.square())
    expression = MultivariateNormal(torch.zeros(8), covariance).sample((4_000,))
    likelihood = LowRankGaussianLikelihood(1, 8, rank=2)
    features, condition = torch.zeros(4_000, 1), torch.zeros(4_000, 0)
    optimiser = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        (-likelihood.log_prob(likelihood(features, condition), expression).mean()).backward()
        optimiser.step()
    learned = dense(likelihood, likelihood(features, condition)[1]).float()
    torch.testing.assert_close(learned, expression.T.cov(), rtol=0.05, atol=0.1)


def test_it_starts_close_to_independence() -> None:
    likelihood = LowRankGaussianLikelihood(4, 2_000, rank=5, initial_scale=2.0)
    output = likelihood(torch.zeros(1, 4), torch.zeros(1, 0))
    share = likelihood.factors.square().sum(dim=1) / likelihood.scale(output).square()
    assert 0 < share.mean() < 0.02


def test_a_rank_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="rank must be 1 or more, not 0"):
        LowRankGaussianLikelihood(4, N_GENES, rank=0)
