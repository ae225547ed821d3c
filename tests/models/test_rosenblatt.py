"""The transport between noise and Gaussian mixtures, against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from torch import Tensor

from gtexgen.models.priors.rosenblatt import RowMixtures, to_noise, to_values


def mixtures(n: int, *, classes: int = 2, components: int = 3, width: int = 4, seed: int = 0) -> RowMixtures:
    """Give random mixtures with n rows, of each class in turn."""
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(classes, components, width, width, generator=generator, dtype=torch.float64).tril()
    root.diagonal(dim1=2, dim2=3).abs_().add_(0.2)
    return RowMixtures(
        torch.arange(n) % classes,
        torch.randn(classes, components, generator=generator, dtype=torch.float64).log_softmax(dim=1),
        3 * torch.randn(classes, components, width, generator=generator, dtype=torch.float64),
        root,
    )


def normal(n: int, width: int, seed: int = 1) -> Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def drawn(of: RowMixtures, seed: int = 2) -> Tensor:
    """Draw each row from its mixture, component first."""
    generator = torch.Generator().manual_seed(seed)
    component = torch.multinomial(of.log_weight[of.label].exp(), 1, generator=generator)[:, 0]
    own = torch.randn(len(of.label), of.mean.shape[2], generator=generator, dtype=torch.float64)
    return of.mean[of.label, component] + (of.root[of.label, component] @ own[..., None])[..., 0]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), components=st.integers(1, 5))
def test_noise_comes_back(seed: int, components: int) -> None:
    of = mixtures(64, components=components, seed=seed)
    noise = normal(64, 4, seed=seed)
    torch.testing.assert_close(to_noise(of, to_values(of, noise)), noise, atol=1e-4, rtol=1e-4)


def test_one_component_is_its_linear_map() -> None:
    of = mixtures(50, components=1)
    noise = normal(50, 4)
    expected = of.mean[of.label, 0] + (of.root[of.label, 0] @ noise[..., None])[..., 0]
    torch.testing.assert_close(to_values(of, noise), expected, atol=1e-6, rtol=1e-6)


def test_values_have_the_distribution_of_the_mixture() -> None:
    of = mixtures(20_000, classes=1)
    ours, reference = to_values(of, normal(20_000, 4)), drawn(of)
    for direction in (*torch.eye(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64)):
        assert kstest((ours @ direction).numpy(), (reference @ direction).numpy()).pvalue > 1e-3


def test_the_noise_of_a_mixture_s_samples_is_standard_normal() -> None:
    of = mixtures(20_000, classes=1)
    noise = to_noise(of, drawn(of))
    for number in range(4):
        assert kstest(noise[:, number].numpy(), "norm").pvalue > 1e-3
    torch.testing.assert_close(torch.corrcoef(noise.T), torch.eye(4, dtype=torch.float64), atol=0.03, rtol=0)
    torch.testing.assert_close(torch.corrcoef(noise.square().T), torch.eye(4, dtype=torch.float64), atol=0.03, rtol=0)


def test_values_rise_with_their_own_noise() -> None:
    of = mixtures(400, classes=1)._replace(label=torch.zeros(400, dtype=torch.int64))
    noise = normal(1, 4).expand(400, 4).clone()
    for number in range(4):
        along = noise.clone()
        along[:, number] = torch.linspace(-5, 5, 400)
        assert (to_values(of, along)[:, number].diff() > 0).all()


@pytest.mark.parametrize("size", [7.0, 40.0])
def test_far_noise_and_far_values_stay_finite(size: float) -> None:
    of = mixtures(32)
    far = size * normal(32, 4).sign()
    assert to_values(of, far).isfinite().all()
    assert to_noise(of, far * 10).isfinite().all()


def test_a_component_that_is_not_there_makes_no_difference() -> None:
    of = mixtures(40, components=3)
    gone = of.log_weight.clone()
    gone[:, 2] = math.log(1e-30)
    without = of._replace(log_weight=of.log_weight[:, :2], mean=of.mean[:, :2], root=of.root[:, :2])
    noise = normal(40, 4)
    torch.testing.assert_close(to_values(of._replace(log_weight=gone), noise), to_values(without, noise))
