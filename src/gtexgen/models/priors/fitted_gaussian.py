"""A prior that is fitted, after training, to what the encoder made of the training samples."""

from __future__ import annotations

import torch
from torch import Tensor

from gtexgen.errors import ConfigError
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.base import with_constant
from gtexgen.models.priors.standard_normal import StandardNormal

__all__ = ["FittedGaussian"]

MEAN_RIDGE = 1e-3
LEAST_VARIANCE = 1e-4


class FittedGaussian(StandardNormal):
    r"""Trains as N(0, I), then draws from a full Gaussian fitted to the aggregate posterior of each condition.

    The aggregate posterior of a condition is far from N(0, I): the encoder tells conditions apart although it is told
    them. Its first two moments are linear in :math:`f = (1, c)`, the encoded condition with a constant:

    .. math:: m(c) = f^T W, \quad
        \Sigma(c) = \sum_j f_j S_j \approx \mathbb{E}[(\mu - m)(\mu - m)^T + \mathrm{diag}\,\sigma^2 \mid c]

    both by ridge regression over the training samples. For one-hot conditions these are the moments of each class.
    Ghosh et al. 2020, *From variational to deterministic autoencoders*, fit a density after training likewise.

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
    covariance_weight: Tensor

    def __init__(self, n_latents: int, n_conditions: int, shrinkage: float = 5.0) -> None:
        super().__init__(n_latents)
        if shrinkage < 0:
            raise ConfigError(f"prior.shrinkage must be 0 or more, not {shrinkage}")
        self.shrinkage = shrinkage
        covariance = torch.zeros(n_conditions + 1, n_latents, n_latents)
        covariance[0] = torch.eye(n_latents)
        self.register_buffer("mean_weight", torch.zeros(n_conditions + 1, n_latents))
        self.register_buffer("covariance_weight", covariance)

    @torch.no_grad()
    def fit(self, posterior: Posterior, condition: Tensor) -> None:
        """Fit the moments to ``(samples, latents)`` posteriors and their ``(samples, conditions)``."""
        mean, variance = posterior.mean.double(), posterior.log_variance.double().exp()
        features = with_constant(condition.double())
        weight = _ridge(features, features.T @ mean, MEAN_RIDGE)
        residual = mean - features @ weight
        products = [residual.T @ (f[:, None] * residual) + torch.diag(f @ variance) for f in features.T]
        moments = torch.stack(products).flatten(start_dim=1)
        covariance = _ridge(features, moments, self.shrinkage).unflatten(1, 2 * (self.n_latents,))
        self.mean_weight.copy_(weight)
        self.covariance_weight.copy_(covariance)

    def moments(self, condition: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give the mean of each row of the condition and the square root of its covariance.

        Returns
        -------
        mean
            ``(batch, latents)``.
        variances, axes
            The eigenvalues of the covariance, ``(batch, latents)``, and its eigenvectors in columns, ``(batch, latents,
            latents)``.
        """
        features = with_constant(condition)
        distinct, which = features.unique(dim=0, return_inverse=True)
        covariance = torch.einsum("bf,fkl->bkl", distinct, self.covariance_weight)
        variances, axes = torch.linalg.eigh(covariance)
        return features @ self.mean_weight, variances.clamp_min(LEAST_VARIANCE)[which], axes[which]

    def push(self, noise: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Bring the noise to the Gaussian of each row's condition, by the symmetric root of its covariance."""
        mean, variances, axes = self.moments(condition)
        return mean + _stretch(noise, variances.sqrt(), axes)

    def pull(self, latent: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Whiten the latents by the Gaussian of each row's condition."""
        mean, variances, axes = self.moments(condition)
        return _stretch(latent - mean, variances.rsqrt(), axes)


def _stretch(values: Tensor, factors: Tensor, axes: Tensor) -> Tensor:
    """Multiply ``(batch, latents)`` along the axes of each row."""
    along = torch.einsum("bl,blk->bk", values, axes)
    stretched: Tensor = torch.einsum("bk,blk->bl", factors * along, axes)
    return stretched


def _ridge(features: Tensor, moments: Tensor, strength: float) -> Tensor:
    """Solve the normal equations with every weight but the constant's held towards 0."""
    penalty = torch.full((features.shape[1],), max(strength, MEAN_RIDGE), dtype=features.dtype, device=features.device)
    penalty[0] = 0
    solution: Tensor = torch.linalg.solve(features.T @ features + torch.diag(penalty), moments)
    return solution
