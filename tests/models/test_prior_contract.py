"""What every prior that ``conf/`` ships must do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from gtexgen.models.components import build_component
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.base import Prior

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


def test_kl_has_one_part_a_latent_or_one_in_all(prior: Prior, posterior: Posterior, condition: Tensor) -> None:
    kl = prior.kl(posterior, condition)
    assert kl.shape in [(N_SAMPLES, N_LATENTS), (N_SAMPLES, 1)]
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
