"""Priors that stand on the fitted Gaussian and model what it leaves."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from gtexgen.models.noise import standard_normal
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.fitted_gaussian import FittedGaussian

__all__ = ["RefinedGaussian", "Residual"]

LEAST_DRAWS = 10_000
BLOCK = 1024
SEED = 0x6669_7474


class Residual(nn.Module, ABC):
    """The density p(u | c) of whitened latents, which is N(0, I) until it is fitted.

    What it learns are buffers, so that no optimiser of the networks ever sees it.
    """

    @abstractmethod
    def fit(self, draws: Tensor, condition: Tensor, generator: torch.Generator) -> None:
        """Fit the density.

        Parameters
        ----------
        draws
            Whitened draws from the posterior of each training sample, ``(draws, samples, latents)``.
        condition
            ``(samples, conditions)``.
        generator
            The source of all randomness.
        """

    @abstractmethod
    def log_prob(self, values: Tensor, condition: Tensor) -> Tensor:
        """Give log p(u | c) in nats for ``(batch, latents)`` and ``(batch, conditions)``: ``(batch,)``."""

    @abstractmethod
    def push(self, noise: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Turn ``(batch, latents)`` standard normal noise into whitened latents."""

    @abstractmethod
    def pull(self, values: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Find the noise behind ``(batch, latents)`` whitened latents."""


class RefinedGaussian(FittedGaussian):
    r"""Trains as N(0, I), then draws from a density fitted to the aggregate posterior of each condition.

    The fitted Gaussian gives each condition its mean and covariance, with shrinkage for small classes; a density
    :math:`r` of the whitened latents says the rest:

    .. math:: \log p(z \mid c) = \log r(u \mid c) - \tfrac12 \log |\Sigma(c)|, \quad
        u = \Sigma(c)^{-1/2} (z - m(c))

    It is fitted to draws from the posteriors of the training samples, so that their variances count. The draws and
    all else that is random in the fit depend on the data alone.

    Parameters
    ----------
    n_latents, n_conditions, shrinkage
        As for `FittedGaussian`.
    residual
        The density of the whitened latents.
    """

    def __init__(self, n_latents: int, n_conditions: int, shrinkage: float, residual: Residual) -> None:
        super().__init__(n_latents, n_conditions, shrinkage)
        self.residual = residual

    @torch.no_grad()
    def fit(self, posterior: Posterior, condition: Tensor) -> None:
        """Fit Gaussian and residual to ``(samples, latents)`` posteriors and their ``(samples, conditions)``."""
        super().fit(posterior, condition)
        generator = torch.Generator().manual_seed(SEED)
        self.residual.fit(self._whitened_draws(posterior, condition, generator), condition, generator)

    def log_prob(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Give log p(z | c) in nats, ``(batch,)``."""
        return self.residual.log_prob(self._whiten(latent, condition), condition) - self._log_volume(condition)

    def push(self, noise: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Bring the noise to the residual's density, then to mean and covariance of each row's condition."""
        return super().push(self.residual.push(noise, condition, generator), condition)

    def pull(self, latent: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Whiten the latents, then find the noise behind them."""
        return self.residual.pull(self._whiten(latent, condition), condition, generator)

    def _whitened_draws(self, posterior: Posterior, condition: Tensor, generator: torch.Generator) -> Tensor:
        """Draw as often from every posterior as it takes to have enough of them, ``(draws, samples, latents)``."""
        n_draws = math.ceil(LEAST_DRAWS / len(condition))
        mean, scale = posterior.mean, posterior.log_variance.mul(0.5).exp()
        noise = standard_normal((n_draws, *mean.shape), like=mean, generator=generator)
        latents, conditions = (mean + scale * noise).flatten(0, 1), condition.repeat(n_draws, 1)
        blocks = zip(latents.split(BLOCK), conditions.split(BLOCK), strict=True)
        whitened = torch.cat([self._whiten(*block) for block in blocks])
        return whitened.reshape(noise.shape)
