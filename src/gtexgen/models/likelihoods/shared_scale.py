"""A Gaussian likelihood with one scale for all genes, in closed form."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from gtexgen.errors import ConfigError
from gtexgen.models.likelihoods.base import Output
from gtexgen.models.likelihoods.gaussian_family import GaussianFamily

__all__ = ["Rule", "SharedScaleGaussian"]

Rule = Literal["optimal", "running_minimum"]

RUNNING_MINIMUM_WEIGHT = 0.01
AVERAGE_WEIGHT = 0.1


class SharedScaleGaussian(GaussianFamily):
    r"""A Gaussian with one scale for all genes, computed from the squared error and not learned.

    .. math:: -\log p(x \mid z, c) = \frac{\lVert x - m \rVert^2}{2 \sigma^2} + \tfrac{G}{2} \log 2 \pi \sigma^2

    With MSE the mean squared error of a batch over its samples and genes:

    - ``optimal``: :math:`\sigma^2 = \mathrm{MSE}`, which minimises the batch's loss (Rybkin, Daniilidis and Levine
      2021, *Simple and effective VAE training with calibrated decoders*, arXiv 2006.13202).
    - ``running_minimum``: :math:`\sigma^2 = m` with :math:`m \leftarrow \min(m, 0.99\, m + 0.01\, \mathrm{MSE})`, the
      same with a monotone average (Asperti and Trentin 2020, arXiv 2002.07514).

    In training, each call of `log_prob` first works out :math:`\sigma^2` from its batch and stores it; a head calls it
    once a step. No gradient flows into :math:`\sigma^2`: with ``optimal`` there is none to flow, for it is at its
    minimum (the envelope theorem; the floor only puts a bound to the minimum), and what is left is the whole gradient
    of :math:`\tfrac{G}{2} \log \mathrm{MSE}`.

    In evaluation and in sampling, :math:`\sigma^2` is a stored number, so held-out samples have no say in it and one
    seed gives one sample. For ``optimal`` it is a moving average over some ten training batches: short enough to keep
    up with the error as it falls, and long enough, since a relative error :math:`\delta` of :math:`\sigma^2` costs
    :math:`G \delta^2 / 4` nats, to second order, and the MSE of a batch, over all its genes, is within a few percent.
    Of several devices each weighs its own batch, and the first one's number is stored.

    Parameters
    ----------
    n_features, n_genes, n_conditions
        Widths of the decoder's features, of the expression and of the encoded condition.
    rule
        ``"optimal"`` or ``"running_minimum"``.
    initial_scale
        Standard deviation before training, on the model's scale. ``running_minimum`` never rises above it.
    minimum_scale
        The floor under the standard deviation, on the model's scale.

    Raises
    ------
    ConfigError
        Where the rule is unknown or ``0 < minimum_scale < initial_scale`` does not hold.
    """

    mean_square: Tensor

    def __init__(
        self,
        n_features: int,
        n_genes: int,
        n_conditions: int = 0,
        *,
        rule: Rule = "optimal",
        initial_scale: float = 1.0,
        minimum_scale: float = 0.01,
    ) -> None:
        super().__init__(n_features, n_genes, n_conditions, initial_scale=initial_scale, minimum_scale=minimum_scale)
        if rule not in get_args(Rule):
            raise ConfigError(f"likelihood.rule is {rule!r}; known: {', '.join(get_args(Rule))}")
        self.rule = rule
        self.n_genes = n_genes
        self.register_buffer("mean_square", torch.tensor(float(initial_scale) ** 2))

    def forward(self, features: Tensor, condition: Tensor) -> Output:
        """Give the mean ``(batch, genes)`` and the stored variance ``(genes,)``, each gene's the same."""
        return self.locate(features, condition), self._floored(self.mean_square).expand(self.n_genes)

    def _log_density(self, output: Output, expression: Tensor, observed: Tensor | None) -> Tensor:
        squares = (expression - output[0]).square()
        if observed is None:
            n_observed = squares.new_full((len(squares),), self.n_genes)
        else:
            squares, n_observed = squares * observed, observed.sum(dim=-1)
        error, variance = squares.sum(dim=-1), output[1][0]
        if self.training:
            variance = self._floored(self._update(error.detach().sum() / n_observed.sum().clamp_min(1)))
        return -0.5 * (error / variance + n_observed * (2 * math.pi * variance).log())

    def _update(self, error: Tensor) -> Tensor:
        """Take in the mean squared error of a training batch; give the variance to weigh the batch by."""
        if self.rule == "optimal":
            self.mean_square.lerp_(error, AVERAGE_WEIGHT)
            return error
        average = torch.lerp(self.mean_square, error, RUNNING_MINIMUM_WEIGHT)
        smallest = torch.minimum(self.mean_square, average)
        self.mean_square.copy_(smallest)
        return smallest

    def _floored(self, variance: Tensor) -> Tensor:
        return variance.clamp_min(self.minimum_variance)
