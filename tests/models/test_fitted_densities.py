"""What the fitted mixture and the fitted flow have in common: what a Gaussian leaves."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor

from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.fitted_flow import FittedFlow
from gtexgen.models.priors.fitted_gaussian import FittedGaussian
from gtexgen.models.priors.fitted_mixture import FittedMixture
from gtexgen.models.priors.standard_normal import StandardNormal
from support.latents import gaussian_classes, moons_and_disc

DENSITIES = ["mixture", "flow"]


def build(name: str, n_latents: int, n_conditions: int) -> FittedMixture | FittedFlow:
    if name == "mixture":
        return FittedMixture(n_latents, n_conditions, components=8)
    return FittedFlow(n_latents, n_conditions, layers=6, hidden=32, steps=1_000)


def quick(name: str, n_latents: int, n_conditions: int) -> FittedMixture | FittedFlow:
    """Build what is fast to fit."""
    if name == "mixture":
        return FittedMixture(n_latents, n_conditions, components=3)
    return FittedFlow(n_latents, n_conditions, layers=2, hidden=8, steps=100)


@cache
def fitted_to_moons(name: str) -> FittedMixture | FittedFlow:
    prior = build(name, 2, 2)
    prior.fit(*moons_and_disc(2_000))
    return prior


@pytest.fixture(params=DENSITIES)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


def draws(posterior: Posterior) -> Tensor:
    return posterior.sample(torch.Generator().manual_seed(1))


def test_finds_the_half_moons_that_a_gaussian_cannot(name: str) -> None:
    gaussian = FittedGaussian(2, 2)
    gaussian.fit(*moons_and_disc(2_000))
    posterior, condition = moons_and_disc(2_000, seed=1)
    gain = fitted_to_moons(name).log_prob(draws(posterior), condition) - gaussian.log_prob(draws(posterior), condition)
    assert gain[condition[:, 0] == 1].mean() > 0.3
    assert gain[condition[:, 1] == 1].mean() > -0.1


def test_samples_lie_on_the_half_moons(name: str) -> None:
    posterior, _ = moons_and_disc(2_000, seed=1)
    condition = torch.tensor([[1.0, 0.0]]).repeat(1_000, 1)
    sample = fitted_to_moons(name).sample(condition, torch.Generator().manual_seed(0))
    gaussian = FittedGaussian(2, 2)
    gaussian.fit(*moons_and_disc(2_000))
    blurred = gaussian.sample(condition, torch.Generator().manual_seed(0))
    off, off_blurred = (torch.cdist(points, posterior.mean[::2]).amin(dim=1).mean() for points in (sample, blurred))
    assert off < 0.8 * off_blurred


def test_noise_behind_held_out_latents_is_standard_normal(name: str) -> None:
    posterior, condition = moons_and_disc(10_000, seed=1)
    noise = fitted_to_moons(name).pull(draws(posterior), condition, torch.Generator().manual_seed(2))
    for label in range(2):
        own = noise[condition[:, label] == 1]
        torch.testing.assert_close(own.mean(dim=0), torch.zeros(2), atol=0.15, rtol=0)
        torch.testing.assert_close(own.T.cov(), torch.eye(2), atol=0.3, rtol=0)


def test_the_fit_depends_on_the_data_alone(name: str) -> None:
    data = moons_and_disc(200)
    usual, again = quick(name, 2, 2), quick(name, 2, 2)
    usual.fit(*data)
    again.fit(*moons_and_disc(100, seed=5))  # a second fit forgets the first
    torch.manual_seed(1)
    before = torch.get_rng_state()
    with torch.inference_mode():
        again.fit(*data)
    assert torch.equal(torch.get_rng_state(), before)
    for key, value in usual.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key


def test_state_dict_brings_the_density_back(name: str) -> None:
    posterior, condition = moons_and_disc(100, seed=1)
    loaded = build(name, 2, 2)
    loaded.load_state_dict(fitted_to_moons(name).state_dict())
    assert torch.equal(
        loaded.log_prob(posterior.mean, condition), fitted_to_moons(name).log_prob(posterior.mean, condition)
    )


def test_training_would_still_be_towards_n_0_i(name: str) -> None:
    posterior, condition = moons_and_disc(100, seed=1)
    kl = fitted_to_moons(name).kl(posterior, condition)
    assert torch.equal(kl, StandardNormal(2).kl(posterior, condition))


def degenerate(case: str) -> tuple[Posterior, Tensor]:
    torch.manual_seed(0)
    n_samples = {"one sample": 1, "five samples": 5}.get(case, 20)
    mean, log_variance = torch.randn(n_samples, 4), torch.full((n_samples, 4), -4.0)
    condition = torch.eye(3)[torch.arange(n_samples) % 3]
    if case == "collapsed":
        mean, log_variance = torch.zeros_like(mean), torch.zeros_like(mean)
    if case == "constant":
        mean, log_variance = torch.ones_like(mean), torch.full_like(mean, -10.0)
    if case == "duplicates":
        mean = mean[torch.arange(n_samples) // 10]
    if case == "extreme":
        mean, log_variance = 1e4 * mean, torch.full_like(mean, 10.0)
    if case == "one condition":
        condition = torch.ones(n_samples, 1)
    if case == "no condition":
        condition = torch.zeros(n_samples, 0)
    if case == "a number":
        condition = torch.rand(n_samples, 1)
    return Posterior(mean, log_variance), condition


@pytest.mark.parametrize(
    "case",
    [
        "one sample",
        "five samples",
        "twenty samples",
        "collapsed",
        "constant",
        "duplicates",
        "extreme",
        "one condition",
        "no condition",
        "a number",
    ],
)
def test_little_or_odd_data_give_a_density_all_the_same(name: str, case: str) -> None:
    posterior, condition = degenerate(case)
    prior = quick(name, 4, condition.shape[1])
    prior.fit(posterior, condition)
    asked = condition[torch.arange(500) % len(condition)]
    sample = prior.sample(asked, torch.Generator().manual_seed(0))
    assert sample.isfinite().all()
    assert prior.log_prob(sample, asked).isfinite().all()
    assert prior.pull(sample, asked, torch.Generator().manual_seed(0)).isfinite().all()
    largest = (posterior.mean.abs() + 10 * (0.5 * posterior.log_variance).exp()).max() + 10
    assert sample.abs().max() < 3 * largest


def test_latents_far_out_have_no_nan(name: str) -> None:
    condition = torch.eye(2)
    for size in (1e4, 1e10, 1e25):
        latent = torch.full((2, 2), size)
        assert not fitted_to_moons(name).log_prob(latent, condition).isnan().any()
        assert fitted_to_moons(name).pull(latent, condition, torch.Generator().manual_seed(0)).isfinite().all()


def test_collapsed_latents_stay_standard_normal(name: str) -> None:
    n_samples = 500
    prior = quick(name, 3, 2)
    condition = torch.eye(2)[torch.arange(n_samples) % 2]
    prior.fit(Posterior(torch.zeros(n_samples, 3), torch.zeros(n_samples, 3)), condition)
    latent = torch.randn(5_000, 3, generator=torch.Generator().manual_seed(0))
    asked = condition.repeat(10, 1)
    loss = quick(name, 3, 2).log_prob(latent, asked) - prior.log_prob(latent, asked)
    assert loss.mean().abs() < 0.02


def test_gaussian_classes_lose_nothing(name: str) -> None:
    gaussian, prior = FittedGaussian(2, 2), quick(name, 2, 2)
    for fitted in (gaussian, prior):
        fitted.fit(*gaussian_classes((400, 400)))
    posterior, condition = gaussian_classes((4_000, 4_000), seed=1)
    gain = prior.log_prob(draws(posterior), condition) - gaussian.log_prob(draws(posterior), condition)
    assert gain.mean() > -0.02
