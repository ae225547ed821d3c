"""A Gaussian likelihood with a learned scale."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gtexgen.errors import ConfigError
from gtexgen.models.likelihoods.base import Likelihood, Output

__all__ = ["GaussianLikelihood"]


class GaussianLikelihood(Likelihood):
    r"""A Gaussian whose scale is learned, one a gene.

    .. math:: -\log p(x \mid z, c) = \tfrac12 \sum_g \frac{(x_g - m_g)^2}{\sigma_g^2} + \log 2 \pi \sigma_g^2

    with :math:`\sigma_g^2 = e^{2 s_g} + \epsilon^2`. The floor :math:`\epsilon` is added, not clamped: a gene
    that the decoder fits perfectly cannot send the density to infinity, and one that reached the floor still
    has a gradient.

    Parameters
    ----------
    n_features, n_genes
        Widths of the decoder's features and of the expression.
    initial_scale
        Standard deviation of every gene before training, on the model's scale.
    minimum_scale
        The floor :math:`\epsilon` under every standard deviation, on the model's scale.

    Raises
    ------
    ConfigError
        Where ``0 < minimum_scale < initial_scale`` does not hold.
    """

    support = "real"

    def __init__(
        self, n_features: int, n_genes: int, *, initial_scale: float = 1.0, minimum_scale: float = 0.01
    ) -> None:
        super().__init__()
        if not 0 < minimum_scale < initial_scale < math.inf:
            raise ConfigError(
                f"likelihood: 0 < minimum_scale < initial_scale must hold, "
                f"not minimum_scale={minimum_scale} and initial_scale={initial_scale}"
            )
        self.minimum_variance = minimum_scale**2
        log_scale = 0.5 * math.log(initial_scale**2 - self.minimum_variance)
        self.location = nn.Linear(n_features, n_genes)
        self.log_scale = nn.Parameter(torch.full((n_genes,), log_scale))

    def forward(self, features: Tensor, condition: Tensor) -> Output:
        """Give the mean ``(batch, genes)`` and the variance ``(genes,)``."""
        return self.location(features), torch.exp(2 * self.log_scale) + self.minimum_variance

    def log_prob(self, output: Output, expression: Tensor) -> Tensor:
        """Give the Gaussian log-density in nats, ``(batch,)``."""
        mean, variance = output
        deviance = (expression - mean).square() @ variance.reciprocal()
        return -0.5 * (deviance + (2 * math.pi * variance).log().sum())

    def mean(self, output: Output) -> Tensor:
        """Give the decoded mean."""
        return output[0]

    def push(self, output: Output, noise: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Put the noise, scaled, around the mean."""
        mean, variance = output
        return torch.addcmul(mean, variance.sqrt(), noise)

    def pull(self, output: Output, expression: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Give the standardised residuals."""
        mean, variance = output
        return (expression - mean) * variance.rsqrt()
