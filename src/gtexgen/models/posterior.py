"""The approximate posterior that an encoder gives."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gtexgen.models.noise import standard_normal

__all__ = ["Posterior"]


class Posterior(NamedTuple):
    r"""A Gaussian with independent latents, :math:`q(z \mid x, c) = N(\mu, \mathrm{diag}\,\sigma^2)`.

    Attributes
    ----------
    mean
        :math:`\mu`, of shape ``(batch, latents)``.
    log_variance
        :math:`\log \sigma^2`, of shape ``(batch, latents)``.
    """

    mean: Tensor
    log_variance: Tensor

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Draw one latent vector a sample, differentiable in the mean and the log-variance.

        Parameters
        ----------
        generator
            The source of randomness; None takes the default one of the device.

        Returns
        -------
        Tensor
            ``(batch, latents)``.
        """
        noise = standard_normal(self.mean.shape, like=self.mean, generator=generator)
        return torch.addcmul(self.mean, torch.exp(0.5 * self.log_variance), noise)
