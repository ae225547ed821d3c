"""What every likelihood that ``conf/`` ships must do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from gtexgen.models.components import build_component
from gtexgen.models.likelihoods.base import Likelihood

N_SAMPLES, N_FEATURES, N_GENES, N_CONDITIONS = 6, 5, 11, 3


def build(config: Mapping[str, Any], seed: int = 0) -> Likelihood:
    torch.manual_seed(seed)
    return build_component(
        config,
        Likelihood,  # type: ignore[type-abstract]
        n_features=N_FEATURES,
        n_genes=N_GENES,
        n_conditions=N_CONDITIONS,
    )


@pytest.fixture
def likelihood(likelihood_config: dict[str, Any]) -> Likelihood:
    return build(likelihood_config)


@pytest.fixture
def features() -> Tensor:
    return torch.randn(N_SAMPLES, N_FEATURES, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def condition() -> Tensor:
    return torch.eye(N_CONDITIONS)[torch.arange(N_SAMPLES) % N_CONDITIONS]


@pytest.fixture
def expression() -> Tensor:
    return torch.rand(N_SAMPLES, N_GENES, generator=torch.Generator().manual_seed(2))


def test_shapes_and_finite_values(
    likelihood: Likelihood, features: Tensor, condition: Tensor, expression: Tensor
) -> None:
    output = likelihood(features, condition)
    log_prob, mean, sample = (
        likelihood.log_prob(output, expression),
        likelihood.mean(output),
        likelihood.sample(output),
    )

    assert log_prob.shape == (N_SAMPLES,)
    assert mean.shape == sample.shape == (N_SAMPLES, N_GENES)
    for values in (log_prob, mean, sample):
        assert values.isfinite().all()
        assert values.dtype == torch.float32


def test_mean_and_samples_stay_in_the_support(likelihood: Likelihood, features: Tensor, condition: Tensor) -> None:
    output = likelihood(50 * features, condition)
    for values in (likelihood.mean(output), likelihood.sample(output)):
        assert likelihood.support == "real" or (values.min() >= 0 and values.max() <= 1)


def test_a_gradient_reaches_every_parameter(
    likelihood: Likelihood, features: Tensor, condition: Tensor, expression: Tensor
) -> None:
    features.requires_grad_()
    likelihood.log_prob(likelihood(features, condition), expression).mean().backward()

    for name, tensor in {**dict(likelihood.named_parameters()), "features": features}.items():
        assert tensor.grad is not None, name
        assert tensor.grad.abs().sum() > 0, name
        assert tensor.grad.isfinite().all(), name


def test_samples_are_scored_one_by_one(
    likelihood: Likelihood, features: Tensor, condition: Tensor, expression: Tensor
) -> None:
    likelihood.eval()
    together = likelihood.log_prob(likelihood(features, condition), expression)
    alone = likelihood.log_prob(likelihood(features[2:3], condition[2:3]), expression[2:3])
    torch.testing.assert_close(together[2:3], alone)


def test_state_dict_round_trip(
    likelihood_config: dict[str, Any],
    likelihood: Likelihood,
    features: Tensor,
    condition: Tensor,
    expression: Tensor,
) -> None:
    other = build(likelihood_config, seed=1)
    before = other.eval().log_prob(other(features, condition), expression)
    other.load_state_dict(likelihood.state_dict())

    expected = likelihood.eval().log_prob(likelihood(features, condition), expression)
    assert not torch.equal(before, expected)
    assert torch.equal(other.log_prob(other(features, condition), expression), expected)


def test_a_seed_reproduces_a_sample(likelihood: Likelihood, features: Tensor, condition: Tensor) -> None:
    output = likelihood(features, condition)
    first, again = (likelihood.sample(output, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)


def test_sampling_leaves_the_default_generator_alone(
    likelihood: Likelihood, features: Tensor, condition: Tensor
) -> None:
    state = torch.get_rng_state()
    likelihood.sample(likelihood(features, condition), torch.Generator().manual_seed(3))
    assert torch.equal(torch.get_rng_state(), state)


def test_samples_average_to_the_mean(likelihood: Likelihood, condition: Tensor) -> None:
    n = 20_000
    output = likelihood(torch.zeros(n, N_FEATURES), condition[:1].expand(n, -1))
    sample = likelihood.sample(output, torch.Generator().manual_seed(4))

    tolerance = 5 * sample.std(dim=0) / n**0.5 + 1e-5
    assert ((sample.mean(dim=0) - likelihood.mean(output)[0]).abs() < tolerance).all()


def test_training_moves_the_mean_to_the_data(likelihood: Likelihood, condition: Tensor, expression: Tensor) -> None:
    features = torch.eye(N_SAMPLES, N_FEATURES)
    optimiser = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    error = []
    for _ in range(200):
        output = likelihood(features, condition)
        error.append((likelihood.mean(output) - expression).square().mean().item())
        optimiser.zero_grad()
        (-likelihood.log_prob(output, expression).mean()).backward()
        optimiser.step()
    assert error[-1] < 0.1 * error[0]
