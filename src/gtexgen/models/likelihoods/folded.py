r"""The folded normal distribution: that of :math:`|a + n|` with n standard normal.

It is the same for :math:`a` and :math:`-a`. Leone, Nelson and Nottingham 1961, *The folded normal distribution*.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["folded_mean", "folded_quantile", "folded_survival"]

NEWTON_STEPS = 4  # as close as float32 comes


def folded_mean(location: Tensor) -> Tensor:
    r"""Give :math:`\mathrm{E}|a + n| = 2 \varphi(a) + a\, \mathrm{erf}(a / \sqrt 2)`."""
    return 2 * _density(location) + location * torch.erf(location * math.sqrt(0.5))


def folded_survival(value: Tensor, location: Tensor) -> Tensor:
    r"""Give :math:`P(|a + n| > y)` for y of 0 or more, precise where it is small."""
    return _survival(value - location) + _survival(value + location)


def folded_quantile(survival: Tensor, location: Tensor) -> Tensor:
    r"""Give the y of 0 or more with :math:`P(|a + n| > y)` as asked.

    One of the two tails, :math:`P(n > y - |a|)`, is from half of the survival to all of it; y lies between the
    quantiles that this gives, and Newton's method finds it from there.

    Parameters
    ----------
    survival
        Above 0 and below 1, where float32 can tell.
    location
        :math:`a`, of the same shape.
    """
    location = location.abs()
    low = (location - torch.special.ndtri(survival)).clamp_min(0)
    high = (location - torch.special.ndtri(0.5 * survival)).clamp_min(0)
    value: Tensor = low
    for _ in range(NEWTON_STEPS):
        excess = folded_survival(value, location) - survival
        value = value + excess / (_density(value - location) + _density(value + location))
        value = torch.clamp(value, low, high)
    return value


def _density(value: Tensor) -> Tensor:
    return torch.exp(-0.5 * value.square()) / math.sqrt(2 * math.pi)


def _survival(value: Tensor) -> Tensor:
    """Give P(n > value); unlike `torch.special.ndtr` it keeps its digits in the tail."""
    return torch.erfc(value * math.sqrt(0.5)) / 2
