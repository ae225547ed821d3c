"""How the correlation between the latents of one donor's samples is estimated; see `gtexgen.generator.donor_fit`."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gtexgen.generator.donor_pairs import LEAST_DEVIATION, Clique, Pairs, Regression, shrunk
from gtexgen.generator.donors import DonorModel
from gtexgen.models.networks import Networks
from gtexgen.models.priors.base import with_constant

__all__ = ["LARGEST_LATENT", "fit_latents"]

LARGEST_LATENT = 0.999
LARGEST_RISE = 2.0
RISES = 2
REDRAWS = 2
ROWS = 1024


def fit_latents(
    model: DonorModel, networks: Networks, noise: Tensor, condition: Tensor, pairs: Pairs, *, seed: int
) -> None:
    """Fit R, shrunk, raised, and cut to 0 or more and below 1."""
    regression = Regression()
    regression.add(with_constant(condition), noise)
    model.latent_scale.set(*regression.solve())
    values = model.latent_scale(noise, condition)
    totals = values.new_zeros(len(pairs.sizes), values.shape[1]).index_add_(0, pairs.donor, values).double()
    own = values.double().T @ (values.double() / pairs.sizes[pairs.donor, None])
    estimate = (totals.T @ (totals / pairs.sizes[:, None]) - own) / pairs.weight
    rise = _rise(model, networks, values, condition, pairs, estimate=estimate, seed=seed)
    _set_latents(model, rise * pairs.trust * _shrunk_matrix(estimate, pairs))


def _rise(
    model: DonorModel,
    networks: Networks,
    noise: Tensor,
    condition: Tensor,
    pairs: Pairs,
    *,
    estimate: Tensor,
    seed: int,
) -> float:
    """Find the factor by which R makes the decoded means of redrawn samples as much alike as those of the real ones."""
    generator = torch.Generator().manual_seed(seed)
    nothing = model.nothing_known(len(pairs.sizes))
    wanted, rise = _likeness(networks, noise, condition, pairs), 1.0
    for _ in range(RISES):
        _set_latents(model, rise * estimate)
        redrawn = [model.latent_noise(pairs.donor, nothing, generator) for _ in range(REDRAWS)]
        given = sum(_likeness(networks, each, condition, pairs) for each in redrawn) / REDRAWS
        rise = min(max(rise * wanted / max(given, LEAST_DEVIATION), 1.0), LARGEST_RISE)
    return rise


def _set_latents(model: DonorModel, covariance: Tensor) -> None:
    """Set R, cut to 0 or more and below 1."""
    correlation, axes = torch.linalg.eigh(covariance)
    model.latent_correlation.copy_(correlation.clamp(0, LARGEST_LATENT))
    model.latent_axes.copy_(axes)


def _shrunk_matrix(estimate: Tensor, pairs: Pairs) -> Tensor:
    """Draw the diagonal of R towards its mean, and the rest towards 0."""
    diagonal = estimate.diagonal()
    clique = Clique.of(torch.ones_like(diagonal), diagonal)
    chance = pairs.chance(clique, clique)
    off = ~torch.eye(len(estimate), dtype=torch.bool)
    matrix = estimate.diagonal_scatter(shrunk(diagonal, 2 * chance, towards=diagonal.mean()))
    matrix[off] = shrunk(estimate[off], chance, towards=estimate.new_zeros(()))
    return matrix


def _likeness(networks: Networks, noise: Tensor, condition: Tensor, pairs: Pairs) -> float:
    """Give how much the means that noise decodes to correlate within donors, beyond the condition, over all genes."""
    latent = torch.cat(
        [networks.prior.push(*some) for some in zip(noise.split(ROWS), condition.split(ROWS), strict=True)]
    )

    def decoded() -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for rows in torch.arange(len(latent)).split(ROWS):
            mean = networks.likelihood.mean(networks.decode(latent[rows], condition[rows]))
            yield mean, with_constant(condition[rows]), pairs.donor[rows]

    regression = Regression()
    for mean, features, _ in decoded():
        regression.add(features, mean)
    centre, deviation = (each.float() for each in regression.solve())
    totals = torch.zeros(len(pairs.sizes), len(deviation))
    own = torch.zeros(len(deviation), dtype=torch.float64)
    for mean, features, donor in decoded():
        caught = (mean - features @ centre) / deviation
        totals.index_add_(0, donor, caught)
        own += (caught.square() / pairs.sizes[donor, None]).double().sum(dim=0)
    return float(pairs.mean_product(totals, totals, own).mean())
