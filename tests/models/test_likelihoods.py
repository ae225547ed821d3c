"""Formulas of the likelihoods against torch.distributions, and what each does at its edges."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Normal

from gtexgen.errors import ConfigError
from gtexgen.models.likelihoods.bernoulli import BernoulliLikelihood
from gtexgen.models.likelihoods.gaussian import GaussianLikelihood


def test_gaussian_log_prob_is_the_normal_density() -> None:
    mean, expression = torch.randn(4, 7), torch.randn(4, 7)
    variance = torch.rand(7) + 0.1
    expected = Normal(mean, variance.sqrt()).log_prob(expression).sum(dim=1)
    actual = GaussianLikelihood(3, 7).log_prob((mean, variance), expression)
    torch.testing.assert_close(actual, expected)


@given(initial=st.floats(0.02, 100), floor=st.floats(1e-4, 0.019))
def test_gaussian_starts_at_its_initial_scale(initial: float, floor: float) -> None:
    likelihood = GaussianLikelihood(3, 7, initial_scale=initial, minimum_scale=floor)
    _, variance = likelihood(torch.zeros(1, 3), torch.zeros(1, 0))
    torch.testing.assert_close(variance, torch.full((7,), initial**2), rtol=1e-4, atol=0)


def test_gaussian_scale_never_falls_below_its_floor() -> None:
    likelihood = GaussianLikelihood(3, 7, minimum_scale=0.1)
    with torch.no_grad():
        likelihood.log_scale.fill_(-80)
    output = likelihood(torch.randn(2, 3), torch.zeros(2, 0))
    log_prob = likelihood.log_prob(output, torch.randn(2, 7))
    torch.testing.assert_close(output[1], torch.full((7,), 0.01))
    assert log_prob.isfinite().all()


def test_gaussian_learns_the_scale_of_each_gene() -> None:
    torch.manual_seed(0)
    scale = torch.tensor([0.1, 0.5, 1.0, 2.0])
    expression = scale * torch.randn(5_000, 4)
    likelihood = GaussianLikelihood(1, 4)
    features, condition = torch.zeros(len(expression), 1), torch.zeros(len(expression), 0)
    optimiser = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        (-likelihood.log_prob(likelihood(features, condition), expression).mean()).backward()
        optimiser.step()
    _, variance = likelihood(features, condition)
    torch.testing.assert_close(variance.sqrt(), scale, rtol=0.05, atol=0)


def test_gaussian_samples_have_its_scale() -> None:
    variance = torch.tensor([0.01, 1.0, 9.0])
    sample = GaussianLikelihood(1, 3).sample((torch.zeros(50_000, 3), variance), torch.Generator().manual_seed(0))
    torch.testing.assert_close(sample.var(dim=0), variance, rtol=0.03, atol=0)


@pytest.mark.parametrize(("initial", "floor"), [(1.0, 0.0), (1.0, -0.1), (0.1, 0.1), (float("inf"), 0.1)])
def test_gaussian_refuses_a_floor_at_or_above_its_start(initial: float, floor: float) -> None:
    with pytest.raises(ConfigError, match="minimum_scale"):
        GaussianLikelihood(3, 7, initial_scale=initial, minimum_scale=floor)


def test_bernoulli_log_prob_is_the_mass_of_zeros_and_ones() -> None:
    logits = 3 * torch.randn(4, 7)
    expression = torch.randint(2, (4, 7)).float()
    expected = Bernoulli(logits=logits).log_prob(expression).sum(dim=1)
    torch.testing.assert_close(BernoulliLikelihood(3, 7).log_prob((logits,), expression), expected)


def test_bernoulli_log_prob_between_zero_and_one_is_the_cross_entropy() -> None:
    expression, probability = torch.rand(4, 7), torch.rand(4, 7).clamp(0.01, 0.99)
    entropy = expression * probability.log() + (1 - expression) * (1 - probability).log()
    actual = BernoulliLikelihood(3, 7).log_prob((probability.logit(),), expression)
    torch.testing.assert_close(actual, entropy.sum(dim=1))


def test_bernoulli_log_prob_is_finite_and_bounded_at_extreme_logits() -> None:
    logits = torch.tensor([[200.0, -200.0]])
    inside = BernoulliLikelihood(3, 2).log_prob((logits,), torch.tensor([[1.0, 0.0]]))
    outside = BernoulliLikelihood(3, 2).log_prob((logits,), torch.tensor([[1.5, -0.5]]))
    torch.testing.assert_close(inside, torch.zeros(1))
    torch.testing.assert_close(outside, inside)
