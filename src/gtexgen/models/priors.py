"""Where latents come from when no sample is at hand: one class a prior."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from gtexgen.models.noise import standard_normal
from gtexgen.models.posterior import Posterior

__all__ = ["ConditionalGaussian", "Prior", "StandardNormal", "with_constant"]

LOG_VARIANCE_BOUND = 10.0


class Prior(nn.Module, ABC):
    """The distribution p(z | c) of the latents.

    Its constructor is given, by name, whichever of ``n_latents`` and ``n_conditions`` it asks for; the rest
    of its arguments are its config.
    """

    @abstractmethod
    def kl(self, posterior: Posterior, condition: Tensor) -> Tensor:
        """Give KL(q(z | x, c) || p(z | c)) in nats, in parts that sum to it.

        Parameters
        ----------
        posterior
            The posterior of each sample.
        condition
            ``(batch, conditions)``.

        Returns
        -------
        Tensor
            ``(batch, latents)`` where the prior's latents are independent, else ``(batch, 1)``.
        """

    def fit(self, posterior: Posterior, condition: Tensor) -> None:
        """Fit what is only known after training; most priors have nothing of the kind.

        Parameters
        ----------
        posterior
            The posteriors of all training samples, ``(samples, latents)``.
        condition
            ``(samples, conditions)``.
        """

    @abstractmethod
    def sample(self, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw one latent vector for each row of ``(batch, conditions)``: ``(batch, latents)``."""


class StandardNormal(Prior):
    r"""The same :math:`N(0, I)` for every condition.

    .. math:: \mathrm{KL} = \tfrac12 \sum_k \mu_k^2 + \sigma_k^2 - \log \sigma_k^2 - 1

    Kingma and Welling 2014, *Auto-encoding variational Bayes*, appendix B.

    Parameters
    ----------
    n_latents
        Width of the latent vector.
    """

    def __init__(self, n_latents: int) -> None:
        super().__init__()
        self.n_latents = n_latents

    def kl(self, posterior: Posterior, condition: Tensor) -> Tensor:
        """Give the divergence of each latent, ``(batch, latents)``."""
        mean, log_variance = posterior
        return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1)

    def sample(self, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw from N(0, I), whatever the condition."""
        return standard_normal((len(condition), self.n_latents), like=condition, generator=generator)


class ConditionalGaussian(Prior):
    r"""A Gaussian with independent latents whose mean and variance are learned for each condition.

    .. math:: \mathrm{KL} = \tfrac12 \sum_k \frac{(\mu_k - m_k(c))^2 + \sigma_k^2}{s_k^2(c)}
        - \log \frac{\sigma_k^2}{s_k^2(c)} - 1

    Mean and log-variance are linear in the encoded condition, so that one-hot conditions have values of their own
    and several conditions add up. Sohn, Lee and Yan 2015, *Learning structured output representation using deep
    conditional generative models*.

    Parameters
    ----------
    n_latents
        Width of the latent vector.
    n_conditions
        Width of the encoded condition; with 0 the prior is one Gaussian for all.
    """

    def __init__(self, n_latents: int, n_conditions: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_conditions + 1, 2 * n_latents))

    def forward(self, condition: Tensor) -> Posterior:
        """Give mean and log-variance for ``(batch, conditions)``, each ``(batch, latents)``."""
        mean, log_variance = (with_constant(condition) @ self.weight).chunk(2, dim=-1)
        return Posterior(mean, LOG_VARIANCE_BOUND * torch.tanh(log_variance / LOG_VARIANCE_BOUND))

    def kl(self, posterior: Posterior, condition: Tensor) -> Tensor:
        """Give the divergence of each latent, ``(batch, latents)``."""
        prior = self.forward(condition)
        log_ratio = posterior.log_variance - prior.log_variance
        shift = (posterior.mean - prior.mean).square() * torch.exp(-prior.log_variance)
        return 0.5 * (shift + log_ratio.exp() - log_ratio - 1)

    def sample(self, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw from the Gaussian of each row's condition."""
        return self.forward(condition).sample(generator)


def with_constant(condition: Tensor) -> Tensor:
    """Put a column of ones before ``(batch, conditions)``."""
    return torch.cat([condition.new_ones(len(condition), 1), condition], dim=1)
