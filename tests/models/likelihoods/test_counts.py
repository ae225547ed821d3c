"""The negative binomial distribution: its mass in float32, its quantiles and its draws."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import NegativeBinomial, Normal

from gtexgen.models.likelihoods.counts import draw_counts, log_mass, quantile, quantile_residual

LOG10_DISPERSIONS, LOG10_MEANS = st.floats(-3, 6), st.floats(-4, 7)


def exact(count: Tensor, log_mean: Tensor, inverse_dispersion: Tensor) -> Tensor:
    """Give the log-mass of Torch's own distribution in float64."""
    theta = inverse_dispersion.double()
    log_prob: Tensor = NegativeBinomial(theta, logits=log_mean.double() - theta.log()).log_prob(count.double())
    return log_prob


def spread_out(n: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Give counts, the logarithm of their means and inverse dispersions, over all that a store may hold."""
    generator = torch.Generator().manual_seed(seed)
    theta = 10 ** (9 * torch.rand(n, generator=generator) - 3)
    log_mean = 25 * torch.rand(n, generator=generator) - 9
    drawn = draw_counts(log_mean.exp(), theta, generator)
    elsewhere = (10 ** (7 * torch.rand(n, generator=generator))).round()
    return torch.cat([drawn, elsewhere]).clamp_max(1e7), log_mean.repeat(2), theta.repeat(2)


def test_the_mass_in_float32_is_the_exact_one() -> None:
    count, log_mean, theta = spread_out(20_000)
    expected = exact(count, log_mean, theta)
    error = (log_mass(count, log_mean, theta).double() - expected).abs()
    assert (error <= 3e-5 * (1 + expected.abs())).all()


@settings(deadline=None)
@given(count=st.integers(0, 10**7), log10_mean=LOG10_MEANS, log10_theta=LOG10_DISPERSIONS)
def test_the_mass_of_any_count_is_the_exact_one(count: int, log10_mean: float, log10_theta: float) -> None:
    x, log_mean, theta = (
        torch.tensor(count).float(),
        torch.tensor(10.0**log10_mean).log(),
        torch.tensor(10.0**log10_theta),
    )
    torch.testing.assert_close(log_mass(x, log_mean, theta).double(), exact(x, log_mean, theta), rtol=3e-5, atol=3e-5)


@pytest.mark.parametrize("of_what", [1, 2])
def test_gradients_in_float32_are_the_exact_ones(of_what: int) -> None:
    arguments = [tensor.requires_grad_(place > 0) for place, tensor in enumerate(spread_out(5_000))]
    (actual,) = torch.autograd.grad(log_mass(*arguments).sum(), arguments[of_what])
    (expected,) = torch.autograd.grad(exact(*arguments).sum(), arguments[of_what])
    unit = arguments[2] if of_what == 2 else 1  # a step of the logarithm
    torch.testing.assert_close(unit * actual, unit * expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("theta", [0.05, 1.0, 40.0])
def test_the_masses_of_all_counts_sum_to_one(theta: float) -> None:
    mass = log_mass(torch.arange(20_000.0), torch.tensor(7.0).log(), torch.tensor(theta)).exp()
    torch.testing.assert_close(mass.sum(), torch.tensor(1.0), rtol=1e-4, atol=0)


def test_the_mass_and_its_gradients_are_finite_at_the_edges() -> None:
    count, log_mean, theta = torch.cartesian_prod(
        torch.tensor([0.0, 1.0, 1e7, 1e9]), torch.tensor([-1e4, -90.0, 0.0, 20.0]), torch.tensor([1e-7, 1.0, 1e7])
    ).T
    log_mean, theta = log_mean.requires_grad_(), theta.requires_grad_()
    mass = log_mass(count, log_mean, theta)
    mass.sum().backward()
    assert log_mean.grad is not None
    assert theta.grad is not None
    assert mass.isfinite().all()
    assert log_mean.grad.isfinite().all()
    assert theta.grad.isfinite().all()


@pytest.mark.parametrize("theta", [0.05, 1.0, 40.0])
def test_a_quantile_is_the_first_count_that_reaches_the_level(theta: float) -> None:
    noise = torch.linspace(-3, 3, 101)
    mass = exact(torch.arange(5_000.0), torch.tensor(7.0).log(), torch.tensor(theta)).exp()
    expected = torch.searchsorted(mass.cumsum(dim=0), torch.special.ndtr(noise.double()))
    assert torch.equal(quantile(noise, torch.tensor(7.0), torch.tensor(theta)), expected.float())


@settings(deadline=None)
@given(noise=st.floats(-7, 7), log10_mean=LOG10_MEANS, log10_theta=LOG10_DISPERSIONS)
def test_noise_lies_between_the_residuals_of_its_quantile(noise: float, log10_mean: float, log10_theta: float) -> None:
    z, mean, theta = (torch.tensor(x, dtype=torch.float64) for x in (noise, 10.0**log10_mean, 10.0**log10_theta))
    count = quantile(z, mean, theta)
    lowest, highest = (quantile_residual(count, torch.tensor(share), mean, theta) for share in (0.0, 1.0))
    assert lowest - 1e-5 <= z <= highest + 1e-5


def test_noise_beyond_all_counts_gives_finite_ones() -> None:
    noise = torch.tensor([-1e30, -40.0, 40.0, 1e30])
    for mean in (0.0, 1e-30, 1e7):
        for theta in (1e-3, 1e6):
            count = quantile(noise, torch.tensor(mean), torch.tensor(theta))
            assert count.isfinite().all()
            assert (count >= 0).all()


def test_counts_that_cannot_be_have_finite_residuals() -> None:
    residual = quantile_residual(torch.tensor([0.0, 1.0, 1e7]), torch.tensor(0.5), torch.tensor(0.0), torch.tensor(1.0))
    assert residual.isfinite().all()
    assert (residual[1:] > 30).all()


def test_residuals_of_draws_are_standard_normal() -> None:
    n, generator = 20_000, torch.Generator().manual_seed(0)
    mean, theta = torch.tensor([0.1, 3.0, 500.0, 1e6]).expand(n, 4), torch.tensor([0.5, 2.0, 1e4, 0.01])
    count = draw_counts(mean, theta, generator)
    residual = quantile_residual(count, torch.rand(n, 4, generator=generator), mean, theta)
    steps = (torch.arange(n)[:, None] + 0.5) / n
    distance = (Normal(0.0, 1.0).cdf(residual.sort(dim=0).values) - steps).abs().max()
    assert distance < 2 / n**0.5  # Kolmogorov: p < 0.001


def test_draws_have_the_mean_and_the_variance() -> None:
    n = 200_000
    mean, theta = torch.tensor([0.1, 3.0, 500.0]), torch.tensor([2.0, 1.0, 20.0])
    count = draw_counts(mean.expand(n, 3), theta, torch.Generator().manual_seed(0))
    assert torch.equal(count, count.round())
    torch.testing.assert_close(count.mean(dim=0), mean, rtol=0.02, atol=0)
    torch.testing.assert_close(count.var(dim=0), mean + mean.square() / theta, rtol=0.04, atol=0)
