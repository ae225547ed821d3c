"""Exact zeros: a hurdle before a likelihood of what is above zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.special import log_ndtr, ndtri

from gtexgen.errors import ConfigError
from gtexgen.models.components import build_component
from gtexgen.models.likelihoods.base import Likelihood, Output
from gtexgen.models.likelihoods.folded import folded_mean, folded_quantile, folded_survival
from gtexgen.models.likelihoods.gaussian_family import GaussianFamily
from gtexgen.models.noise import standard_normal

if TYPE_CHECKING:
    from gtexgen.data.training_part import TrainingPart

__all__ = ["HurdleLikelihood"]


class HurdleLikelihood(Likelihood):
    r"""A gene is exactly zero with probability :math:`\pi_g(z, c)`, and otherwise Gaussian, folded at zero.

    .. math:: \log p(x \mid z, c) = \sum_{g:\, x_g = 0} \log \pi_g + \sum_{g:\, x_g > 0} \log(1 - \pi_g)
        + \log N(x_{>0}; m, \Sigma)

    with :math:`\pi_g` the sigmoid of a linear layer of the features, and :math:`N` any likelihood of the Gaussian
    family, taken over the genes above zero. Zero is where an expression of 0 lies on the model's scale. Mullahy
    1986, *Specification and testing of some modified count data models*.

    A Gaussian draw below zero is folded back, :math:`x \mapsto |x|` as seen from zero, so that the share of zeros is
    :math:`\pi_g` and nothing else. The density above leaves out what was folded; it lies below the folded one, and so
    the evidence lower bound stays a lower bound. It adds masses of zeros to densities of positive values: it compares
    hurdles with hurdles, and not with a likelihood that has a density at zero.

    One noise decides both the zero and the value, as a quantile function does: the lowest share :math:`\pi_g` of it is
    zero, the rest rises from there. Genes whose noise is correlated therefore tend to be zero together, whereas the
    density takes their zeros as independent given the latents; each gene by itself has the modelled distribution.

    Parameters
    ----------
    n_features, n_genes, n_conditions
        Widths of the decoder's features, of the expression and of the encoded condition.
    positive
        The likelihood of what is above zero: ``_target_``, a class of the Gaussian family, and its options.

    Raises
    ------
    ConfigError
        Where `positive` is no config of a likelihood of the Gaussian family.
    """

    support = "real"
    zero: Tensor

    def __init__(self, n_features: int, n_genes: int, n_conditions: int = 0, *, positive: Mapping[str, Any]) -> None:
        super().__init__()
        self.logits = nn.Linear(n_features, n_genes)
        self.positive = _build_positive(positive, n_features, n_genes, n_conditions)
        self.register_buffer("zero", torch.zeros(n_genes))

    @torch.no_grad()
    def prepare(self, part: TrainingPart) -> None:
        """Learn where zero lies, and start at each gene's share of zeros."""
        self.positive.prepare(part)
        self.zero.copy_(part.zero)
        n_zeros = torch.stack([(block <= self.zero).sum(dim=0) for block in part.blocks()]).sum(dim=0)
        self.logits.bias.copy_(torch.logit((n_zeros + 0.5) / (len(part.condition) + 1)))

    def forward(self, features: Tensor, condition: Tensor) -> Output:
        """Give the logits of zero, ``(batch, genes)``, then the output of the positive part."""
        return self.logits(features), *self.positive(features, condition)

    def log_prob(self, output: Output, expression: Tensor) -> Tensor:
        """Give the log-probability of the zeros and the log-density of the rest, in nats, ``(batch,)``."""
        logits, *positive = output
        is_zero = expression <= self.zero
        hurdle = F.logsigmoid(torch.where(is_zero, logits, -logits)).sum(dim=-1, dtype=expression.dtype)
        return hurdle + self.positive.log_density(tuple(positive), expression, observed=~is_zero)

    def mean(self, output: Output) -> Tensor:
        """Give the mean of zeros and folded values together."""
        logits = output[0]
        location, scale = self._standardised(output)
        return self.zero + torch.sigmoid(-logits) * scale * folded_mean(location)

    def noise(self, output: Output, generator: torch.Generator | None = None) -> Tensor:
        """Draw the noise of the positive part."""
        return self.positive.noise(output[1:], generator)

    def push(self, output: Output, noise: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Give zero where the noise is in its lowest share, and the folded Gaussian's quantile above it."""
        location, scale = self._standardised(output)
        log_survival = log_ndtr(-noise) - F.logsigmoid(-output[0])
        above = folded_quantile(_inside(log_survival.exp()), location)
        return torch.where(log_survival > 0, self.zero, torch.addcmul(self.zero, scale, above))

    def pull(self, output: Output, expression: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Find the noise of positive values, and draw that of zeros from the share that gives zero."""
        logits = output[0]
        location, scale = self._standardised(output)
        survival = folded_survival((expression - self.zero) / scale, location) * torch.sigmoid(-logits)
        below = log_ndtr(standard_normal(expression.shape, like=expression, generator=generator))
        of_zero = ndtri(_inside((F.logsigmoid(logits) + below).exp()))
        return torch.where(expression <= self.zero, of_zero, -ndtri(_inside(survival)))

    def _standardised(self, output: Output) -> tuple[Tensor, Tensor]:
        """Give the positive part's mean, from zero and in units of its scale, and that scale."""
        scale = self.positive.scale(output[1:])
        return (self.positive.mean(output[1:]) - self.zero) / scale, scale


def _build_positive(config: Mapping[str, Any], n_features: int, n_genes: int, n_conditions: int) -> GaussianFamily:
    if not isinstance(config, Mapping):
        raise ConfigError(f"likelihood.positive must hold a _target_ and its options, not {config!r}")
    built = build_component(
        config,
        Likelihood,  # type: ignore[type-abstract]
        n_features=n_features,
        n_genes=n_genes,
        n_conditions=n_conditions,
    )
    if not isinstance(built, GaussianFamily):
        raise ConfigError(
            f"likelihood.positive: {type(built).__name__} has no density of only some genes of a sample.\n"
            "  Remedy: GaussianLikelihood, LowRankGaussianLikelihood or SharedScaleGaussian."
        )
    return built


def _inside(probability: Tensor) -> Tensor:
    """Keep a probability from 0 and 1, where quantiles are infinite."""
    limits = torch.finfo(probability.dtype)
    return probability.clamp(limits.tiny, 1 - limits.eps)
