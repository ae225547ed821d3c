"""What the Gaussian likelihoods have in common: they differ in their covariance alone."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gtexgen.errors import ConfigError
from gtexgen.models.group_means import less_group_means
from gtexgen.models.likelihoods.base import Likelihood, Output
from gtexgen.models.priors.base import with_constant
from gtexgen.models.ridge import ridge_weights

if TYPE_CHECKING:
    from gtexgen.data.training_part import TrainingPart

__all__ = ["HALF_TRUST", "GaussianFamily"]

HALF_TRUST = 10
"""What is learned of a condition from this many training samples counts half."""

SITE = ["tissue", "subtissue"]


class GaussianFamily(Likelihood):
    r"""A likelihood under which every gene of a sample is Gaussian, around a mean that is linear in the features.

    .. math:: m(z, c) = A\, h(z, c) + a + B\, c

    with :math:`h` the decoder's features. A and a are trained; B is what sex and age do to each gene within a tissue
    and subtissue, by ridge regression on the training samples, and stays. A gene that tells the sexes apart thus starts
    right. By gradients alone its mean may never get there where the scales of the sexes are learned too: a large
    scale explains the error, and little is left to learn from. What tells tissues apart is left to the decoder.

    What `forward` gives begins with the mean, ``(batch, genes)``, and the variance, ``(genes,)`` or ``(batch, genes)``.

    Parameters
    ----------
    n_features, n_genes, n_conditions
        Widths of the decoder's features, of the expression and of the encoded condition.
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
    condition_weight: Tensor

    def __init__(
        self, n_features: int, n_genes: int, n_conditions: int = 0, *, initial_scale: float, minimum_scale: float
    ) -> None:
        super().__init__()
        if not 0 < minimum_scale < initial_scale < math.inf:
            raise ConfigError(
                f"likelihood: 0 < minimum_scale < initial_scale must hold, "
                f"not minimum_scale={minimum_scale} and initial_scale={initial_scale}"
            )
        self.minimum_variance = minimum_scale**2
        self.location = nn.Linear(n_features, n_genes)
        self.register_buffer("condition_weight", torch.zeros(n_conditions, n_genes))

    @torch.no_grad()
    def prepare(self, part: TrainingPart) -> None:
        """Learn what sex and age do within tissues and subtissues; a value that 10 samples have counts half."""
        within = replace(part, condition=_within_sites(part))
        moments = torch.zeros(1 + len(self.condition_weight), len(part.zero), dtype=torch.float64)
        for block, condition in within.conditioned_blocks():
            moments += with_constant(condition).T @ block.double()
        features = with_constant(within.condition)
        self.condition_weight.copy_(ridge_weights(features.T @ features, moments, HALF_TRUST)[1:])

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Take the weights of a generator of before: its means had nothing to begin with."""
        state_dict.setdefault(f"{prefix}condition_weight", torch.zeros_like(self.condition_weight))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def locate(self, features: Tensor, condition: Tensor) -> Tensor:
        """Give the mean for ``(batch, features)`` and ``(batch, conditions)``, ``(batch, genes)``."""
        return torch.addmm(self.location(features), condition, self.condition_weight)

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


def _within_sites(part: TrainingPart) -> Tensor:
    """Give the condition less its mean over the samples of the same site, ``(samples, conditions)`` float64."""
    sites = part.samples.reindex(columns=SITE).groupby(SITE, dropna=False).ngroup()
    return less_group_means(part.condition.double(), torch.tensor(sites.to_numpy()))
