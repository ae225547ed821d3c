"""Exact zeros: their share, the density of the rest, and where zero lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from torch import Tensor
from torch.distributions import Bernoulli, MultivariateNormal, Normal

from gtexgen.data.scaling import Method, Scaling, Transform
from gtexgen.data.training_part import TrainingPart
from gtexgen.errors import ConfigError
from gtexgen.models.likelihoods.hurdle import HurdleLikelihood

N_GENES = 6
PACKAGE = "gtexgen.models.likelihoods"
GAUSSIAN = {"_target_": f"{PACKAGE}.gaussian.GaussianLikelihood"}
LOW_RANK = {"_target_": f"{PACKAGE}.low_rank.LowRankGaussianLikelihood", "rank": 2}
OPTIMAL = {"_target_": f"{PACKAGE}.shared_scale.SharedScaleGaussian"}


def hurdle(positive: dict[str, Any], zero: float = -1.0) -> HurdleLikelihood:
    torch.manual_seed(0)
    likelihood = HurdleLikelihood(3, N_GENES, 2, positive=positive).eval()
    likelihood.zero.fill_(zero)
    return likelihood


@pytest.fixture
def expression() -> Tensor:
    """Values above -1, a third of them at -1 itself."""
    generator = torch.Generator().manual_seed(1)
    above = torch.rand(8, N_GENES, generator=generator) - 0.99
    return torch.where(torch.rand(8, N_GENES, generator=generator) < 0.3, -1.0, above)


def test_log_prob_is_the_mass_of_zeros_and_the_density_of_the_rest(expression: Tensor) -> None:
    logits, mean = torch.randn(2, 8, N_GENES)
    variance = torch.rand(N_GENES) + 0.1
    is_zero = expression == -1
    mass = Bernoulli(logits=logits).log_prob(is_zero.float())
    density = Normal(mean, variance.sqrt()).log_prob(expression) * ~is_zero
    actual = hurdle(GAUSSIAN).log_prob((logits, mean, variance), expression)
    torch.testing.assert_close(actual, (mass + density).sum(dim=1))


def test_log_prob_takes_the_margin_of_a_correlated_positive_part(expression: Tensor) -> None:
    likelihood = hurdle(LOW_RANK)
    factors = torch.nn.init.normal_(likelihood.positive.get_parameter("factors")).detach()
    logits, mean = torch.randn(2, 8, N_GENES)
    variance = torch.rand(N_GENES) + 0.1
    covariance = factors @ factors.T + torch.diag(variance)
    is_zero = expression == -1
    expected = Bernoulli(logits=logits).log_prob(is_zero.float()).sum(dim=1)
    for row, above in enumerate(~is_zero):
        if above.any():
            margin = MultivariateNormal(mean[row, above], covariance[above][:, above])
            expected[row] += margin.log_prob(expression[row, above])
    actual = likelihood.log_prob((logits, mean, variance), expression)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


def test_log_prob_is_at_most_that_of_what_is_drawn(expression: Tensor) -> None:
    mean, variance = torch.randn(8, N_GENES), torch.ones(N_GENES)
    never_zero = torch.full((8, N_GENES), -30.0)
    above = expression.clamp_min(-0.999)
    drawn = torch.logaddexp(Normal(mean, 1.0).log_prob(above), Normal(mean, 1.0).log_prob(-2 - above)).sum(dim=1)
    assert (hurdle(GAUSSIAN).log_prob((never_zero, mean, variance), above) < drawn).all()


@pytest.mark.parametrize("positive", [GAUSSIAN, LOW_RANK, OPTIMAL])
def test_the_share_of_zeros_is_the_modelled_one(positive: dict[str, Any]) -> None:
    n = 40_000
    likelihood = hurdle(positive)
    output = likelihood(torch.ones(n, 3), torch.eye(2)[:1].expand(n, -1))
    with torch.no_grad():
        output = (output[0] + torch.linspace(-6, 6, N_GENES), *output[1:])
        sample = likelihood.sample(output, torch.Generator().manual_seed(0))
    share, expected = (sample == -1).float().mean(dim=0), torch.sigmoid(output[0][0])
    assert (sample >= -1).all()
    assert ((share - expected).abs() < 4 * (expected * (1 - expected) / n).sqrt() + 1e-4).all()


def test_positive_values_are_gaussian_draws_folded_at_zero() -> None:
    n = 20_000
    mean = torch.linspace(-2, 2, N_GENES)
    output = (torch.zeros(n, N_GENES), mean.expand(n, -1), torch.ones(N_GENES))
    sample = hurdle(GAUSSIAN).sample(output, torch.Generator().manual_seed(0))
    draws = mean + torch.randn(n, N_GENES, generator=torch.Generator().manual_seed(1))
    folded = -1 + (draws + 1).abs()
    for gene in range(N_GENES):
        positive = sample[sample[:, gene] > -1, gene]
        assert ks_2samp(positive.numpy(), folded[:, gene].numpy()).pvalue > 1e-3


def test_values_far_above_zero_are_the_positive_parts_own() -> None:
    likelihood = hurdle(LOW_RANK, zero=-50.0)
    output = likelihood(torch.randn(20, 3), torch.eye(2).repeat(10, 1))
    never_zero = (torch.full_like(output[0], -30.0), *output[1:])
    noise = likelihood.noise(never_zero, torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        likelihood.push(never_zero, noise), likelihood.positive.push(output[1:], noise), rtol=0, atol=1e-3
    )


def test_noise_of_a_correlated_positive_part_is_correlated() -> None:
    likelihood = hurdle(LOW_RANK)
    torch.nn.init.constant_(likelihood.positive.get_parameter("factors"), 3.0)
    output = likelihood(torch.zeros(5_000, 3), torch.zeros(5_000, 2))
    correlation = likelihood.noise(output, torch.Generator().manual_seed(0)).T.corrcoef()
    assert (correlation > 0.9).all()


def test_noise_of_zeros_is_spread_over_their_share() -> None:
    n = 20_000
    likelihood = hurdle(GAUSSIAN)
    output = (torch.zeros(n, N_GENES), torch.zeros(n, N_GENES), torch.ones(N_GENES))
    noise = likelihood.pull(output, torch.full((n, N_GENES), -1.0), torch.Generator().manual_seed(0))
    assert (noise < 0).all()
    torch.testing.assert_close(noise.square().mean(dim=0), torch.ones(N_GENES), rtol=0.05, atol=0)


@pytest.mark.parametrize("transform", ["log2", "none"])
@pytest.mark.parametrize("method", ["standard", "min_max", "none"])
def test_zeros_are_known_on_every_scale(
    training_part: Callable[..., TrainingPart], transform: Transform, method: Method
) -> None:
    rng = np.random.default_rng(0)
    counts = (rng.exponential(50, (200, N_GENES)) * (rng.random((200, N_GENES)) > 0.4)).astype(np.float32)
    scaling = Scaling(transform, method).fit([counts])
    scaled = torch.from_numpy(scaling.scale(counts))
    zero = torch.from_numpy(scaling.scale(np.zeros(N_GENES, dtype=np.float32)))
    likelihood = hurdle(GAUSSIAN)
    likelihood.prepare(training_part(scaled, torch.zeros(200, 2), zero))
    assert np.array_equal((scaled <= likelihood.zero).numpy(), counts == 0)


def test_it_starts_at_the_share_of_zeros_in_training(training_part: Callable[..., TrainingPart]) -> None:
    zero = torch.arange(float(N_GENES))
    expression = zero + (torch.arange(100)[:, None] >= 15 * torch.arange(N_GENES))
    likelihood = hurdle(GAUSSIAN)
    likelihood.prepare(training_part(expression, torch.zeros(100, 2), zero))
    logits = likelihood(torch.zeros(1, 3), torch.zeros(1, 2))[0]
    torch.testing.assert_close(torch.sigmoid(logits[0]), 0.15 * torch.arange(N_GENES), rtol=0, atol=0.01)
    assert torch.equal(likelihood.zero, zero)


def test_the_positive_part_is_prepared_too(training_part: Callable[..., TrainingPart]) -> None:
    likelihood = hurdle({**GAUSSIAN, "by_condition": True})
    condition = torch.eye(2)[torch.tensor([0] * 30 + [1] * 10)]
    likelihood.prepare(training_part(torch.ones(40, N_GENES), condition))
    torch.testing.assert_close(likelihood.positive.get_buffer("trust"), torch.tensor([0.75, 0.5]))


@pytest.mark.parametrize("extreme", [-1e4, 1e4])
@pytest.mark.parametrize("positive", [GAUSSIAN, LOW_RANK])
def test_it_is_finite_at_extremes(positive: dict[str, Any], extreme: float, expression: Tensor) -> None:
    likelihood = hurdle(positive)
    logits = torch.full((8, N_GENES), extreme, requires_grad=True)
    mean = torch.full((8, N_GENES), -extreme, requires_grad=True)
    output = (logits, mean, torch.full((N_GENES,), 1e-4))
    log_prob = likelihood.log_prob(output, expression)
    log_prob.sum().backward()
    noise = torch.linspace(-10, 10, 8)[:, None].expand(-1, N_GENES)
    values = (log_prob, logits.grad, mean.grad, likelihood.mean(output), likelihood.push(output, noise))
    for value in (*values, likelihood.pull(output, expression)):
        assert value is not None
        assert value.isfinite().all()


@pytest.mark.parametrize(
    ("positive", "message"),
    [
        ({"_target_": f"{PACKAGE}.bernoulli.BernoulliLikelihood"}, "BernoulliLikelihood has no density of only some"),
        ({"_target_": f"{PACKAGE}.hurdle.HurdleLikelihood", "positive": GAUSSIAN}, "HurdleLikelihood has no density"),
        ({**GAUSSIAN, "minimun_scale": 0.1}, "unknown option 'minimun_scale'"),
        ("gaussian", "must hold a _target_ and its options, not 'gaussian'"),
    ],
)
def test_any_other_positive_part_is_refused(positive: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        HurdleLikelihood(3, N_GENES, 2, positive=positive)
