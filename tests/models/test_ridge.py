from __future__ import annotations

import torch

from gtexgen.models.ridge import ridge_weights


def test_the_weights_minimise_the_penalised_squares() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(50, 3, generator=generator, dtype=torch.float64)
    features[:, 0] = 1
    values = torch.randn(50, 2, generator=generator, dtype=torch.float64)
    weights = ridge_weights(features.T @ features, features.T @ values, 2.0).requires_grad_()
    loss = (values - features @ weights).square().sum() + 2.0 * weights[1:].square().sum()
    loss.backward()
    assert weights.grad is not None
    torch.testing.assert_close(weights.grad, torch.zeros_like(weights), atol=1e-10, rtol=0)


def test_the_constant_costs_nothing() -> None:
    features, values = torch.ones(10, 1, dtype=torch.float64), torch.full((10, 1), 7.0, dtype=torch.float64)
    assert ridge_weights(features.T @ features, features.T @ values, 100.0).item() == 7.0
