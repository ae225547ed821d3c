"""One scale for all genes: the closed form in training, a stored number afterwards."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from gtexgen.errors import ConfigError
from gtexgen.models.likelihoods.shared_scale import Rule, SharedScaleGaussian

N_GENES = 7


def weigh(likelihood: SharedScaleGaussian, mean: Tensor, expression: Tensor) -> Tensor:
    stored = likelihood(torch.zeros(len(mean), 3), torch.zeros(len(mean), 0))[1]
    return likelihood.log_prob((mean, stored), expression)


def test_the_optimal_scale_is_that_of_the_batch() -> None:
    mean, expression = torch.randn(2, 4, N_GENES)
    error = (expression - mean).square().mean()
    expected = Normal(mean, error.sqrt()).log_prob(expression).sum(dim=1)
    torch.testing.assert_close(weigh(SharedScaleGaussian(3, N_GENES), mean, expression), expected)


def test_no_other_scale_explains_the_batch_better() -> None:
    mean, expression = torch.randn(2, 4, N_GENES)
    best = weigh(SharedScaleGaussian(3, N_GENES), mean, expression).mean()
    for scale in torch.linspace(0.1, 5, 100):
        assert Normal(mean, scale).log_prob(expression).sum(dim=1).mean() <= best + 1e-4


def test_the_optimal_rule_has_the_gradient_of_the_log_error() -> None:
    mean, expression = torch.randn(2, 4, N_GENES)
    mean.requires_grad_()
    loss = -weigh(SharedScaleGaussian(3, N_GENES), mean, expression).mean()
    log_error = 0.5 * N_GENES * (expression - mean).square().mean().log()
    (actual,), (expected,) = torch.autograd.grad(loss, mean), torch.autograd.grad(log_error, mean)
    torch.testing.assert_close(actual, expected)


def test_the_running_minimum_follows_its_recurrence() -> None:
    torch.manual_seed(0)
    likelihood = SharedScaleGaussian(3, N_GENES, rule="running_minimum", initial_scale=2)
    expected = 4.0
    for spread in (1.0, 0.2, 3.0, 0.5, 2.0, 0.1):
        mean, expression = torch.zeros(4, N_GENES), spread * torch.randn(4, N_GENES)
        error = expression.square().mean().item()
        expected = min(expected, 0.99 * expected + 0.01 * error)
        log_prob = weigh(likelihood, mean, expression)
        torch.testing.assert_close(log_prob, Normal(mean, math.sqrt(expected)).log_prob(expression).sum(dim=1))
        assert likelihood.mean_square.item() == pytest.approx(expected, rel=1e-5)


def test_the_stored_scale_comes_to_that_of_the_training_batches() -> None:
    torch.manual_seed(0)
    likelihood = SharedScaleGaussian(3, 200, initial_scale=10.0)
    for _ in range(100):
        weigh(likelihood, torch.zeros(64, 200), 0.3 * torch.randn(64, 200))
    (scale,) = likelihood.scale(likelihood(torch.zeros(1, 3), torch.zeros(1, 0))).unique()
    assert scale.item() == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize("rule", ["optimal", "running_minimum"])
def test_held_out_samples_have_no_say_in_the_scale(rule: Rule) -> None:
    likelihood = SharedScaleGaussian(3, N_GENES, rule=rule, initial_scale=0.8).eval()
    mean, expression = torch.randn(2, 4, N_GENES)
    log_prob = weigh(likelihood, mean, expression)
    torch.testing.assert_close(log_prob, Normal(mean, 0.8).log_prob(expression).sum(dim=1))
    assert likelihood.mean_square.item() == pytest.approx(0.64)


@pytest.mark.parametrize("rule", ["optimal", "running_minimum"])
def test_a_perfect_fit_meets_the_floor(rule: Rule) -> None:
    likelihood = SharedScaleGaussian(3, N_GENES, rule=rule, minimum_scale=0.1)
    for _ in range(600):
        log_prob = weigh(likelihood, torch.zeros(4, N_GENES), torch.zeros(4, N_GENES))
    expected = Normal(0.0, 0.1).log_prob(torch.zeros(4, N_GENES)).sum(dim=1)
    torch.testing.assert_close(log_prob, expected)


def test_the_scale_of_observed_genes_leaves_out_the_others() -> None:
    mean, expression = torch.randn(2, 4, N_GENES)
    observed = torch.rand(4, N_GENES) < 0.5
    error = (expression - mean)[observed].square().mean()
    expected = (Normal(mean, error.sqrt()).log_prob(expression) * observed).sum(dim=1)
    likelihood = SharedScaleGaussian(3, N_GENES)
    torch.testing.assert_close(likelihood.log_density((mean, torch.ones(N_GENES)), expression, observed), expected)


def test_a_batch_without_observed_genes_is_finite() -> None:
    likelihood = SharedScaleGaussian(3, N_GENES)
    nothing = torch.zeros(4, N_GENES, dtype=torch.bool)
    log_density = likelihood.log_density(
        (torch.zeros(4, N_GENES), torch.ones(N_GENES)), torch.ones(4, N_GENES), nothing
    )
    assert torch.equal(log_density, torch.zeros(4))


def test_an_unknown_rule_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'best'; known: optimal, running_minimum"):
        SharedScaleGaussian(3, N_GENES, rule="best")  # type: ignore[arg-type]
