"""A Gaussian prior that is learned for each condition."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.base import Prior, log_density_of_noise, with_constant

__all__ = ["ConditionalGaussian"]

LOG_VARIANCE_BOUND = 10.0


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
        super().__init__(n_latents)
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

    def log_prob(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Give the log-density of the Gaussian of each row's condition, ``(batch,)``."""
        mean, log_variance = self.forward(condition)
        noise = (latent - mean) * torch.exp(-0.5 * log_variance)
        return log_density_of_noise(noise) - 0.5 * log_variance.sum(dim=-1)

    def push(self, noise: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Shift and scale the noise to the Gaussian of each row's condition."""
        mean, log_variance = self.forward(condition)
        return torch.addcmul(mean, torch.exp(0.5 * log_variance), noise)

    def pull(self, latent: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Standardise the latents by the Gaussian of each row's condition."""
        mean, log_variance = self.forward(condition)
        return (latent - mean) * torch.exp(-0.5 * log_variance)
