"""A Gaussian likelihood with a learned scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gtexgen.models.likelihoods.base import Output
from gtexgen.models.likelihoods.gaussian_family import HALF_TRUST, GaussianFamily

if TYPE_CHECKING:
    from gtexgen.data.training_part import TrainingPart

__all__ = ["GaussianLikelihood"]

LARGEST_DEPARTURE = 3.0
"""No feature of a condition takes the log-scale farther than this from the one that all share: a factor of 20."""


class GaussianLikelihood(GaussianFamily):
    r"""Independent Gaussians whose scale is learned, one a gene, or one a gene and condition.

    .. math:: -\log p(x \mid z, c) = \tfrac12 \sum_g \frac{(x_g - m_g)^2}{\sigma_g^2} + \log 2 \pi \sigma_g^2

    with :math:`\sigma_g^2 = e^{2 s_g} + \epsilon^2`. The floor :math:`\epsilon` is added, not clamped: a gene
    that the decoder fits perfectly cannot send the density to infinity, and one that reached the floor still
    has a gradient.

    By condition, :math:`s_g(c) = s_g + \sum_j c_j \frac{n_j}{n_j + 10}\, 3 \tanh(d_{jg} / 3)`, where :math:`n_j` is the
    number of training samples with feature j of the condition and :math:`d` starts at 0. The scale of a condition with
    few samples thus stays near the shared one. The decoder can fit a single sample exactly: its scale, left alone,
    would fall to the floor and make any other sample of its condition all but impossible.

    Parameters
    ----------
    n_features, n_genes, n_conditions
        Widths of the decoder's features, of the expression and of the encoded condition.
    initial_scale
        Standard deviation of every gene before training, on the model's scale.
    minimum_scale
        The floor :math:`\epsilon` under every standard deviation, on the model's scale.
    by_condition
        Whether each condition has its own scales; without a condition it makes no difference.

    Raises
    ------
    ConfigError
        Where ``0 < minimum_scale < initial_scale`` does not hold.
    """

    trust: Tensor

    def __init__(
        self,
        n_features: int,
        n_genes: int,
        n_conditions: int = 0,
        *,
        initial_scale: float = 1.0,
        minimum_scale: float = 0.01,
        by_condition: bool = False,
    ) -> None:
        super().__init__(n_features, n_genes, n_conditions, initial_scale=initial_scale, minimum_scale=minimum_scale)
        log_scale = 0.5 * math.log(initial_scale**2 - self.minimum_variance)
        self.log_scale = nn.Parameter(torch.full((n_genes,), log_scale))
        self.by_condition = by_condition and n_conditions > 0
        if self.by_condition:
            self.departure = nn.Parameter(torch.zeros(n_conditions, n_genes))
            self.register_buffer("trust", torch.ones(n_conditions))

    @torch.no_grad()
    def prepare(self, part: TrainingPart) -> None:
        """Begin the means; count the training samples that each condition's scales can be learned from."""
        super().prepare(part)
        if self.by_condition:
            n_samples = part.condition.sum(dim=0)
            self.trust.copy_(n_samples / (n_samples + HALF_TRUST))

    def forward(self, features: Tensor, condition: Tensor) -> Output:
        """Give the mean ``(batch, genes)`` and the variance, ``(genes,)`` or by condition ``(batch, genes)``."""
        log_scale: Tensor = self.log_scale
        if self.by_condition:
            departure = LARGEST_DEPARTURE * torch.tanh(self.departure / LARGEST_DEPARTURE)
            log_scale = log_scale + (self.trust * condition) @ departure
        return self.locate(features, condition), torch.exp(2 * log_scale) + self.minimum_variance

    def _log_density(self, output: Output, expression: Tensor, observed: Tensor | None) -> Tensor:
        mean, variance = output
        squares, log_variance = (expression - mean).square(), (2 * math.pi * variance).log()
        if observed is None:
            constant = log_variance.sum(dim=-1)
        else:
            squares = squares * observed
            constant = _dot(observed.to(squares.dtype), log_variance)
        return -0.5 * (_dot(squares, variance.reciprocal()) + constant)


def _dot(values: Tensor, by_gene: Tensor) -> Tensor:
    """Sum the products of ``(batch, genes)`` with ``(genes,)`` or ``(batch, genes)`` over genes, ``(batch,)``."""
    return values @ by_gene if by_gene.dim() == 1 else (values * by_gene).sum(dim=-1)
