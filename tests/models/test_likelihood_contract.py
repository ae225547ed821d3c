"""What every likelihood that ``conf/`` ships must do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses import FakeTensorMode

from gtexgen.models.components import build_component
from gtexgen.models.likelihoods.base import Likelihood, Output

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
def expression(likelihood: Likelihood) -> Tensor:
    values = torch.rand(N_SAMPLES, N_GENES, generator=torch.Generator().manual_seed(2))
    return (20 * values).round() if likelihood.support == "counts" else values


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
        assert likelihood.support == "real" or values.min() >= 0
        assert likelihood.support != "unit_interval" or values.max() <= 1


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
    generator = torch.Generator().manual_seed(5)
    kind = torch.arange(20 * N_SAMPLES) % N_SAMPLES
    other = torch.randint(N_SAMPLES, kind.shape, generator=generator)
    is_own = torch.rand(len(kind), N_GENES, generator=generator) < 0.8
    varied = torch.where(is_own, expression[kind], expression[other])
    wanted = torch.stack([varied[kind == k].mean(dim=0) for k in range(N_SAMPLES)])

    features = torch.eye(N_SAMPLES, N_FEATURES)
    optimiser = torch.optim.Adam(likelihood.parameters(), lr=0.1)
    error = []
    for _ in range(100):
        decoded = likelihood.reconstruct(likelihood(features, condition), wanted)
        error.append((decoded - wanted).square().mean().item())
        optimiser.zero_grad()
        (-likelihood.log_prob(likelihood(features[kind], condition[kind]), varied).mean()).backward()
        optimiser.step()
    assert error[-1] < 0.1 * error[0]


def test_a_training_step_waits_for_nothing_on_the_device(likelihood_config: dict[str, Any]) -> None:
    with FakeTensorMode():  # its tensors have no values: whatever reads one back is an error
        likelihood = build(likelihood_config)
        output = likelihood(torch.zeros(N_SAMPLES, N_FEATURES), torch.zeros(N_SAMPLES, N_CONDITIONS))
        likelihood.log_prob(output, torch.ones(N_SAMPLES, N_GENES)).mean().backward()


@torch.no_grad()
def draw(likelihood: Likelihood, n_samples: int) -> tuple[Output, Tensor]:
    """Give the output of many samples, each with features of its own, and noise for it."""
    features = torch.randn(n_samples, N_FEATURES, generator=torch.Generator().manual_seed(6))
    condition = torch.eye(N_CONDITIONS)[torch.arange(n_samples) % N_CONDITIONS]
    output = likelihood.eval()(features, condition)
    return output, likelihood.noise(output, torch.Generator().manual_seed(7))


def assert_standard_normal(noise: Tensor) -> None:
    """Compare mean, variance and distribution function of each column with their own sampling errors."""
    n = len(noise)
    assert (noise.mean(dim=0).abs() < 5 / n**0.5).all()
    assert ((noise.var(dim=0) - 1).abs() < 5 * (2 / n) ** 0.5).all()
    steps = (torch.arange(n)[:, None] + 0.5) / n
    assert (torch.special.ndtr(noise.sort(dim=0).values) - steps).abs().max() < 2 / n**0.5  # Kolmogorov: p < 0.001


def test_noise_is_standard_normal_in_every_gene(likelihood: Likelihood) -> None:
    _, noise = draw(likelihood, 4_000)
    assert_standard_normal(noise)


@torch.no_grad()
def test_expression_rises_with_the_noise(likelihood: Likelihood, features: Tensor, condition: Tensor) -> None:
    output = likelihood.eval()(features[:1].expand(500, -1), condition[:1].expand(500, -1))
    rising = torch.linspace(-4, 4, 500)[:, None].expand(-1, N_GENES)
    assert (likelihood.push(output, rising).diff(dim=0) >= -1e-5).all()


@pytest.fixture
def invertible(likelihood: Likelihood) -> Likelihood:
    if likelihood.support == "unit_interval":
        pytest.skip("it has no noise model")
    if likelihood.support == "counts":
        pytest.skip("it pulls counts at their own library, and pushes noise at a new one")
    return likelihood


def test_the_noise_of_samples_is_standard_normal(invertible: Likelihood) -> None:
    output, noise = draw(invertible, 4_000)
    expression = invertible.push(output, noise)
    assert_standard_normal(invertible.pull(output, expression, torch.Generator().manual_seed(8)))


def test_pushing_what_was_pulled_gives_it_back(invertible: Likelihood) -> None:
    output, noise = draw(invertible, 500)
    expression = invertible.push(output, noise)
    pulled = invertible.pull(output, expression, torch.Generator().manual_seed(8))
    torch.testing.assert_close(invertible.push(output, pulled), expression, rtol=1e-3, atol=1e-3)


def test_pulling_what_was_pushed_gives_it_back_where_no_other_noise_would_do(invertible: Likelihood) -> None:
    output, noise = draw(invertible, 500)
    expression = invertible.push(output, noise)
    below, above = (invertible.push(output, noise + shift) for shift in (-0.01, 0.01))
    is_continuous = (below < expression) & (expression < above)
    assert is_continuous.float().mean() > 0.2
    pulled = invertible.pull(output, expression, torch.Generator().manual_seed(8))
    torch.testing.assert_close(pulled[is_continuous], noise[is_continuous], rtol=1e-3, atol=1e-3)


def test_a_seed_reproduces_a_pull(likelihood: Likelihood, expression: Tensor) -> None:
    output, _ = draw(likelihood, N_SAMPLES)
    state = torch.get_rng_state()
    first, again = (likelihood.pull(output, expression, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), state)
