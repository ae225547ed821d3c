"""What two correlated samples cost beyond each alone, and how their posteriors correlate."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gtexgen.models.posterior import Posterior

__all__ = ["CorrelationNetwork", "mutual_information", "pair_term"]

WIDTH = 64
FISHER_Z_BOUND = 8.0  # the largest at which tanh is below 1 in float32


def pair_term(first: Posterior, second: Posterior, fisher_z: Tensor, tau: float) -> Tensor:
    r"""Give what a pair adds to the KL of its two samples, in nats of each latent.

    .. math:: R = \mathrm{KL}(q_{ij} \,\|\, p_{ij}) - \mathrm{KL}_i - \mathrm{KL}_j
        = \frac{\tau \, \mathbb{E}(z_i - z_j)^2}{2 (1 - \tau^2)}
        - \frac{\tau \, \mathbb{E}(z_i^2 + z_j^2)}{2 (1 + \tau)}
        + \tfrac12 \log(1 - \tau^2) - \tfrac12 \log(1 - c^2)

    for :math:`p_{ij}` standard normal with correlation :math:`\tau` and :math:`q_{ij}` of the two posteriors with
    correlation :math:`c`. It is the pair term of Tang et al. 2019, *Correlated variational auto-encoders*, ordered so
    that nothing large cancels as :math:`\tau` and :math:`c` come close to 1.

    Parameters
    ----------
    first, second
        The posteriors of the two samples, ``(pairs, latents)``.
    fisher_z
        :math:`\operatorname{artanh} c`, ``(pairs, latents)``; 0 for independent posteriors.
    tau
        The correlation of two neighbours' latents under the prior, between 0 and 1.

    Returns
    -------
    Tensor
        ``(pairs, latents)``.
    """
    sd, other_sd = torch.exp(0.5 * first.log_variance), torch.exp(0.5 * second.log_variance)
    uncorrelated = 2 * torch.sigmoid(-2 * fisher_z)  # 1 - c
    difference = (first.mean - second.mean).square() + (sd - other_sd).square() + 2 * uncorrelated * sd * other_sd
    squares = first.mean.square() + second.mean.square() + sd.square() + other_sd.square()
    unexplained = (1 - tau) * (1 + tau)
    pull = tau / (2 * unexplained) * difference - tau / (2 * (1 + tau)) * squares
    return pull + 0.5 * math.log(unexplained) + mutual_information(fisher_z)


def mutual_information(fisher_z: Tensor) -> Tensor:
    r"""Give :math:`-\frac12 \log(1 - c^2) = \log \cosh z` in nats, with :math:`z = \operatorname{artanh} c`."""
    return torch.logaddexp(fisher_z, -fisher_z) - math.log(2)


class CorrelationNetwork(nn.Module):
    """From two posteriors to the correlation of their latents, the same whichever comes first.

    A layer of 64 reads both in either order, and the two results are averaged.

    Parameters
    ----------
    n_latents
        Width of the latent vector.
    """

    def __init__(self, n_latents: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4 * n_latents, WIDTH), nn.SiLU(), nn.Linear(WIDTH, n_latents))

    def forward(self, first: Posterior, second: Posterior) -> Tensor:
        """Give Fisher's z of each latent, whose tanh is the correlation, ``(pairs, latents)``, within [-8, 8]."""
        raw = self.layers(torch.cat([*first, *second], dim=-1)) + self.layers(torch.cat([*second, *first], dim=-1))
        return FISHER_Z_BOUND * torch.tanh(raw / (2 * FISHER_Z_BOUND))
