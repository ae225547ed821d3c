"""The fitted prior recovers moments that are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gtexgen.errors import ConfigError
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.fitted_gaussian import FittedGaussian

MEANS = torch.tensor([[3.0, -1.0], [-2.0, 4.0]])
ROOTS = torch.tensor([[[1.0, 0.0], [0.8, 0.3]], [[0.5, 0.0], [0.0, 2.0]]])


def aggregate(n: tuple[int, int]) -> tuple[Posterior, Tensor]:
    """Draw posteriors whose aggregate has a known Gaussian in each of two classes."""
    torch.manual_seed(0)
    label = torch.repeat_interleave(torch.arange(2), torch.tensor(n))
    variance = 0.1
    spread = torch.einsum("bkl,bl->bk", ROOTS[label], torch.randn(sum(n), 2))
    mean = MEANS[label] + spread
    return Posterior(mean, torch.full_like(mean, variance).log()), torch.eye(2)[label]


def covariance(prior: FittedGaussian, condition: Tensor) -> Tensor:
    _, variances, axes = prior.moments(condition)
    return torch.einsum("bij,bj,bkj->bik", axes, variances, axes)


def test_each_class_gets_its_own_moments() -> None:
    posterior, condition = aggregate((20_000, 20_000))
    prior = FittedGaussian(2, 2, shrinkage=0.0)
    prior.fit(posterior, condition)
    mean, _, _ = prior.moments(torch.eye(2))
    torch.testing.assert_close(mean, MEANS, atol=0.05, rtol=0)
    expected = ROOTS @ ROOTS.mT + 0.1 * torch.eye(2)
    torch.testing.assert_close(covariance(prior, torch.eye(2)), expected, atol=0.1, rtol=0)


def test_samples_have_the_fitted_moments() -> None:
    posterior, condition = aggregate((2_000, 2_000))
    prior = FittedGaussian(2, 2)
    prior.fit(posterior, condition)
    asked = torch.eye(2)[torch.arange(40_000) % 2]
    drawn = prior.sample(asked, torch.Generator().manual_seed(0))
    for row in range(2):
        mean, _, _ = prior.moments(torch.eye(2)[row : row + 1])
        own = drawn[asked[:, row] == 1]
        torch.testing.assert_close(own.mean(dim=0), mean[0], atol=0.05, rtol=0)
        torch.testing.assert_close(own.T.cov(), covariance(prior, torch.eye(2))[row], atol=0.15, rtol=0)


def test_a_small_class_keeps_its_mean_and_borrows_its_covariance() -> None:
    posterior, condition = aggregate((5_000, 4))
    own = posterior.mean[-4:]
    distance = []
    for shrinkage in (0.0, 50.0):
        prior = FittedGaussian(2, 2, shrinkage=shrinkage)
        prior.fit(posterior, condition)
        mean, _, _ = prior.moments(torch.eye(2))
        torch.testing.assert_close(mean[1], own.mean(dim=0), atol=0.05, rtol=0)
        first, second = covariance(prior, torch.eye(2))
        distance.append((first - second).norm())
    assert distance[1] < 0.5 * distance[0]


def test_before_it_is_fitted_it_is_standard_normal() -> None:
    prior = FittedGaussian(3, 2)
    mean, _, _ = prior.moments(torch.eye(2))
    torch.testing.assert_close(mean, torch.zeros(2, 3))
    torch.testing.assert_close(covariance(prior, torch.eye(2)), torch.eye(3).expand(2, 3, 3))


def test_without_conditions_there_is_one_gaussian() -> None:
    posterior, _ = aggregate((5_000, 5_000))
    prior = FittedGaussian(2, 0)
    prior.fit(posterior, torch.zeros(10_000, 0))
    mean, _, _ = prior.moments(torch.zeros(1, 0))
    torch.testing.assert_close(mean[0], posterior.mean.mean(dim=0))


def test_a_negative_shrinkage_is_refused() -> None:
    with pytest.raises(ConfigError, match="shrinkage must be 0 or more"):
        FittedGaussian(2, 2, shrinkage=-1.0)
