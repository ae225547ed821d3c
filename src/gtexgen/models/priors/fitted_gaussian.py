"""A prior that is fitted, after training, to what the encoder made of the training samples."""

from __future__ import annotations

import torch
from torch import Tensor

from gtexgen.errors import ConfigError
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.base import with_constant
from gtexgen.models.priors.standard_normal import StandardNormal
from gtexgen.models.ridge import ridge_weights

__all__ = ["FittedGaussian"]

MEAN_RIDGE = 1e-3
LEAST_SHRINKAGE = 1e-3
LEAST_VARIANCE = 1e-4


class FittedGaussian(StandardNormal):
    r"""Trains as N(0, I), then draws from a full Gaussian fitted to the aggregate posterior of each condition.

    The aggregate posterior of a condition is far from N(0, I): the encoder tells conditions apart although it is told
    them. Its mean is linear in the encoded condition and so is the logarithm of its covariance, seen where the common
    covariance :math:`S = R^2` is I:

    .. math:: m(c) = (1, c)^T W, \quad \Sigma(c) = R \exp\Big(\sum_j c_j A_j\Big) R

    :math:`W` is found by ridge regression over the training samples. :math:`A_j` is the logarithm of the covariance
    of the samples that have feature :math:`j`, each a Gaussian with its own variance, shrunk twice: the covariance as
    if more samples had the common one, the logarithm by the factor of James and Stein 1961, which leaves little of a
    deviation that sampling alone explains. So one-hot conditions have moments of their own, several conditions
    multiply, and no combination of them fails to be a covariance.

    The matrix-logarithmic model is that of Chiu, Leonard and Tsui 1996; Ghosh et al. 2020, *From variational to
    deterministic autoencoders*, fit a density after training likewise.

    Parameters
    ----------
    n_latents
        Width of the latent vector.
    n_conditions
        Width of the encoded condition; with 0 one Gaussian is fitted to all samples.
    shrinkage
        Covariances of small classes are drawn towards the common one, as if this many samples more had it.

    Raises
    ------
    ConfigError
        Where `shrinkage` is below 0.
    """

    mean_weight: Tensor
    root: Tensor
    inverse_root: Tensor
    log_deviation: Tensor

    def __init__(self, n_latents: int, n_conditions: int, shrinkage: float = 1.0) -> None:
        super().__init__(n_latents)
        if shrinkage < 0:
            raise ConfigError(f"prior.shrinkage must be 0 or more, not {shrinkage}")
        self.shrinkage = shrinkage
        self.register_buffer("mean_weight", torch.zeros(n_conditions + 1, n_latents))
        self.register_buffer("root", torch.eye(n_latents))
        self.register_buffer("inverse_root", torch.eye(n_latents))
        self.register_buffer("log_deviation", torch.zeros(n_conditions, n_latents, n_latents))

    @torch.no_grad()
    def fit(self, posterior: Posterior, condition: Tensor) -> None:
        """Fit the moments to ``(samples, latents)`` posteriors and their ``(samples, conditions)``."""
        mean, variance = posterior.mean.double(), posterior.log_variance.double().exp()
        features = with_constant(condition.double())
        weight = ridge_weights(features.T @ features, features.T @ mean, MEAN_RIDGE)
        residual = mean - features @ weight
        scatter = torch.stack([residual.T @ (f[:, None] * residual) + torch.diag(f @ variance) for f in features.T])
        n_samples = features.sum(dim=0)
        variances, axes = torch.linalg.eigh(scatter[0] / n_samples[0])
        scale = variances.clamp_min(LEAST_VARIANCE).sqrt()
        inverse_root = (axes / scale) @ axes.T
        self.mean_weight.copy_(weight)
        self.root.copy_((axes * scale) @ axes.T)
        self.inverse_root.copy_(inverse_root)
        whitened = inverse_root @ scatter[1:] @ inverse_root
        self.log_deviation.copy_(_shrunk_logarithm(whitened, n_samples[1:], max(self.shrinkage, LEAST_SHRINKAGE)))

    def log_prob(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Give the log-density of each row's Gaussian, ``(batch,)``."""
        return super().log_prob(self._whiten(latent, condition), condition) - self._log_volume(condition)

    def push(self, noise: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Bring the noise to the Gaussian of each row's condition."""
        return torch.addmm(self._mean(condition), self._stretch(noise, condition, 0.5), self.root)

    def pull(self, latent: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Whiten the latents by the Gaussian of each row's condition."""
        return self._whiten(latent, condition)

    def _whiten(self, latent: Tensor, condition: Tensor) -> Tensor:
        return self._stretch((latent - self._mean(condition)) @ self.inverse_root, condition, -0.5)

    def _log_volume(self, condition: Tensor) -> Tensor:
        """Give half the log-determinant of each row's covariance, ``(batch,)``."""
        common: Tensor = torch.linalg.slogdet(self.root).logabsdet
        return common + 0.5 * torch.einsum("bf,fkk->b", condition, self.log_deviation)

    def _mean(self, condition: Tensor) -> Tensor:
        return with_constant(condition) @ self.mean_weight

    def _stretch(self, values: Tensor, condition: Tensor, power: float) -> Tensor:
        """Multiply ``(batch, latents)`` by a power of the deviation from the common covariance, row by row."""
        distinct, which = with_constant(condition).unique(dim=0, return_inverse=True)
        logarithm = torch.einsum("bf,fkl->bkl", distinct[:, 1:], self.log_deviation)
        exponents, axes = torch.linalg.eigh(logarithm)
        factors = (axes * torch.exp(power * exponents)[:, None]) @ axes.mT
        stretched: Tensor = torch.einsum("bk,bkl->bl", values, factors[which])
        return stretched


def _shrunk_logarithm(scatter: Tensor, n_samples: Tensor, shrinkage: float) -> Tensor:
    """Give the log-covariances of classes whose common covariance is I, from their scatter matrices."""
    n_latents = scatter.shape[-1]
    identity = torch.eye(n_latents, dtype=scatter.dtype, device=scatter.device)
    weight = n_samples[:, None, None] + shrinkage
    variances, axes = torch.linalg.eigh((scatter + shrinkage * identity) / weight)
    logarithm = (axes * variances.clamp_min(LEAST_VARIANCE).log()[:, None]) @ axes.mT
    by_chance = n_latents * (n_latents + 1) / weight
    found = logarithm.square().sum(dim=(1, 2), keepdim=True)
    shrunk: Tensor = (1 - by_chance / torch.maximum(found, by_chance)) * logarithm
    return shrunk
