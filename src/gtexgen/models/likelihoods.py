"""How decoded features become a distribution of expression: one class a likelihood."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gtexgen.errors import ConfigError
from gtexgen.models.noise import standard_normal

__all__ = ["BernoulliLikelihood", "GaussianLikelihood", "Likelihood", "Output", "Support"]

Output: TypeAlias = tuple[Tensor, ...]
"""What a likelihood's forward gives and its other methods take: the parameters of its distribution."""

Support: TypeAlias = Literal["real", "unit_interval"]
"""The values that a likelihood can explain: any real number, or those from 0 to 1."""


class Likelihood(nn.Module, ABC):
    """The distribution p(x | z, c) of expression on the model's scale.

    A likelihood owns the layers that lead from the decoder's last features to its parameters, may look at the
    condition, and says which values it can explain. Its constructor is given, by name, whichever of
    ``n_features``, ``n_genes`` and ``n_conditions`` it asks for; the rest of its arguments are its config.
    """

    support: ClassVar[Support]
    """The values it can explain; a scaling that leaves them is refused before training."""

    @abstractmethod
    def forward(self, features: Tensor, condition: Tensor) -> Output:
        """Give the distribution's parameters for ``(batch, features)`` and ``(batch, conditions)``."""

    @abstractmethod
    def log_prob(self, output: Output, expression: Tensor) -> Tensor:
        """Give log p(x | z, c) in nats, summed over genes: ``(batch, genes)`` to ``(batch,)``."""

    @abstractmethod
    def mean(self, output: Output) -> Tensor:
        """Give the mean of every gene, ``(batch, genes)``."""

    @abstractmethod
    def sample(self, output: Output, generator: torch.Generator | None = None) -> Tensor:
        """Draw every gene, ``(batch, genes)``."""


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

    def sample(self, output: Output, generator: torch.Generator | None = None) -> Tensor:
        """Draw each gene around its mean, independently."""
        mean, variance = output
        noise = standard_normal(mean.shape, like=mean, generator=generator)
        return torch.addcmul(mean, variance.sqrt(), noise)


class BernoulliLikelihood(Likelihood):
    r"""The cross-entropy of expression scaled to [0, 1], as in the original project.

    .. math:: -\log p(x \mid z, c) = \sum_g \log(1 + e^{l_g}) - x_g l_g

    It is a scale and not a probability model of values between 0 and 1, so it has no noise to draw: a sample
    is the decoded mean, whose spread is narrower than that of real expression. It cannot leave the range that
    training saw either; a held-out value beyond it counts as the nearer end, since outside [0, 1] the
    cross-entropy has no lower bound.

    Parameters
    ----------
    n_features, n_genes
        Widths of the decoder's features and of the expression.
    """

    support = "unit_interval"

    def __init__(self, n_features: int, n_genes: int) -> None:
        super().__init__()
        self.logits = nn.Linear(n_features, n_genes)

    def forward(self, features: Tensor, condition: Tensor) -> Output:
        """Give the logits, ``(batch, genes)``."""
        return (self.logits(features),)

    def log_prob(self, output: Output, expression: Tensor) -> Tensor:
        """Give minus the cross-entropy in nats, ``(batch,)``."""
        (logits,) = output
        entropy = F.binary_cross_entropy_with_logits(logits, expression.clamp(0, 1), reduction="none")
        return -entropy.sum(dim=-1)

    def mean(self, output: Output) -> Tensor:
        """Give the sigmoid of the logits, between 0 and 1."""
        return torch.sigmoid(output[0])

    def sample(self, output: Output, generator: torch.Generator | None = None) -> Tensor:
        """Give the mean, for want of a noise model."""
        return self.mean(output)
