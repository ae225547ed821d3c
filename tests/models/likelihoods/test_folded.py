"""The folded normal distribution against scipy's, and against itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import foldnorm

from gtexgen.models.likelihoods.folded import folded_mean, folded_quantile, folded_survival


@pytest.mark.parametrize("sign", [1, -1])
def test_mean_and_survival_are_scipys(sign: int) -> None:
    location = torch.linspace(0, 8, 33)
    value = torch.linspace(0, 12, 25)[:, None]
    torch.testing.assert_close(
        folded_mean(sign * location), torch.from_numpy(foldnorm.mean(location.numpy())).float(), rtol=1e-5, atol=0
    )
    expected = torch.from_numpy(foldnorm.sf(value.double().numpy(), location.double().numpy()))
    torch.testing.assert_close(folded_survival(value, sign * location), expected.float(), rtol=1e-4, atol=1e-7)


def test_quantile_is_scipys() -> None:
    location, survival = np.meshgrid([0.0, 0.3, 1.0, 2.5, 8.0], [0.001, 0.1, 0.4, 0.7, 0.999])
    expected = torch.from_numpy(foldnorm.isf(survival, location)).float()
    actual = folded_quantile(torch.from_numpy(survival).float(), torch.from_numpy(location).float())
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


@given(noise=st.floats(-5, 12), location=st.floats(-50, 50))
def test_survival_undoes_quantile_into_the_tail(noise: float, location: float) -> None:
    survival = 0.5 * torch.erfc(torch.tensor(noise) * 0.5**0.5)
    value = folded_quantile(survival, torch.tensor(location))
    assert value >= 0
    # Where |location| is large, float32 knows the value to some 1e-6 of it, and the tail falls by exp(-noise * value).
    torch.testing.assert_close(folded_survival(value, torch.tensor(location)), survival, rtol=2e-3, atol=1e-6)


def test_quantile_falls_with_survival() -> None:
    survival = torch.linspace(1e-6, 1 - 1e-6, 5_000)[:, None].expand(-1, 5)
    value = folded_quantile(survival, torch.tensor([0.0, 0.5, 1.0, 3.0, 20.0]).expand_as(survival))
    assert (value.diff(dim=0) <= 0).all()


def test_quantile_is_finite_wherever_float32_is() -> None:
    limits = torch.finfo(torch.float32)
    survival = torch.tensor([limits.tiny, 1e-20, 0.5, 1 - limits.eps])[:, None].expand(-1, 4)
    assert folded_quantile(survival, torch.tensor([0.0, -8.0, 1e4, 1e15]).expand_as(survival)).isfinite().all()
