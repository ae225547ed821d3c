"""What the KL costs: its weight and its free bits."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gtexgen.models.heads.base import Stage


def random_kl(seed: int, batch: int = 5, latents: int = 4) -> torch.Tensor:
    return torch.rand(batch, latents, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(seed=st.integers(0, 99), weight=st.floats(0, 1), free_bits=st.floats(0, 1))
def test_the_mean_cost_is_the_sum_over_latents_of_the_larger_of_kl_and_free_bits(
    seed: int, weight: float, free_bits: float
) -> None:
    kl = random_kl(seed)
    cost = Stage(kl_weight=weight, free_bits=free_bits).weigh(kl)
    assert cost.shape == (5,)
    expected = weight * sum(max(free_bits, float(mean)) for mean in kl.mean(dim=0))
    assert float(cost.mean()) == pytest.approx(expected)


def test_without_free_bits_each_sample_pays_for_its_own_kl() -> None:
    kl = random_kl(0)
    torch.testing.assert_close(Stage(kl_weight=0.25).weigh(kl), 0.25 * kl.sum(dim=1))


def test_only_latents_above_the_free_bits_have_a_gradient() -> None:
    kl = torch.tensor([[0.1, 2.0, 0.4], [0.2, 0.1, 0.8]], requires_grad=True)
    Stage(kl_weight=0.5, free_bits=0.5).weigh(kl).mean().backward()
    assert kl.grad is not None
    assert kl.grad.tolist() == [[0.0, 0.25, 0.25], [0.0, 0.25, 0.25]]
