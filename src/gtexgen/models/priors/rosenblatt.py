r"""Gaussian mixtures as transported noise: the triangular transport of Knothe and Rosenblatt.

Rosenblatt 1952, *Remarks on a multivariate transformation*, Annals of Mathematical Statistics 23: coordinate by
coordinate, the noise is the normal score of the value's place in its distribution given those before it,

.. math:: e_j = \Phi^{-1}\!\left(\sum_k w_k(z_{<j}) \, \Phi\!\left(\frac{z_j - a_{kj}(z_{<j})}{s_{kj}}\right)\right)

with :math:`a` and :math:`s` the conditional mean and deviation under component :math:`k`, and :math:`w` the weights
that the components have left. It is one to one and rises in each coordinate. Which component a sample is of is thus
spread over all of the noise, so samples with like noise are alike under another mixture too.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.special import ndtr, ndtri

from gtexgen.models.priors.base import log_density_of_noise

__all__ = ["RowMixtures", "to_noise", "to_values"]

ITERATIONS = 60
TOLERANCE = 1e-7
REACH = 9.0
"""No value is farther than this from all components, in their deviations."""

LEAST_PROBABILITY = 1e-15
LEAST_DENSITY = 1e-300


class RowMixtures(NamedTuple):
    """A mixture for each class, and the class of each row; float64.

    Attributes
    ----------
    label
        ``(batch,)``.
    log_weight, mean, root
        ``(classes, components)``, ``(classes, components, width)`` and, lower triangular,
        ``(classes, components, width, width)``.
    """

    label: Tensor
    log_weight: Tensor
    mean: Tensor
    root: Tensor


class _Conditional(NamedTuple):
    """The distribution of one coordinate given those before it: ``(batch, components)`` each."""

    weight: Tensor
    mean: Tensor
    deviation: Tensor

    def below(self, values: Tensor, sign: Tensor) -> Tensor:
        """Give the probability of less than ``(batch,)`` values, or of more where the sign is negative."""
        standardised = (values[:, None] - self.mean) / self.deviation
        probability: Tensor = (self.weight * ndtr(sign[:, None] * standardised)).sum(dim=1)
        return probability

    def joint(self, values: Tensor) -> Tensor:
        """Give the density of the values together with each component, ``(batch, components)``."""
        standardised = ((values[:, None] - self.mean) / self.deviation)[..., None]
        return self.weight * log_density_of_noise(standardised).exp() / self.deviation

    def noise_of(self, values: Tensor) -> Tensor:
        lower, upper = (self.below(values, sign * torch.ones_like(values)) for sign in (1, -1))
        least = torch.minimum(lower, upper).clamp_min(LEAST_PROBABILITY)
        return torch.where(lower < upper, ndtri(least), -ndtri(least))

    def value_of(self, noise: Tensor) -> Tensor:
        """Solve for the value by Newton's method, within brackets that are halved where it would leave them."""
        sign = torch.where(noise > 0, -1.0, 1.0).to(noise)
        wanted = ndtr(-noise.abs()).clamp_min(LEAST_PROBABILITY)
        used = self.weight > LEAST_PROBABILITY
        low = torch.where(used, self.mean - REACH * self.deviation, torch.inf).amin(dim=1)
        high = torch.where(used, self.mean + REACH * self.deviation, -torch.inf).amax(dim=1)
        value = (self.weight * (self.mean + self.deviation * noise[:, None])).sum(dim=1)
        for _ in range(ITERATIONS):
            excess = sign * (self.below(value, sign) - wanted)
            low, high = torch.where(excess < 0, value, low), torch.where(excess < 0, high, value)
            step = value - excess / self.joint(value).sum(dim=1)
            step = torch.where((step > low) & (step < high), step, (low + high) / 2)
            moved = (step - value).abs().max()
            value = step
            if moved < TOLERANCE:
                break
        return value


def to_noise(mixtures: RowMixtures, values: Tensor) -> Tensor:
    """Find the noise behind ``(batch, width)`` values, float64."""
    noise = torch.empty_like(values)
    walk = _Walk(mixtures, values.shape[1])
    for number in range(values.shape[1]):
        conditional = walk.conditional(number)
        noise[:, number] = conditional.noise_of(values[:, number])
        walk.know(number, values[:, number], conditional)
    return noise


def to_values(mixtures: RowMixtures, noise: Tensor) -> Tensor:
    """Turn ``(batch, width)`` noise into values, float64."""
    values = torch.empty_like(noise)
    walk = _Walk(mixtures, noise.shape[1])
    for number in range(noise.shape[1]):
        conditional = walk.conditional(number)
        values[:, number] = conditional.value_of(noise[:, number])
        walk.know(number, values[:, number], conditional)
    return values


class _Walk:
    """What is known on the way from the first coordinate to the last."""

    def __init__(self, mixtures: RowMixtures, width: int) -> None:
        self._mixtures = mixtures
        self._weight = mixtures.log_weight[mixtures.label].softmax(dim=1)
        self._own = self._weight.new_zeros(*self._weight.shape, width)

    def conditional(self, number: int) -> _Conditional:
        """Give the distribution of a coordinate given those that are known."""
        label, _, mean, root = self._mixtures
        row = root[:, :, number][label]
        shift = (self._own[..., :number] * row[..., :number]).sum(dim=2)
        return _Conditional(self._weight, mean[:, :, number][label] + shift, row[..., number])

    def know(self, number: int, values: Tensor, conditional: _Conditional) -> None:
        """Take in the values of a coordinate."""
        self._own[..., number] = (values[:, None] - conditional.mean) / conditional.deviation
        joint = conditional.joint(values).clamp_min(LEAST_DENSITY)
        self._weight = joint / joint.sum(dim=1, keepdim=True)
