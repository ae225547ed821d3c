"""The fitted Gaussian recovers moments that are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from gtexgen.errors import ConfigError
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.fitted_gaussian import FittedGaussian
from support.latents import MEANS, ROOTS, VARIANCE, gaussian_classes


def moments(prior: FittedGaussian, condition: Tensor) -> tuple[Tensor, Tensor]:
    """Give mean and covariance of each row from where the prior takes the origin and the unit vectors."""
    n_rows, n_latents = len(condition), prior.n_latents
    mean = prior.push(torch.zeros(n_rows, n_latents), condition)
    units = torch.eye(n_latents).repeat(n_rows, 1)
    root = prior.push(units, condition.repeat_interleave(n_latents, dim=0)).unflatten(0, (n_rows, -1)) - mean[:, None]
    return mean, root.mT @ root


def test_each_class_gets_its_own_moments() -> None:
    prior = FittedGaussian(2, 2, shrinkage=0.0)
    prior.fit(*gaussian_classes((20_000, 20_000)))
    mean, covariance = moments(prior, torch.eye(2))
    torch.testing.assert_close(mean, MEANS, atol=0.05, rtol=0)
    torch.testing.assert_close(covariance, ROOTS @ ROOTS.mT + VARIANCE * torch.eye(2), atol=0.1, rtol=0)


def test_variances_of_the_posteriors_count() -> None:
    prior = FittedGaussian(2, 0)
    prior.fit(Posterior(torch.zeros(50, 2), torch.full((50, 2), math.log(0.3))), torch.zeros(50, 0))
    _, covariance = moments(prior, torch.zeros(1, 0))
    torch.testing.assert_close(covariance[0], 0.3 * torch.eye(2))


def test_a_small_class_keeps_its_mean_and_borrows_its_covariance() -> None:
    posterior, condition = gaussian_classes((5_000, 4))
    distance = []
    for shrinkage in (0.0, 50.0):
        prior = FittedGaussian(2, 2, shrinkage=shrinkage)
        prior.fit(posterior, condition)
        mean, (first, second) = moments(prior, torch.eye(2))
        torch.testing.assert_close(mean[1], posterior.mean[-4:].mean(dim=0), atol=0.05, rtol=0)
        distance.append((first - second).norm())
    assert distance[1] < 0.5 * distance[0]


def test_a_deviation_that_chance_explains_is_left_out() -> None:
    torch.manual_seed(0)
    mean = torch.randn(2_000, 5)
    condition = torch.eye(100)[torch.arange(2_000) % 100]
    prior = FittedGaussian(5, 100)
    prior.fit(Posterior(mean, torch.full_like(mean, -10.0)), condition)
    _, covariance = moments(prior, torch.eye(100))
    sampled = torch.stack([mean[i::100].T.cov() for i in range(100)])
    common = mean.T.cov()
    assert (covariance - common).norm() < 0.3 * (sampled - common).norm()


def test_factors_of_several_conditions_multiply() -> None:
    torch.manual_seed(0)
    present = (torch.arange(40_000)[:, None] // torch.tensor([1, 2])) % 2
    condition = torch.cat([1 - present, present], dim=1).float()
    spread = 3.0 ** (present[:, :1] - present[:, 1:])  # 1, 3, 1/3 and 1: no sum of two parts
    mean = spread * torch.randn(40_000, 2)
    prior = FittedGaussian(2, 4)
    prior.fit(Posterior(mean, torch.full_like(mean, -10.0)), condition)
    _, covariance = moments(prior, condition[:4])
    relative = covariance / spread[:4, :, None].square()
    torch.testing.assert_close(relative, torch.eye(2).expand(4, 2, 2), atol=0.05, rtol=0)


@pytest.mark.parametrize("n_samples", [1, 2, 20])
def test_any_combination_of_few_samples_has_a_density(n_samples: int) -> None:
    torch.manual_seed(0)
    condition = torch.rand(n_samples, 6).round()
    prior = FittedGaussian(8, 6)
    prior.fit(Posterior(torch.randn(n_samples, 8), torch.full((n_samples, 8), -10.0)), condition)
    asked = torch.cartesian_prod(*6 * [torch.tensor([0.0, 1.0])])
    latent = prior.sample(asked, torch.Generator().manual_seed(0))
    assert latent.isfinite().all()
    assert prior.log_prob(latent, asked).isfinite().all()


def test_density_is_that_of_its_moments() -> None:
    prior = FittedGaussian(2, 2)
    prior.fit(*gaussian_classes((300, 100)))
    condition = torch.eye(2)[torch.arange(20) % 2]
    latent = 3 * torch.randn(20, 2)
    expected = MultivariateNormal(*moments(prior, condition)).log_prob(latent)
    torch.testing.assert_close(prior.log_prob(latent, condition), expected, rtol=1e-4, atol=1e-4)


def test_without_conditions_there_is_one_gaussian() -> None:
    posterior, _ = gaussian_classes((5_000, 5_000))
    prior = FittedGaussian(2, 0)
    prior.fit(posterior, torch.zeros(10_000, 0))
    mean, covariance = moments(prior, torch.zeros(1, 0))
    torch.testing.assert_close(mean[0], posterior.mean.mean(dim=0))
    torch.testing.assert_close(covariance[0], posterior.mean.T.cov() + VARIANCE * torch.eye(2), rtol=1e-2, atol=1e-2)


def test_a_negative_shrinkage_is_refused() -> None:
    with pytest.raises(ConfigError, match="shrinkage must be 0 or more"):
        FittedGaussian(2, 2, shrinkage=-1.0)
