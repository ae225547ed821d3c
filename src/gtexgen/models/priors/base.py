"""Where latents come from when no sample is at hand."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from gtexgen.models.noise import standard_normal
from gtexgen.models.posterior import Posterior

__all__ = ["Prior", "log_density_of_noise", "with_constant"]


class Prior(nn.Module, ABC):
    """The distribution p(z | c) of the latents.

    Its constructor is given, by name, whichever of ``n_latents`` and ``n_conditions`` it asks for; the rest
    of its arguments are its config.

    Latents are standard normal noise, transported: `push` forward and `pull` back. What correlates the latents of
    several samples, such as those of one donor, correlates their noise and need not know the prior.

    Parameters
    ----------
    n_latents
        Width of the latent vector.
    """

    def __init__(self, n_latents: int) -> None:
        super().__init__()
        self.n_latents = n_latents

    @abstractmethod
    def kl(self, posterior: Posterior, condition: Tensor) -> Tensor:
        """Give KL(q(z | x, c) || p(z | c)) in nats, latent by latent.

        Parameters
        ----------
        posterior
            The posterior of each sample.
        condition
            ``(batch, conditions)``.

        Returns
        -------
        Tensor
            ``(batch, latents)``.
        """

    @abstractmethod
    def log_prob(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Give log p(z | c) in nats, ``(batch,)``.

        Parameters
        ----------
        latent
            ``(batch, latents)``.
        condition
            ``(batch, conditions)``.
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
    def push(self, noise: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Turn ``(batch, latents)`` standard normal noise into latents, ``(batch, latents)``.

        Parameters
        ----------
        noise
            ``(batch, latents)``.
        condition
            ``(batch, conditions)``.
        generator
            The source of whatever randomness the noise does not decide.
        """

    @abstractmethod
    def pull(self, latent: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Find the noise behind ``(batch, latents)``; where several values give the same latents, draw one."""

    def sample(self, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw one latent vector for each row of ``(batch, conditions)``: ``(batch, latents)``."""
        noise = standard_normal((len(condition), self.n_latents), like=condition, generator=generator)
        return self.push(noise, condition, generator)


def with_constant(condition: Tensor) -> Tensor:
    """Put a column of ones before ``(batch, conditions)``."""
    return torch.cat([condition.new_ones(len(condition), 1), condition], dim=1)


def log_density_of_noise(noise: Tensor) -> Tensor:
    """Give the log-density of N(0, I) at ``(batch, latents)``: ``(batch,)``."""
    return -0.5 * (noise.square() + math.log(2 * math.pi)).sum(dim=-1)
