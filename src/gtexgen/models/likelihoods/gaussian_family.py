"""What the Gaussian likelihoods have in common: they differ in their covariance alone."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor, nn

from gtexgen.errors import ConfigError
from gtexgen.models.likelihoods.base import Likelihood, Output

__all__ = ["GaussianFamily"]


class GaussianFamily(Likelihood):
    """A likelihood under which every gene of a sample is Gaussian around a mean that is linear in the features.

    What `forward` gives begins with the mean, ``(batch, genes)``, and the variance, ``(genes,)`` or ``(batch, genes)``.

    Parameters
    ----------
    n_features, n_genes
        Widths of the decoder's features and of the expression.
    initial_scale
        Standard deviation before training, on the model's scale.
    minimum_scale
        The floor under every standard deviation, on the model's scale.

    Raises
    ------
    ConfigError
        Where ``0 < minimum_scale < initial_scale`` does not hold.
    """

    support = "real"

    def __init__(self, n_features: int, n_genes: int, *, initial_scale: float, minimum_scale: float) -> None:
        super().__init__()
        if not 0 < minimum_scale < initial_scale < math.inf:
            raise ConfigError(
                f"likelihood: 0 < minimum_scale < initial_scale must hold, "
                f"not minimum_scale={minimum_scale} and initial_scale={initial_scale}"
            )
        self.minimum_variance = minimum_scale**2
        self.location = nn.Linear(n_features, n_genes)

    def scale(self, output: Output) -> Tensor:
        """Give the standard deviation of every gene by itself, ``(genes,)`` or ``(batch, genes)``."""
        return output[1].sqrt()

    def log_density(self, output: Output, expression: Tensor, observed: Tensor | None = None) -> Tensor:
        """Give the log-density of the observed genes alone, in nats, ``(batch,)``.

        It is worked out in full precision, whatever the networks are trained in: of a sum over thousands of genes
        bfloat16 would keep two digits.

        Parameters
        ----------
        output
            What `forward` gave.
        expression
            ``(batch, genes)``.
        observed
            ``(batch, genes)``, boolean: the genes whose density is asked for; None is all of them.
        """
        with torch.autocast(expression.device.type, enabled=False):
            return self._log_density(output, expression, observed)

    @abstractmethod
    def _log_density(self, output: Output, expression: Tensor, observed: Tensor | None) -> Tensor:
        """Do what `log_density` promises."""

    def log_prob(self, output: Output, expression: Tensor) -> Tensor:
        """Give the Gaussian log-density in nats, ``(batch,)``."""
        return self.log_density(output, expression)

    def mean(self, output: Output) -> Tensor:
        """Give the decoded mean."""
        return output[0]

    def push(self, output: Output, noise: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Put the noise, scaled, around the mean."""
        return torch.addcmul(output[0], self.scale(output), noise)

    def pull(self, output: Output, expression: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Give the standardised residuals."""
        return (expression - output[0]) / self.scale(output)
