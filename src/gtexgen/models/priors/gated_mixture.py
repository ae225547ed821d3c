"""A Gaussian mixture whose weights depend on the condition, fitted by expectation maximisation."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.special import ndtr

from gtexgen.models.noise import standard_normal
from gtexgen.models.priors.base import log_density_of_noise, with_constant
from gtexgen.models.priors.refined_gaussian import Residual

__all__ = ["GatedMixture"]

MOST_ITERATIONS = 100
TOLERANCE = 1e-4  # nats a sample
LEAST_SHRINKAGE = 1e-3
SHAPE_SHRINKAGE = 5


class Components(NamedTuple):
    """The parameters of the mixture.

    Attributes
    ----------
    gate
        Weights of the softmax over the components, ``(1 + conditions, components)``.
    mean
        ``(components, latents)``.
    root
        Lower-triangular roots of the covariances, ``(components, latents, latents)``.
    """

    gate: Tensor
    mean: Tensor
    root: Tensor

    def log_weights(self, condition: Tensor) -> Tensor:
        """Give the log-weights of the components under each row of the condition, ``(batch, components)``."""
        return (with_constant(condition) @ self.gate).log_softmax(dim=1)

    def log_joint(self, values: Tensor, condition: Tensor) -> Tensor:
        """Give the log-density of each row with each component, ``(batch, components)``."""
        identity = torch.eye(values.shape[1], dtype=values.dtype, device=values.device)
        inverse = torch.linalg.solve_triangular(self.root, identity.expand_as(self.root), upper=False)
        log_volume = self.root.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        log_density = [
            log_density_of_noise((values - mean) @ whitening.T)
            for mean, whitening in zip(self.mean, inverse, strict=True)
        ]
        return torch.stack(log_density, dim=1) - log_volume + self.log_weights(condition)


class GatedMixture(Residual):
    r"""Full Gaussians that all conditions share, mixed in shares of each condition's own.

    .. math:: r(u \mid c) = \sum_k \pi_k(c)\, N(u; m_k, \Sigma_k), \quad \pi(c) = \mathrm{softmax}((1, c)^T V)

    The expectation-maximisation algorithm of Dempster, Laird and Rubin 1977 fits it, shrunk as if there were more
    samples than there are: L more of N(0, I) in the mean and the size of each component (L latents), and 5 L more in
    the shape of its covariance, which is drawn towards a sphere. The weights take one step of Böhning 1992 an
    iteration, towards the maximum of a likelihood that holds each condition near the common weights; for one-hot
    conditions this acts as pseudo-counts do.

    `push` draws a component; `pull` draws the one that gave the value, by its posterior probability.

    Parameters
    ----------
    n_latents, n_conditions
        Widths of the latent vector and of the encoded condition.
    n_components
        Number of Gaussians.
    shrinkage
        How strongly the weights of small classes are drawn towards the common ones.
    """

    gate: Tensor
    mean: Tensor
    root: Tensor

    def __init__(self, n_latents: int, n_conditions: int, n_components: int, shrinkage: float) -> None:
        super().__init__()
        self.shrinkage = max(shrinkage, LEAST_SHRINKAGE)
        self.register_buffer("gate", torch.zeros(n_conditions + 1, n_components))
        self.register_buffer("mean", torch.zeros(n_components, n_latents))
        self.register_buffer("root", torch.eye(n_latents).repeat(n_components, 1, 1))

    def log_prob(self, values: Tensor, condition: Tensor) -> Tensor:
        """Give the log-density of ``(batch, latents)``, ``(batch,)``."""
        return self._components.log_joint(values, condition).logsumexp(dim=1)

    def push(self, noise: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw a component for each row and bring the noise to it."""
        chosen = _choose(self._components.log_weights(condition), generator)
        return self.mean[chosen] + torch.einsum("bkl,bl->bk", self.root[chosen], noise)

    def pull(self, values: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw the component that gave each row, by its posterior probability, and whiten the row by it."""
        chosen = _choose(self._components.log_joint(values, condition), generator)
        shift = (values - self.mean[chosen])[..., None]
        noise: Tensor = torch.linalg.solve_triangular(self.root[chosen], shift, upper=False)[..., 0]
        return noise

    @torch.no_grad()
    def fit(self, draws: Tensor, condition: Tensor, generator: torch.Generator) -> None:
        """Fit to ``(draws, samples, latents)`` and ``(samples, conditions)``; see `Residual.fit`."""
        values = draws.flatten(0, 1).double()
        condition = condition.double().repeat(len(draws), 1)
        mean = _spread(values, len(self.mean), generator)
        root = torch.eye(mean.shape[1]).to(mean).repeat(len(mean), 1, 1)
        components = Components(torch.zeros_like(self.gate).double(), mean, root)
        reached = -math.inf
        for _ in range(MOST_ITERATIONS):
            log_joint = components.log_joint(values, condition)
            log_likelihood = log_joint.logsumexp(dim=1).mean().item()
            if log_likelihood - reached < TOLERANCE:
                break
            reached = log_likelihood
            share = log_joint.softmax(dim=1) / len(draws)
            gate = _step_of_gate(components.gate, condition, share, self.shrinkage)
            components = Components(gate, *_moments(values, share))
        for name, tensor in components._asdict().items():
            self.get_buffer(name).copy_(tensor)

    @property
    def _components(self) -> Components:
        return Components(self.gate, self.mean, self.root)


def _choose(log_weights: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw a column for each row of ``(rows, columns)`` log-weights, ``(rows,)``."""
    cumulative = log_weights.softmax(dim=1).cumsum(dim=1)
    share: Tensor = ndtr(standard_normal((len(log_weights), 1), like=log_weights, generator=generator))
    return (cumulative < share).sum(dim=1).clamp_max(log_weights.shape[1] - 1)


def _spread(values: Tensor, n_components: int, generator: torch.Generator) -> Tensor:
    """Pick the origin and values far from what is picked (k-means++, Arthur and Vassilvitskii 2007)."""
    picked: Tensor = torch.zeros_like(values[:1])
    for _ in range(n_components - 1):
        distance = torch.cdist(values, picked).amin(dim=1)
        picked = torch.cat([picked, values[_choose(2 * distance.log()[None], generator)]])
    return picked


def _step_of_gate(gate: Tensor, condition: Tensor, share: Tensor, shrinkage: float) -> Tensor:
    """Take one step towards the penalised multinomial regression of the components' shares on the condition."""
    features = with_constant(condition)
    weight = share.sum(dim=1, keepdim=True)
    penalty = torch.full_like(gate[:, :1], shrinkage)
    penalty[0] = 0
    gradient = features.T @ (share - weight * (features @ gate).softmax(dim=1)) - penalty * gate
    bound = 0.5 * features.T @ (weight * features) + penalty.diagflat()
    moved: Tensor = gate + torch.linalg.solve(bound, gradient)
    return moved


def _moments(values: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Give mean and root of each component, shrunk, from its share of each value."""
    n_latents = values.shape[1]
    n_samples = share.sum(dim=0)[:, None]
    identity = torch.eye(n_latents, dtype=values.dtype, device=values.device)
    mean = share.T @ values / (n_samples + n_latents)
    scatter = torch.stack([values.T @ (part[:, None] * values) for part in share.T])
    scatter = scatter - (n_samples + n_latents)[..., None] * mean[:, :, None] * mean[:, None]
    size = scatter.diagonal(dim1=1, dim2=2).mean(dim=1, keepdim=True)
    size = (size + n_latents) / (n_samples + n_latents)
    pseudo_samples = SHAPE_SHRINKAGE * n_latents
    covariance = (scatter + (pseudo_samples * size)[..., None] * identity) / (n_samples + pseudo_samples)[..., None]
    return mean, torch.linalg.cholesky(covariance)
