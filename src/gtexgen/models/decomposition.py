"""The KL of the posteriors taken apart: what latents tell of a sample, share with each other, and each lose."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from gtexgen.models.posterior import Posterior

__all__ = ["Decomposition", "decompose_kl"]


class Decomposition(NamedTuple):
    """Three terms whose sum is the KL to N(0, I), estimated at one draw a sample; each in nats, ``(batch,)``.

    Attributes
    ----------
    mutual_information
        Between a sample and its latents.
    total_correlation
        How far the aggregate posterior is from latents that are independent of each other.
    dimension_wise_kl
        How far each latent's aggregate posterior is from N(0, 1), summed over latents.
    """

    mutual_information: Tensor
    total_correlation: Tensor
    dimension_wise_kl: Tensor


def decompose_kl(posterior: Posterior, latent: Tensor, n_samples: int) -> Decomposition:
    r"""Estimate the parts of the KL from the posteriors of one batch.

    .. math:: \log \frac{q(z \mid x)}{p(z)} = \log \frac{q(z \mid x)}{q(z)} + \log \frac{q(z)}{\prod_k q(z_k)}
        + \sum_k \log \frac{q(z_k)}{p(z_k)}, \qquad q(z) = \frac1N \sum_n q(z \mid x_n)

    Chen et al. 2018, *Isolating sources of disentanglement in variational autoencoders* (arXiv 1802.04942). The
    aggregate posterior of all N samples is estimated from the batch of M: a draw's own posterior weighs 1/N, the M - 1
    others (N - 1) / (N (M - 1)) each. That is without bias where batches are drawn without replacement, and exact where
    the batch is everything. It is the paper's stratified sampling (appendix C.2), with the weights of the others made
    equal; its simpler weights 1/(NM) give a lower bound of q(z), and a total correlation that is (L - 1) log N nats too
    high even then.

    Parameters
    ----------
    posterior
        Of each sample in the batch, ``(batch, latents)``.
    latent
        One draw from each, ``(batch, latents)``.
    n_samples
        N, of which the batch is a part; fewer than the batch has count as many.
    """
    posterior, latent = Posterior(*map(_at_least_float32, posterior)), _at_least_float32(latent)
    log_density = _log_normal(latent[:, None], posterior)  # (draw, posterior, latents)
    log_weight = _weights(latent, max(n_samples, len(latent))).log()
    own = log_density.diagonal().sum(dim=0)
    aggregate = torch.logsumexp(log_weight + log_density.sum(dim=-1), dim=1)
    marginals = torch.logsumexp(log_weight[..., None] + log_density, dim=1).sum(dim=-1)
    prior = _log_normal(latent, Posterior(torch.zeros_like(latent), torch.zeros_like(latent))).sum(dim=-1)
    return Decomposition(own - aggregate, aggregate - marginals, marginals - prior)


def _at_least_float32(tensor: Tensor) -> Tensor:
    """Widen what mixed precision made narrow: the parts are small differences of large log densities."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _log_normal(latent: Tensor, posterior: Posterior) -> Tensor:
    mean, log_variance = posterior
    return -0.5 * ((latent - mean).square() * torch.exp(-log_variance) + log_variance + math.log(2 * math.pi))


def _weights(latent: Tensor, n_samples: int) -> Tensor:
    """Give the share of each posterior (column) in the aggregate that each draw (row) is held against."""
    others = len(latent) - 1
    shares = latent.new_full((others + 1, others + 1), (n_samples - 1) / (n_samples * max(others, 1)))
    return shares.fill_diagonal_(1 / n_samples)
