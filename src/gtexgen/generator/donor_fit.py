r"""How the correlation between the samples of one donor is estimated, after training and from training donors.

A donor counts with one sample of each tissue, chosen at random where there are several. With :math:`m` of them its
pairs weigh :math:`2 / m` each, hence as much together as the :math:`m - 1` edges of a tree that spans them:

.. math:: \mathrm{Cov}(a, b) = \frac{\sum_d \frac{1}{m_d} \sum_{i \neq j} a_i b_j}{\sum_d (m_d - 1)}

Latents: :math:`R = \mathrm{Cov}(u, u)` of draws from the posteriors, pulled back to noise. Draws, since these have the
distribution that new noise has, also under a prior that is not linear; the means of the posteriors have less. A donor
who is far out in one tissue is so in others, more than normal noise with this R has it: R is raised by the ratio of
how much the decoded means of one donor's samples correlate to how much they do where their noise is drawn with R.

Genes: what the latents miss of a donor's effect on a gene goes with what they catch of it. So
:math:`\rho = \mathrm{Cov}(\epsilon, \epsilon) + 2 \, \mathrm{Cov}(v, \epsilon)`, with :math:`\epsilon` the noise that
the likelihood finds and :math:`v` the decoded mean in units of that noise. Gene by gene, the samples of one donor are
then as much alike as real ones: under a Gaussian likelihood the latents' share and :math:`\rho` add up to the
covariance of the expression itself.

Estimates of one kind are drawn towards a common value by the share of their spread that is chance, as cliques of their
mean correlation would have it: the diagonal of R and both parts of :math:`\rho` towards their means (James and Stein
1961), the rest of R towards 0 (Schäfer and Strimmer 2005). All is then multiplied by :math:`D / (D + 2)` for D donors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gtexgen.data.training_part import SamplePart
from gtexgen.generator.donors import DonorModel, Donors, pull_noise
from gtexgen.generator.tally import DonorTally, tissue_column
from gtexgen.models.networks import Networks
from gtexgen.models.priors.base import with_constant
from gtexgen.models.ridge import ridge_weights

__all__ = ["fit_donor_model", "fit_donors"]

LARGEST_LATENT = 0.999
LARGEST_GENE = 0.99
RIDGE = 1.0  # as if one sample more of each condition lay in the centre of all
STRANGERS = 2.0  # as if so many donors more shared nothing
LEAST_DEVIATION = 1e-6
ROWS = 1024
REDRAWS = 2
RISES = 2
LARGEST_RISE = 2.0


def fit_donors(networks: Networks, part: SamplePart, fields: Sequence[str], *, seed: int = 0) -> Donors | None:
    """Learn what the samples of one donor share, and who the donors are.

    Parameters
    ----------
    networks
        As they are to be used: in evaluation mode, with a fitted prior, on the CPU.
    part
        Training samples.
    fields
        The condition columns, in their order.
    seed
        Of the choice of samples and of the draws from their posteriors.

    Returns
    -------
    Donors or None
        None where the condition tells no tissues apart, or fewer than two donors gave two of them.
    """
    column = tissue_column(fields)
    if column is None:
        return None
    donor = _donors_with_pairs(part.samples, column, seed)
    if donor.max() < 1:
        return None
    return Donors(fit_donor_model(networks, part, donor, seed=seed), DonorTally.of(part.samples, fields))


def _donors_with_pairs(samples: pd.DataFrame, column: str, seed: int) -> Tensor:
    """Give each sample the number of its donor, or -1: to lone samples, and to all but one of a donor's tissue."""
    shuffled = samples.reset_index(drop=True).sample(frac=1, random_state=seed)
    chosen = shuffled.drop_duplicates(["donor_id", column])
    chosen = chosen[chosen["donor_id"].duplicated(keep=False)]
    donor = np.full(len(samples), -1)
    donor[chosen.index], _ = pd.factorize(chosen["donor_id"])
    return torch.from_numpy(donor)


@torch.no_grad()
def fit_donor_model(networks: Networks, part: SamplePart, donor: Tensor, *, seed: int = 0) -> DonorModel:
    """Estimate what the samples of one donor share.

    The part is read twice; what is held in memory is the latents, and two numbers for each donor and gene.

    Parameters
    ----------
    networks
        As they are to be used: in evaluation mode, with a fitted prior, on the CPU.
    part
        Training samples.
    donor
        The number of each sample's donor, counted from 0 in random order, and -1 for a sample that is to be left out,
        ``(samples,)``. Each of the donors, two at least, has two samples or more.
    seed
        Of the draws from the posteriors.
    """
    latents: list[Tensor] = []
    genes, means, residuals = _Regression(), _Regression(), _Regression()
    for block in _blocks(networks, part, donor, seed):
        features = with_constant(block.condition)
        genes.add(features, block.genes)
        means.add(features, block.mean)
        residuals.add(features, block.expression - block.mean)
        latents.append(block.latents)
    pairs, condition = _Pairs(donor[donor >= 0]), part.condition[donor >= 0]
    model = DonorModel(latents[0].shape[1], block.mean.shape[1], condition.shape[1])
    _fit_latents(model, networks, torch.cat(latents), condition, pairs, seed=seed)
    model.gene_scale.set(*genes.solve())
    centre, unit = means.solve()[0].float(), residuals.solve()[1].float()
    _fit_genes(model, _blocks(networks, part, donor, seed), pairs, centre, unit)
    return model


class _Block(NamedTuple):
    """Samples, the noise behind them at a draw from their posteriors, and what that draw decodes to."""

    expression: Tensor
    condition: Tensor
    donor: Tensor
    latents: Tensor
    genes: Tensor
    mean: Tensor


def _blocks(networks: Networks, part: SamplePart, donor: Tensor, seed: int) -> Iterator[_Block]:
    """Give the samples that count, a few at a time; the draws are the same each time."""
    generator = torch.Generator().manual_seed(seed)
    start = 0
    for samples in chain.from_iterable(block.split(ROWS) for block in part.blocks()):
        rows = torch.arange(start, start + len(samples))
        start += len(samples)
        kept = donor[rows] >= 0
        if kept.any():
            expression, condition = samples[kept], part.condition[rows[kept]]
            noise = pull_noise(networks, expression, condition, generator)
            yield _Block(expression, condition, donor[rows[kept]], *noise)


class _Regression:
    """Regresses values on features, both added block by block; all weights but the constant's are held towards 0."""

    def __init__(self) -> None:
        self._sums: tuple[Tensor, ...] = ()
        self._n_samples = 0

    def add(self, features: Tensor, values: Tensor) -> None:
        """Add ``(samples, features)`` and ``(samples, width)``."""
        features, values = features.double(), values.double()
        sums = (features.T @ features, features.T @ values, values.square().sum(dim=0))
        self._sums = tuple(map(torch.add, self._sums, sums)) if self._sums else sums
        self._n_samples += len(values)

    def solve(self) -> tuple[Tensor, Tensor]:
        """Give the weights, ``(features, width)``, and the standard deviation of what they leave, ``(width,)``."""
        gram, moments, squares = self._sums
        weight = ridge_weights(gram, moments, RIDGE)
        variance = (squares + (weight * (gram @ weight - 2 * moments)).sum(dim=0)) / self._n_samples
        return weight, variance.clamp_min(0).sqrt().clamp_min(LEAST_DEVIATION)


class _Clique(NamedTuple):
    """The variance of a donor's samples, and their covariance."""

    variance: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, variances: Tensor, covariances: Tensor) -> _Clique:
        """Give the mean clique of several, the samples of none of which repel each other."""
        return cls(variances.mean(), covariances.mean().clamp_min(0))


class _Pairs:
    """The pairs of samples of one donor.

    Parameters
    ----------
    donor
        The number of each sample's donor, ``(samples,)``.
    """

    def __init__(self, donor: Tensor) -> None:
        self.donor = donor
        self.sizes = torch.bincount(donor)
        self.weight = float((self.sizes - 1).sum())
        self.trust = len(self.sizes) / (len(self.sizes) + STRANGERS)

    def mean_product(self, totals_a: Tensor, totals_b: Tensor, own: Tensor) -> Tensor:
        """Average the products over pairs, ``(width,)``.

        Parameters
        ----------
        totals_a, totals_b
            Sums over the samples of each donor, ``(donors, width)``.
        own
            The sum over samples of their product with themselves, each over the size of its donor, ``(width,)``.
        """
        products = (totals_a * totals_b / self.sizes[:, None]).sum(dim=0, dtype=torch.float64)
        return (products - own) / self.weight

    def chance(self, a: _Clique, b: _Clique) -> Tensor:
        r"""Give the sampling variance of the mean product of two Gaussian cliques that are independent of each other.

        The sum over pairs is :math:`(m - 1) \bar a \bar b - \sum_k a_k b_k` in m orthonormal contrasts of a donor's
        samples: the mean, of variance :math:`v + (m - 1) c`, and m - 1 others, of variance :math:`v - c`.
        """
        m = self.sizes.double()
        of_means = (m - 1).square() * (a.variance + (m - 1) * a.covariance) * (b.variance + (m - 1) * b.covariance)
        of_others = (m - 1) * (a.variance - a.covariance) * (b.variance - b.covariance)
        return ((of_means + of_others) / m.square()).sum() / self.weight**2


def _fit_latents(
    model: DonorModel, networks: Networks, noise: Tensor, condition: Tensor, pairs: _Pairs, *, seed: int
) -> None:
    """Fit R, shrunk, raised, and cut to 0 or more and below 1."""
    regression = _Regression()
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
    pairs: _Pairs,
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


def _shrunk_matrix(estimate: Tensor, pairs: _Pairs) -> Tensor:
    """Draw the diagonal of R towards its mean, and the rest towards 0."""
    diagonal = estimate.diagonal()
    clique = _Clique.of(torch.ones_like(diagonal), diagonal)
    chance = pairs.chance(clique, clique)
    off = ~torch.eye(len(estimate), dtype=torch.bool)
    shrunk = estimate.diagonal_scatter(_shrunk(diagonal, 2 * chance, towards=diagonal.mean()))
    shrunk[off] = _shrunk(estimate[off], chance, towards=estimate.new_zeros(()))
    return shrunk


def _likeness(networks: Networks, noise: Tensor, condition: Tensor, pairs: _Pairs) -> float:
    """Give how much the means that noise decodes to correlate within donors, beyond the condition, over all genes."""
    latent = torch.cat(
        [networks.prior.push(*some) for some in zip(noise.split(ROWS), condition.split(ROWS), strict=True)]
    )

    def decoded() -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for rows in torch.arange(len(latent)).split(ROWS):
            mean = networks.likelihood.mean(networks.decode(latent[rows], condition[rows]))
            yield mean, with_constant(condition[rows]), pairs.donor[rows]

    regression = _Regression()
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


def _fit_genes(model: DonorModel, blocks: Iterator[_Block], pairs: _Pairs, centre: Tensor, unit: Tensor) -> None:
    """Fit rho, shrunk and cut to 0 or more and below 1.

    Parameters
    ----------
    centre, unit
        What the decoded mean is on average, ``(features, genes)``, and the deviation of what it leaves, ``(genes,)``.
    """
    noise_totals, caught_totals = torch.zeros(2, len(pairs.sizes), len(unit))
    own = torch.zeros(3, len(unit), dtype=torch.float64)
    variance = torch.zeros(len(unit), dtype=torch.float64)
    for block in blocks:
        noise = model.gene_scale(block.genes, block.condition)
        caught = (block.mean - with_constant(block.condition) @ centre) / unit
        noise_totals.index_add_(0, block.donor, noise)
        caught_totals.index_add_(0, block.donor, caught)
        products = torch.stack([noise * noise, noise * caught, caught * caught]).double()
        own += (products / pairs.sizes[block.donor, None]).sum(dim=1)
        variance += products[2].sum(dim=0) / len(pairs.donor)
    alike = pairs.mean_product(noise_totals, noise_totals, own[0])
    caught_alike = pairs.mean_product(noise_totals, caught_totals, own[1])
    covariance = pairs.mean_product(caught_totals, caught_totals, own[2])
    of_noise, of_caught = _Clique.of(torch.ones_like(alike), alike), _Clique.of(variance, covariance)
    correlation = _shrunk(alike, 2 * pairs.chance(of_noise, of_noise), towards=alike.mean())
    correlation += 2 * _shrunk(caught_alike, pairs.chance(of_noise, of_caught), towards=caught_alike.mean())
    model.gene_correlation.copy_((pairs.trust * correlation).clamp(0, LARGEST_GENE))


def _shrunk(estimates: Tensor, chance: Tensor, *, towards: Tensor) -> Tensor:
    """Draw estimates of the same kind towards a value, by the share of their spread about it that is chance."""
    spread = (estimates - towards).square().mean().clamp_min(torch.finfo(estimates.dtype).tiny)
    return towards + (1 - chance / spread).clamp(0, 1) * (estimates - towards)
