"""Formulas of the priors against torch.distributions."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.base import Prior
from gtexgen.models.priors.conditional_gaussian import ConditionalGaussian
from gtexgen.models.priors.fitted_flow import FittedFlow
from gtexgen.models.priors.fitted_gaussian import FittedGaussian
from gtexgen.models.priors.fitted_mixture import FittedMixture
from gtexgen.models.priors.standard_normal import StandardNormal


def test_standard_normal_kl_is_the_closed_form_of_each_latent() -> None:
    mean, log_variance = torch.randn(2, 5, 4)
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(StandardNormal(4).kl(Posterior(mean, log_variance), torch.zeros(5, 0)), expected)


def test_standard_normal_kl_of_itself_is_zero() -> None:
    posterior = Posterior(torch.zeros(5, 4), torch.zeros(5, 4))
    assert torch.equal(StandardNormal(4).kl(posterior, torch.zeros(5, 0)), torch.zeros(5, 4))


def test_standard_normal_samples_have_its_moments() -> None:
    sample = StandardNormal(4).sample(torch.zeros(50_000, 2), torch.Generator().manual_seed(0))
    torch.testing.assert_close(sample.mean(dim=0), torch.zeros(4), rtol=0, atol=0.03)
    torch.testing.assert_close(sample.T.cov(), torch.eye(4), rtol=0, atol=0.03)


def test_conditional_kl_is_the_closed_form_against_its_own_gaussian() -> None:
    torch.manual_seed(0)
    prior = ConditionalGaussian(4, 3)
    torch.nn.init.normal_(prior.weight)
    condition = torch.eye(3)[torch.arange(5) % 3]
    mean, log_variance = torch.randn(2, 5, 4)
    own = prior(condition)
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(own.mean, (0.5 * own.log_variance).exp()))
    torch.testing.assert_close(prior.kl(Posterior(mean, log_variance), condition), expected)


def test_conditional_samples_follow_their_condition() -> None:
    prior = ConditionalGaussian(2, 2)
    with torch.no_grad():
        prior.weight[1, 0] = 5.0
    condition = torch.eye(2)[torch.arange(20_000) % 2]
    drawn = prior.sample(condition, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn[0::2].mean(dim=0), torch.tensor([5.0, 0.0]), rtol=0, atol=0.05)
    torch.testing.assert_close(drawn[1::2].mean(dim=0), torch.zeros(2), rtol=0, atol=0.05)


def test_standard_normal_density_is_that_of_torch() -> None:
    latent = 3 * torch.randn(5, 4)
    expected = Normal(0.0, 1.0).log_prob(latent).sum(dim=1)
    torch.testing.assert_close(StandardNormal(4).log_prob(latent, torch.zeros(5, 0)), expected)


def test_conditional_density_is_that_of_its_own_gaussian() -> None:
    torch.manual_seed(0)
    prior = ConditionalGaussian(4, 3)
    torch.nn.init.normal_(prior.weight)
    condition = torch.eye(3)[torch.arange(5) % 3]
    own = prior(condition)
    latent = 3 * torch.randn(5, 4)
    expected = Normal(own.mean, (0.5 * own.log_variance).exp()).log_prob(latent).sum(dim=1)
    torch.testing.assert_close(prior.log_prob(latent, condition), expected)


@pytest.mark.parametrize(
    "prior", [FittedGaussian(3, 2), FittedMixture(3, 2), FittedFlow(3, 2)], ids=lambda prior: type(prior).__name__
)
def test_fitted_priors_are_standard_normal_until_they_are_fitted(prior: Prior) -> None:
    condition = torch.eye(2)[torch.arange(50) % 2]
    noise = torch.randn(50, 3)
    torch.testing.assert_close(prior.push(noise, condition, torch.Generator().manual_seed(0)), noise)
    torch.testing.assert_close(prior.log_prob(noise, condition), StandardNormal(3).log_prob(noise, condition))
    posterior = Posterior(*torch.randn(2, 50, 3))
    assert torch.equal(prior.kl(posterior, condition), StandardNormal(3).kl(posterior, condition))
