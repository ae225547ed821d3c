r"""The negative binomial distribution of a count: its mass, its quantiles and its draws.

A count of mean :math:`m` and inverse dispersion :math:`\theta` has the variance :math:`m + m^2 / \theta`. The arguments
of all functions broadcast.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["draw_counts", "log_mass", "quantile", "quantile_residual"]

SERIES_BELOW = 0.3
STIRLING_FROM = 4.0
LARGEST_NOISE = 8.0  # no draw is beyond; the counts of some distributions would overflow there
SMALLEST_TAIL, LARGEST_TAIL = 1e-300, 1 - 1e-16


def log_mass(count: Tensor, log_mean: Tensor, inverse_dispersion: Tensor) -> Tensor:
    r"""Give the log-probability of counts, in nats.

    The textbook formula takes a small difference of terms as large as the count times its logarithm, which float32
    has not the digits for. With Stirling's formula for :math:`\Gamma`, whose error is :math:`S`, they cancel on paper
    and leave two deviances (Loader 2000, *Fast and accurate computation of binomial probabilities*):

    .. math::
        \log p(x) = S(x + \theta) - S(x) - S(\theta) - \theta D(v) - x D(w) - \tfrac12 \log(2 \pi x (1 + x / \theta))

    where :math:`D(u) = u - \log(1 + u)`, :math:`v = (x - m) / (m + \theta)` and :math:`w = -\theta v / x`; and
    :math:`\log p(0) = -\theta \log(1 + m / \theta)`.

    Parameters
    ----------
    count
        0 or more.
    log_mean
        The logarithm of the mean, since the mean itself may be too small for float32.
    inverse_dispersion
        Above 0.
    """
    mean = log_mean.exp()
    none = -inverse_dispersion * torch.log1p(mean / inverse_dispersion)
    seen = torch.where(count > 0, count, 1)
    total, expected = seen + inverse_dispersion, mean + inverse_dispersion
    log_ratio = torch.log(total / expected)
    excess = (seen - mean) / expected
    deviance = inverse_dispersion * _deviance(excess, log_ratio)
    deviance = deviance + seen * _deviance(-inverse_dispersion * excess / seen, log_ratio + log_mean - seen.log())
    stirling = _stirling_error(total) - _stirling_error(seen) - _stirling_error(inverse_dispersion)
    scale = torch.log(2 * math.pi * seen) + torch.log1p(seen / inverse_dispersion)
    return torch.where(count > 0, stirling - deviance - 0.5 * scale, none)


def quantile(noise: Tensor, mean: Tensor, inverse_dispersion: Tensor) -> Tensor:
    r"""Give the smallest counts at which the distribution function reaches :math:`\Phi` of standard normal noise."""
    from scipy.stats import nbinom

    z, m, size = _in_float64(noise.clamp(-LARGEST_NOISE, LARGEST_NOISE), mean, inverse_dispersion)
    tail, success = 0.5 * torch.erfc(z.abs() * math.sqrt(0.5)), size / (size + m)
    counts = torch.empty_like(z)
    for side, inverse in ((z < 0, nbinom.ppf), (z >= 0, nbinom.isf)):
        counts[side] = _in_numpy(inverse, tail[side], size[side], success[side])
    return counts.to(noise)


def quantile_residual(count: Tensor, share: Tensor, mean: Tensor, inverse_dispersion: Tensor) -> Tensor:
    r"""Give the noise of which `quantile` makes these counts.

    It is :math:`\Phi^{-1}(u)` with :math:`u` between :math:`F(x - 1)` and :math:`F(x)`, and standard normal where
    :math:`u` lies a uniform `share` of the way (Dunn and Smyth 1996, *Randomized quantile residuals*).
    """
    from scipy.special import betainc

    x, m, size = _in_float64(count, mean, inverse_dispersion)
    share = share.double().cpu()
    is_low = x < m
    a, b, nearer = torch.where(is_low, size, x + 1), torch.where(is_low, x, size), torch.where(is_low, size, m)
    beyond = torch.where(is_low & (x == 0), 0, _in_numpy(betainc, a, b, nearer / (size + m)))
    tail = beyond + torch.where(is_low, share, 1 - share) * log_mass(x, m.log(), size).exp()
    noise = torch.special.ndtri(tail.clamp(SMALLEST_TAIL, LARGEST_TAIL))
    return torch.where(is_low, noise, -noise).to(count)


def draw_counts(mean: Tensor, inverse_dispersion: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw Poisson counts whose rates are gamma numbers, where the generator lives; much cheaper than quantiles."""
    device = mean.device if generator is None else generator.device
    gamma = torch._standard_gamma(inverse_dispersion.to(device).expand_as(mean), generator=generator)
    rate = gamma * (mean / inverse_dispersion).to(device)
    return torch.poisson(rate, generator=generator).to(mean.device)


def _deviance(u: Tensor, log_ratio: Tensor) -> Tensor:
    """Give u - log(1 + u), where the two are close by a series in s = u / (2 + u); `log_ratio` is log(1 + u)."""
    s = u / (2 + u)
    square, series = s.square(), torch.zeros_like(u)
    for power in (13, 11, 9, 7, 5, 3):
        series = square * (series + 1 / power)
    return torch.where(s.abs() < SERIES_BELOW, s * (u - 2 * series), u - log_ratio)


def _stirling_error(x: Tensor) -> Tensor:
    """Give log Gamma(x + 1) minus Stirling's x log x - x + log(2 pi x) / 2."""
    small, inverse = x.clamp(max=STIRLING_FROM), x.clamp(min=STIRLING_FROM).reciprocal()
    exact = torch.lgamma(small + 1) - (small + 0.5) * small.log() + small - 0.5 * math.log(2 * math.pi)
    square = inverse.square()
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    return torch.where(x < STIRLING_FROM, exact, series)


def _in_float64(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Bring tensors to one shape, to SciPy's precision and to its device."""
    shaped: tuple[Tensor, ...] = torch.broadcast_tensors(*(tensor.detach().double().cpu() for tensor in tensors))
    return shaped


def _in_numpy(function: Callable[..., Any], *tensors: Tensor) -> Tensor:
    return torch.as_tensor(function(*(tensor.numpy() for tensor in tensors)))
