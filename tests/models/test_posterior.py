"""Draws from the posterior."""

from __future__ import annotations

import torch

from gtexgen.models.posterior import Posterior


def test_draws_have_the_mean_and_the_variance() -> None:
    mean, log_variance = torch.tensor([-1.0, 3.0]), torch.tensor([-2.0, 1.0])
    posterior = Posterior(mean.expand(50_000, 2), log_variance.expand(50_000, 2))
    latent = posterior.sample(torch.Generator().manual_seed(0))
    torch.testing.assert_close(latent.mean(dim=0), mean, rtol=0, atol=0.03)
    torch.testing.assert_close(latent.var(dim=0), log_variance.exp(), rtol=0.03, atol=0)


def test_draws_are_differentiable_in_both_parameters() -> None:
    mean, log_variance = torch.zeros(3, 2, requires_grad=True), torch.zeros(3, 2, requires_grad=True)
    latent = Posterior(mean, log_variance).sample(torch.Generator().manual_seed(0))
    latent.sum().backward()
    assert mean.grad is not None
    assert log_variance.grad is not None
    torch.testing.assert_close(mean.grad, torch.ones(3, 2))
    torch.testing.assert_close(log_variance.grad, 0.5 * latent.detach())
