"""What every prior that ``conf/`` ships must do."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from gtexgen.models.components import build_component
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.base import Prior
from support.latents import moons_and_disc

N_SAMPLES, N_LATENTS, N_CONDITIONS = 6, 4, 3


@pytest.fixture(params=[0, N_CONDITIONS], ids=["no condition", "condition"])
def condition(request: pytest.FixtureRequest) -> Tensor:
    return torch.eye(N_CONDITIONS)[torch.arange(N_SAMPLES) % N_CONDITIONS, : request.param]


@pytest.fixture
def prior(prior_config: dict[str, Any], condition: Tensor) -> Prior:
    torch.manual_seed(0)
    return build_component(
        prior_config,
        Prior,  # type: ignore[type-abstract]
        n_latents=N_LATENTS,
        n_conditions=condition.shape[1],
    )


@pytest.fixture
def posterior() -> Posterior:
    generator = torch.Generator().manual_seed(1)
    mean, log_variance = torch.randn(2, N_SAMPLES, N_LATENTS, generator=generator)
    return Posterior(mean.requires_grad_(), log_variance.requires_grad_())


def test_kl_has_one_part_a_latent(prior: Prior, posterior: Posterior, condition: Tensor) -> None:
    kl = prior.kl(posterior, condition)
    assert kl.shape == (N_SAMPLES, N_LATENTS)
    assert kl.isfinite().all()
    assert (kl.sum(dim=1) > 0).all()


def test_a_gradient_reaches_the_posterior_and_every_parameter(
    prior: Prior, posterior: Posterior, condition: Tensor
) -> None:
    prior.kl(posterior, condition).sum().backward()
    tensors = {
        **dict(prior.named_parameters()),
        "mean": posterior.mean,
        "log_variance": posterior.log_variance,
    }
    for name, tensor in tensors.items():
        assert tensor.grad is not None, name
        assert tensor.grad.isfinite().all(), name
        assert tensor.grad.abs().sum() > 0, name


def test_kl_is_finite_at_the_bounds_of_the_encoder(prior: Prior, condition: Tensor) -> None:
    for log_variance in (-10.0, 10.0):
        posterior = Posterior(
            torch.full((N_SAMPLES, N_LATENTS), 10.0), torch.full((N_SAMPLES, N_LATENTS), log_variance)
        )
        assert prior.kl(posterior, condition).isfinite().all()


def test_a_seed_reproduces_a_sample(prior: Prior, condition: Tensor) -> None:
    first, again, other = (prior.sample(condition, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert first.shape == (N_SAMPLES, N_LATENTS)
    assert first.isfinite().all()
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_rows_of_a_sample_differ(prior: Prior, condition: Tensor) -> None:
    sample = prior.sample(condition, torch.Generator().manual_seed(3))
    assert len(sample.unique(dim=0)) == N_SAMPLES


def test_sampling_leaves_the_default_generator_alone(prior: Prior, condition: Tensor) -> None:
    state = torch.get_rng_state()
    prior.sample(condition, torch.Generator().manual_seed(3))
    assert torch.equal(torch.get_rng_state(), state)


@cache
def fitted_to_moons(prior_config: str) -> Prior:
    """Fit a prior, which may be learned or fitted or neither, to two classes in two dimensions."""
    config = json.loads(prior_config)
    if "steps" in config:
        config["steps"] = 100
    torch.manual_seed(0)
    prior = build_component(config, Prior, n_latents=2, n_conditions=2)  # type: ignore[type-abstract]
    for parameter in prior.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    prior.fit(*moons_and_disc(500))
    return prior


@pytest.fixture
def fitted(prior_config: dict[str, Any]) -> Prior:
    return fitted_to_moons(json.dumps(prior_config))


@pytest.fixture
def asked() -> Tensor:
    return torch.eye(2)[torch.arange(20_000) % 2]


def test_samples_have_the_moments_of_the_density(fitted: Prior, asked: Tensor) -> None:
    """The density integrates to 1 over a grid that holds all of it, and its moments are those of the samples."""
    step = 0.05
    axis = torch.arange(-8, 8, step)
    grid = torch.cartesian_prod(axis, axis)
    sample = fitted.sample(asked, torch.Generator().manual_seed(0))
    for label in range(2):
        condition = torch.eye(2)[label].expand(len(grid), 2)
        mass = fitted.log_prob(grid, condition).exp() * step**2
        torch.testing.assert_close(mass.sum(), torch.tensor(1.0), atol=0.01, rtol=0)
        mean = mass @ grid
        covariance = torch.einsum("b,bk,bl->kl", mass, grid - mean, grid - mean)
        own = sample[asked[:, label] == 1]
        torch.testing.assert_close(own.mean(dim=0), mean, atol=0.06, rtol=0)
        torch.testing.assert_close(own.T.cov(), covariance, atol=0.06, rtol=0.05)


def test_pull_finds_the_noise_that_was_pushed(fitted: Prior, asked: Tensor) -> None:
    """It is the very noise where only one gives these latents, and standard normal noise everywhere."""
    noise = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0))
    latent = fitted.push(noise, asked, torch.Generator().manual_seed(1))
    again, other = (fitted.pull(latent, asked, torch.Generator().manual_seed(seed)) for seed in (2, 3))
    if torch.equal(again, other):
        torch.testing.assert_close(again, noise, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(again.mean(dim=0), torch.zeros(2), atol=0.03, rtol=0)
    torch.testing.assert_close(again.T.cov(), torch.eye(2), atol=0.05, rtol=0)
    torch.testing.assert_close(again.pow(4).mean(dim=0), torch.full((2,), 3.0), atol=0.3, rtol=0)


def test_push_undoes_pull(fitted: Prior) -> None:
    posterior, condition = moons_and_disc(500, seed=1)
    latent = posterior.sample(torch.Generator().manual_seed(0))
    noise = fitted.pull(latent, condition, torch.Generator().manual_seed(1))
    again, other = (fitted.push(noise, condition, torch.Generator().manual_seed(seed)) for seed in (2, 3))
    if torch.equal(again, other):
        torch.testing.assert_close(again, latent, atol=1e-4, rtol=1e-4)
    assert again.isfinite().all()


def test_a_seed_reproduces_pull(fitted: Prior, asked: Tensor) -> None:
    latent = fitted.sample(asked, torch.Generator().manual_seed(0))
    first, again = (fitted.pull(latent, asked, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)


def test_a_state_dict_holds_all_that_was_fitted(fitted: Prior, prior_config: dict[str, Any], asked: Tensor) -> None:
    fresh = build_component(prior_config, Prior, n_latents=2, n_conditions=2)  # type: ignore[type-abstract]
    fresh.load_state_dict(fitted.state_dict())
    first, again = (prior.sample(asked, torch.Generator().manual_seed(0)) for prior in (fitted, fresh))
    assert torch.equal(first, again)


def test_an_unfitted_prior_has_a_density(prior: Prior, condition: Tensor) -> None:
    sample = prior.sample(condition, torch.Generator().manual_seed(3))
    assert prior.log_prob(sample, condition).shape == (N_SAMPLES,)
    assert prior.log_prob(sample, condition).isfinite().all()
