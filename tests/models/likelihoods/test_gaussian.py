"""The Gaussian with learned scales: its density, its scales, and those of each condition."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Normal

from gtexgen.data.training_part import TrainingPart
from gtexgen.errors import ConfigError
from gtexgen.models.likelihoods.gaussian import GaussianLikelihood


def train(likelihood: GaussianLikelihood, features: Tensor, condition: Tensor, expression: Tensor) -> Tensor:
    """Fit it and give the standard deviations it ends with."""
    optimiser = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        (-likelihood.log_prob(likelihood(features, condition), expression).mean()).backward()
        optimiser.step()
    with torch.no_grad():
        return likelihood.scale(likelihood(features, condition))


@pytest.mark.parametrize("shape", [(7,), (4, 7)])
def test_log_prob_is_the_normal_density(shape: tuple[int, ...]) -> None:
    mean, expression = torch.randn(2, 4, 7)
    variance = torch.rand(shape) + 0.1
    expected = Normal(mean, variance.sqrt()).log_prob(expression).sum(dim=1)
    torch.testing.assert_close(GaussianLikelihood(3, 7).log_prob((mean, variance), expression), expected)


@pytest.mark.parametrize("shape", [(7,), (4, 7)])
def test_density_of_the_observed_genes_leaves_out_the_others(shape: tuple[int, ...]) -> None:
    mean, expression = torch.randn(2, 4, 7)
    variance, observed = torch.rand(shape) + 0.1, torch.rand(4, 7) < 0.5
    expected = (Normal(mean, variance.sqrt()).log_prob(expression) * observed).sum(dim=1)
    actual = GaussianLikelihood(3, 7).log_density((mean, variance), expression, observed)
    torch.testing.assert_close(actual, expected)


def test_reduced_precision_leaves_the_density_its_digits() -> None:
    likelihood = GaussianLikelihood(3, 2_000)
    mean, expression = torch.randn(2, 4, 2_000)
    output = (mean, torch.ones(2_000))
    with torch.autocast("cpu", torch.bfloat16):
        reduced = likelihood.log_prob(output, expression)
    assert torch.equal(reduced, likelihood.log_prob(output, expression))


@given(initial=st.floats(0.02, 100), floor=st.floats(1e-4, 0.019))
def test_it_starts_at_its_initial_scale(initial: float, floor: float) -> None:
    likelihood = GaussianLikelihood(3, 7, initial_scale=initial, minimum_scale=floor)
    _, variance = likelihood(torch.zeros(1, 3), torch.zeros(1, 0))
    torch.testing.assert_close(variance, torch.full((7,), initial**2), rtol=1e-4, atol=0)


def test_the_scale_never_falls_below_its_floor() -> None:
    likelihood = GaussianLikelihood(3, 7, minimum_scale=0.1)
    with torch.no_grad():
        likelihood.log_scale.fill_(-80)
    output = likelihood(torch.randn(2, 3), torch.zeros(2, 0))
    log_prob = likelihood.log_prob(output, torch.randn(2, 7))
    torch.testing.assert_close(output[1], torch.full((7,), 0.01))
    assert log_prob.isfinite().all()


def test_it_learns_the_scale_of_each_gene() -> None:
    torch.manual_seed(0)
    scale = torch.tensor([0.1, 0.5, 1.0, 2.0])
    expression = scale * torch.randn(5_000, 4)
    learned = train(GaussianLikelihood(1, 4), torch.zeros(5_000, 1), torch.zeros(5_000, 0), expression)
    torch.testing.assert_close(learned, scale, rtol=0.05, atol=0)


def test_samples_have_its_scale() -> None:
    variance = torch.tensor([0.01, 1.0, 9.0])
    sample = GaussianLikelihood(1, 3).sample((torch.zeros(50_000, 3), variance), torch.Generator().manual_seed(0))
    torch.testing.assert_close(sample.var(dim=0), variance, rtol=0.03, atol=0)


@pytest.mark.parametrize(("initial", "floor"), [(1.0, 0.0), (1.0, -0.1), (0.1, 0.1), (float("inf"), 0.1)])
def test_a_floor_at_or_above_the_start_is_refused(initial: float, floor: float) -> None:
    with pytest.raises(ConfigError, match="minimum_scale"):
        GaussianLikelihood(3, 7, initial_scale=initial, minimum_scale=floor)


def test_by_condition_it_starts_with_the_same_scales_for_all() -> None:
    likelihood = GaussianLikelihood(3, 7, 2, initial_scale=0.5, by_condition=True)
    _, variance = likelihood(torch.zeros(4, 3), torch.eye(2).repeat(2, 1))
    torch.testing.assert_close(variance, torch.full((4, 7), 0.25))


def test_by_condition_it_learns_the_scales_of_each() -> None:
    torch.manual_seed(0)
    scales = torch.tensor([[0.2, 1.0], [1.0, 0.4]])
    label = torch.arange(8_000) % 2
    expression = scales[label] * torch.randn(8_000, 2)
    likelihood = GaussianLikelihood(1, 2, 2, by_condition=True)
    learned = train(likelihood, torch.zeros(8_000, 1), torch.eye(2)[label], expression)
    torch.testing.assert_close(learned[:2], scales, rtol=0.06, atol=0)


def test_by_condition_a_few_samples_cannot_take_the_scale_far(training_part: Callable[..., TrainingPart]) -> None:
    condition = torch.eye(3)[torch.tensor([0] * 1 + [1] * 10 + [2] * 990)]
    likelihood = GaussianLikelihood(2, 4, 3, by_condition=True)
    likelihood.prepare(training_part(torch.zeros(1001, 4), condition))
    with torch.no_grad():
        likelihood.departure.fill_(1e6)
    scale = likelihood.scale(likelihood(torch.zeros(3, 2), torch.eye(3)))
    torch.testing.assert_close(scale[:, 0].log(), torch.tensor([3 / 11, 1.5, 2.97]), rtol=0, atol=1e-3)


@pytest.mark.parametrize(("prepared", "least", "most"), [(True, 0.5, 1.5), (False, 0.0, 0.3)])
def test_by_condition_a_single_sample_keeps_its_scale_because_it_was_counted(
    training_part: Callable[..., TrainingPart], prepared: bool, least: float, most: float
) -> None:
    torch.manual_seed(0)
    condition = torch.eye(2)[torch.tensor([0] * 499 + [1])]
    expression = torch.randn(500, 3)
    likelihood = GaussianLikelihood(2, 3, 2, by_condition=True)
    if prepared:
        likelihood.prepare(training_part(expression, condition))
    scale = train(likelihood, condition, condition, expression)  # the mean of the single sample is fitted exactly
    assert ((least < scale[-1] / scale[0]) & (scale[-1] / scale[0] < most)).all()


def test_by_condition_without_a_condition_is_the_shared_scale() -> None:
    likelihood = GaussianLikelihood(3, 7, 0, by_condition=True)
    _, variance = likelihood(torch.zeros(4, 3), torch.zeros(4, 0))
    assert variance.shape == (7,)
