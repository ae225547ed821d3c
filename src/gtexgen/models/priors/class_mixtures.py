"""Gaussian mixtures of classes, fitted by expectation maximisation and drawn towards each other."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gtexgen.models.group_means import less_group_means
from gtexgen.models.priors.base import log_density_of_noise

__all__ = ["Mixture", "MixtureOptions", "common_covariance", "fit_mixture"]

ITERATIONS = 30
TOLERANCE = 1e-3  # in shares of a sample
KMEANS_STARTS = 2
LEAST_VARIANCE = 1e-4


class MixtureOptions(NamedTuple):
    """How the mixture of a class is fitted.

    Attributes
    ----------
    components
        The most Gaussians that it has.
    samples_per_component
        It has at most one Gaussian for this many samples.
    shrinkage
        The covariance of a component is drawn to that within all components of the class, as if this many samples more
        had it.
    class_shrinkage
        That one is drawn to the covariance within all classes, as if this many samples more had it.
    """

    components: int
    samples_per_component: int
    shrinkage: float
    class_shrinkage: float


class Mixture(NamedTuple):
    """A Gaussian mixture: ``(components,)``, ``(components, latents)`` and ``(components, latents, latents)``."""

    weight: Tensor
    mean: Tensor
    covariance: Tensor


def common_covariance(mean: Tensor, variance: Tensor, label: Tensor) -> Tensor:
    """Give the covariance within classes of ``(samples, latents)`` posteriors with their class numbers, ``(samples,)``.

    Each sample is a Gaussian with its own variance, which counts.
    """
    centred = less_group_means(mean, label)
    covariance = centred.T @ centred / len(mean) + variance.mean(dim=0).diag()
    return covariance + LEAST_VARIANCE * torch.eye(len(covariance), dtype=covariance.dtype)


def fit_mixture(mean: Tensor, variance: Tensor, common: Tensor, options: MixtureOptions) -> Mixture:
    r"""Fit a mixture to the posteriors of one class; k-means gives the start.

    A sample :math:`i` is a Gaussian :math:`N(m_i, V_i)` and no point: :math:`V_i` enters the covariances, and its share
    in a component is that of the expected log-density,

    .. math:: \log \pi_k + \log N(m_i; \mu_k, \Sigma_k) - \tfrac12 \mathrm{tr}(\Sigma_k^{-1} V_i).

    The covariance of a component of :math:`n_k` samples is widened by :math:`1 + 2 / n_k`: as they scatter around their
    own mean, a further sample lies farther out, by :math:`(n_k + 1) / (n_k - 1)` without shrinkage.

    Parameters
    ----------
    mean, variance
        ``(samples, latents)`` float64, at least one sample.
    common
        The covariance within all classes, ``(latents, latents)``.
    options
        How many components, and how strongly they are shrunk.
    """
    k = max(1, min(options.components, len(mean) // options.samples_per_component))
    share = _clusters(mean, common, k)
    mixture = _maximised(mean, variance, share, common, options)
    for _ in range(ITERATIONS if k > 1 else 0):
        found = _log_joint(mean, variance, mixture).softmax(dim=1)
        mixture = _maximised(mean, variance, found, common, options)
        if (found - share).abs().max() < TOLERANCE:
            break
        share = found
    return mixture


def _clusters(mean: Tensor, common: Tensor, k: int) -> Tensor:
    """Divide samples, seen where the common covariance is I, into `k` clusters: shares, ``(samples, components)``."""
    if k == 1:
        return mean.new_ones(len(mean), 1)
    from sklearn.cluster import KMeans

    whitened = torch.linalg.solve_triangular(torch.linalg.cholesky(common), mean.T, upper=False).T
    label = KMeans(k, n_init=KMEANS_STARTS, random_state=0).fit_predict(whitened.numpy())
    return torch.nn.functional.one_hot(torch.from_numpy(label).long(), k).to(mean)


def _maximised(mean: Tensor, variance: Tensor, share: Tensor, common: Tensor, options: MixtureOptions) -> Mixture:
    """Give the parameters under which the shares are likeliest, drawn towards what the components have in common."""
    size = share.sum(dim=0)
    centre = share.T @ mean / size.clamp_min(1e-9)[:, None]
    deviation = mean - centre[:, None]
    scatter = torch.einsum("nk,knl,knm->klm", share, deviation, deviation) + torch.diag_embed(share.T @ variance)
    n = len(mean)
    within = (scatter.sum(dim=0) + options.class_shrinkage * common) / (n + options.class_shrinkage)
    weighted = (size + options.shrinkage)[:, None, None]
    covariance = (scatter + options.shrinkage * within) / weighted
    covariance *= (1 + 2 / size.clamp_min(1))[:, None, None]
    return Mixture((size + 1) / (n + len(size)), centre, covariance)


def _log_joint(mean: Tensor, variance: Tensor, mixture: Mixture) -> Tensor:
    """Give the expected log-density of each sample with each component, ``(samples, components)``."""
    root = torch.linalg.cholesky(mixture.covariance)
    noise = torch.linalg.solve_triangular(root, (mean - mixture.mean[:, None]).mT, upper=False).mT
    log_volume = root.diagonal(dim1=1, dim2=2).log().sum(dim=1)
    spread = variance @ torch.cholesky_inverse(root).diagonal(dim1=1, dim2=2).T
    log_joint: Tensor = log_density_of_noise(noise).T - log_volume + mixture.weight.log() - 0.5 * spread
    return log_joint
