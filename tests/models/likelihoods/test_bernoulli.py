"""The cross-entropy against torch.distributions, and at its edges."""

from __future__ import annotations

import torch
from torch.distributions import Bernoulli

from gtexgen.models.likelihoods.bernoulli import BernoulliLikelihood


def test_log_prob_is_the_mass_of_zeros_and_ones() -> None:
    logits = 3 * torch.randn(4, 7)
    expression = torch.randint(2, (4, 7)).float()
    expected = Bernoulli(logits=logits).log_prob(expression).sum(dim=1)
    torch.testing.assert_close(BernoulliLikelihood(3, 7).log_prob((logits,), expression), expected)


def test_log_prob_between_zero_and_one_is_the_cross_entropy() -> None:
    expression, probability = torch.rand(4, 7), torch.rand(4, 7).clamp(0.01, 0.99)
    entropy = expression * probability.log() + (1 - expression) * (1 - probability).log()
    actual = BernoulliLikelihood(3, 7).log_prob((probability.logit(),), expression)
    torch.testing.assert_close(actual, entropy.sum(dim=1))


def test_log_prob_is_finite_and_bounded_at_extreme_logits() -> None:
    logits = torch.tensor([[200.0, -200.0]])
    inside = BernoulliLikelihood(3, 2).log_prob((logits,), torch.tensor([[1.0, 0.0]]))
    outside = BernoulliLikelihood(3, 2).log_prob((logits,), torch.tensor([[1.5, -0.5]]))
    torch.testing.assert_close(inside, torch.zeros(1))
    torch.testing.assert_close(outside, inside)
