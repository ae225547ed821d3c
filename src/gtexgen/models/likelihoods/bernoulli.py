"""The original project's cross-entropy."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gtexgen.models.likelihoods.base import Likelihood, Output

__all__ = ["BernoulliLikelihood"]


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

    def push(self, output: Output, noise: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Give the mean, for want of a noise model."""
        return self.mean(output)

    def pull(self, output: Output, expression: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Give zeros, for want of a noise model."""
        return torch.zeros_like(expression)
