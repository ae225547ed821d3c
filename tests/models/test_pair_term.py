"""The pair term against the divergences of PyTorch, and what follows from it."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from gtexgen.models.graph.forests import forest_shares
from gtexgen.models.pair_term import CorrelationNetwork, mutual_information, pair_term
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.standard_normal import StandardNormal

means = st.floats(-5, 5)
log_variances = st.floats(-6, 4)
TRIANGLE = torch.tensor([[0, 1], [0, 2], [1, 2]])


def posterior(mean: float, log_variance: float) -> Posterior:
    return Posterior(*torch.tensor([[[mean]], [[log_variance]]], dtype=torch.float64))


def singleton_kl(q: Posterior) -> Tensor:
    return StandardNormal(q.mean.shape[1]).kl(q, q.mean[:, :0])


@settings(deadline=None)
@given(means, means, log_variances, log_variances, st.floats(-0.999, 0.999), st.floats(0.001, 0.999))
def test_it_is_the_divergence_of_the_pair_less_those_of_its_samples(
    mean: float, other_mean: float, log_variance: float, other_log_variance: float, c: float, tau: float
) -> None:
    first, second = posterior(mean, log_variance), posterior(other_mean, other_log_variance)
    sd = torch.tensor([log_variance, other_log_variance], dtype=torch.float64).mul(0.5).exp()
    correlation = torch.tensor([[1, c], [c, 1]], dtype=torch.float64)
    prior = torch.tensor([[1, tau], [tau, 1]], dtype=torch.float64)
    joint = kl_divergence(
        MultivariateNormal(torch.tensor([mean, other_mean], dtype=torch.float64), correlation * torch.outer(sd, sd)),
        MultivariateNormal(torch.zeros(2, dtype=torch.float64), prior),
    )
    term = pair_term(first, second, torch.full((1, 1), math.atanh(c), dtype=torch.float64), tau)
    torch.testing.assert_close(
        term.squeeze(), joint - (singleton_kl(first) + singleton_kl(second)).squeeze(), rtol=1e-7, atol=1e-7
    )


@settings(deadline=None)
@given(means, means, log_variances, log_variances, st.floats(0.01, 0.99))
def test_independent_posteriors_have_the_formula_of_the_paper(
    mean: float, other_mean: float, log_variance: float, other_log_variance: float, tau: float
) -> None:
    squares = mean**2 + other_mean**2 + math.exp(log_variance) + math.exp(other_log_variance)
    expected = 0.5 * (squares - 2 * tau * mean * other_mean) / (1 - tau**2) - 0.5 * squares + 0.5 * math.log(1 - tau**2)
    term = pair_term(
        posterior(mean, log_variance),
        posterior(other_mean, other_log_variance),
        torch.zeros(1, 1, dtype=torch.float64),
        tau,
    )
    assert term.item() == pytest.approx(expected, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("c", [0.0, 0.3, -0.8, 0.999])
def test_mutual_information_of_a_gaussian_pair(c: float) -> None:
    information = mutual_information(torch.atanh(torch.tensor(c, dtype=torch.float64)))
    assert information.item() == pytest.approx(-0.5 * math.log(1 - c**2))


@pytest.mark.parametrize("tau", [1e-6, 0.5, 1 - 1e-6])
@pytest.mark.parametrize("log_variance", [-10.0, 10.0])
@pytest.mark.parametrize("fisher_z", [-8.0, 0.0, 8.0])
def test_extremes_stay_finite_in_float32(tau: float, log_variance: float, fisher_z: float) -> None:
    first = Posterior(torch.tensor([[1e3]]), torch.tensor([[log_variance]], requires_grad=True))
    second = Posterior(torch.tensor([[-1e3]]), torch.tensor([[-log_variance]]))
    z = torch.tensor([[fisher_z]], requires_grad=True)
    term = pair_term(first, second, z, tau)
    gradients = torch.autograd.grad(term.sum(), [first.log_variance, z])
    assert all(values.isfinite().all() for values in (term, *gradients))


def test_float32_loses_nothing_for_equal_samples_as_tau_comes_close_to_one() -> None:
    tau, fisher_z, shared = 1 - 1e-6, torch.tensor([[8.0]]), Posterior(torch.tensor([[3.0]]), torch.tensor([[0.0]]))
    precise = Posterior(shared.mean.double(), shared.log_variance.double())
    term, expected = pair_term(shared, shared, fisher_z, tau), pair_term(precise, precise, fisher_z.double(), tau)
    torch.testing.assert_close(term.double(), expected, rtol=1e-4, atol=0)


@settings(deadline=None)
@given(st.integers(0, 1000), st.floats(0.05, 0.95))
def test_the_whole_divergence_over_a_graph_is_never_negative(seed: int, tau: float) -> None:
    """It is an average of divergences, one for each spanning forest."""
    generator = torch.Generator().manual_seed(seed)
    mean, log_variance = torch.randn(2, 3, 2, generator=generator, dtype=torch.float64)
    fisher_z = 2 * torch.randn(3, 2, generator=generator, dtype=torch.float64)
    assert graph_kl(Posterior(mean, log_variance), fisher_z, tau) > -1e-9


def graph_kl(q: Posterior, fisher_z: Tensor, tau: float) -> Tensor:
    """Give the divergence over a triangle of samples."""
    first, second = (Posterior(q.mean[end], q.log_variance[end]) for end in TRIANGLE.T)
    weight = torch.from_numpy(forest_shares(TRIANGLE.numpy(), 3)).to(q.mean)
    return singleton_kl(q).sum() + weight @ pair_term(first, second, fisher_z, tau).sum(dim=1)


def minimise(tau: float, fisher_z: Tensor, n_steps: int = 60) -> tuple[Posterior, Tensor]:
    """Minimise the divergence over a triangle, without data."""
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 3, 2, generator=generator, dtype=torch.float64)
    free = [mean.requires_grad_(), log_variance.requires_grad_()]
    free += [fisher_z] if fisher_z.requires_grad else []
    optimiser = torch.optim.LBFGS(free, max_iter=n_steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = graph_kl(Posterior(mean, log_variance), fisher_z, tau)
        loss.backward()
        return loss

    optimiser.step(closure)
    return Posterior(mean.detach(), log_variance.detach()), torch.tanh(fisher_z.detach())


@pytest.mark.parametrize("tau", [0.3, 0.9])
def test_without_data_independent_posteriors_shrink_to_the_closed_form(tau: float) -> None:
    q, _ = minimise(tau, torch.zeros(3, 2, dtype=torch.float64))
    degree = 2 * 2 / 3
    expected = torch.full_like(q.mean, 1 / (1 + degree * tau**2 / (1 - tau**2)))
    torch.testing.assert_close(q.log_variance.exp(), expected, rtol=1e-4, atol=0)
    torch.testing.assert_close(q.mean, torch.zeros_like(q.mean), rtol=0, atol=1e-4)


@pytest.mark.parametrize("tau", [0.3, 0.9])
def test_without_data_correlated_posteriors_become_the_prior(tau: float) -> None:
    q, c = minimise(tau, torch.zeros(3, 2, dtype=torch.float64, requires_grad=True))
    torch.testing.assert_close(q.log_variance, torch.zeros_like(q.mean), rtol=0, atol=1e-3)
    torch.testing.assert_close(c, torch.full_like(c, tau), rtol=0, atol=1e-3)


@pytest.fixture
def network() -> CorrelationNetwork:
    torch.manual_seed(0)
    return CorrelationNetwork(n_latents=3)


def random_pair(n: int = 50, scale: float = 1.0) -> tuple[Posterior, Posterior]:
    mean, log_variance, other_mean, other_log_variance = scale * torch.randn(
        4, n, 3, generator=torch.Generator().manual_seed(1)
    )
    return Posterior(mean, log_variance), Posterior(other_mean, other_log_variance)


def test_the_correlation_of_a_pair_does_not_depend_on_its_order(network: CorrelationNetwork) -> None:
    first, second = random_pair()
    assert torch.equal(network(first, second), network(second, first))
    assert network(first, second).std() > 0


def test_correlations_lie_strictly_between_minus_one_and_one(network: CorrelationNetwork) -> None:
    correlation = torch.tanh(network(*random_pair(scale=1e4)))
    assert correlation.shape == (50, 3)
    assert correlation.abs().max() > 0.9
    assert (correlation.abs() < 1).all()


def test_the_network_learns_the_best_correlation(network: CorrelationNetwork) -> None:
    r"""For given variances :math:`c / (1 - c^2) = \tau s_i s_j / (1 - \tau^2)` minimises the pair term."""
    tau = 0.7
    first, second = random_pair(200)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(300):
        optimiser.zero_grad()
        pair_term(first, second, network(first, second), tau).sum(dim=1).mean().backward()
        optimiser.step()
    strength = tau / (1 - tau**2) * torch.exp(0.5 * (first.log_variance + second.log_variance))
    best = (torch.sqrt(1 + 4 * strength**2) - 1) / (2 * strength)
    excess = pair_term(first, second, network(first, second), tau) - pair_term(first, second, torch.atanh(best), tau)
    assert (excess > -1e-5).all()
    assert excess.mean() < 0.02
