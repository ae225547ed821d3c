"""The prior N(0, I)."""

from __future__ import annotations

import torch
from torch import Tensor

from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.base import Prior, log_density_of_noise

__all__ = ["StandardNormal"]


class StandardNormal(Prior):
    r"""The same :math:`N(0, I)` for every condition.

    .. math:: \mathrm{KL} = \tfrac12 \sum_k \mu_k^2 + \sigma_k^2 - \log \sigma_k^2 - 1

    Kingma and Welling 2014, *Auto-encoding variational Bayes*, appendix B.

    Parameters
    ----------
    n_latents
        Width of the latent vector.
    """

    def kl(self, posterior: Posterior, condition: Tensor) -> Tensor:
        """Give the divergence of each latent, ``(batch, latents)``."""
        mean, log_variance = posterior
        return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1)

    def log_prob(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Give the log-density of N(0, I), ``(batch,)``, whatever the condition."""
        return log_density_of_noise(latent)

    def push(self, noise: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Give the noise itself, whatever the condition."""
        return noise

    def pull(self, latent: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Give the latents themselves, whatever the condition."""
        return latent
