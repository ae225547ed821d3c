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
from gtexgen.generator.donor_latents import fit_latents
from gtexgen.generator.donor_pairs import Clique, Pairs, Regression, shrunk
from gtexgen.generator.donors import DonorModel, Donors, pull_noise
from gtexgen.generator.tally import DonorTally, tissue_column
from gtexgen.models.networks import Networks
from gtexgen.models.priors.base import with_constant

__all__ = ["fit_donor_model", "fit_donors"]

LARGEST_GENE = 0.99
ROWS = 256


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
    genes, means, residuals = Regression(), Regression(), Regression()
    for block in _blocks(networks, part, donor, seed):
        features = with_constant(block.condition)
        genes.add(features, block.genes)
        means.add(features, block.mean)
        residuals.add(features, block.expression - block.mean)
        latents.append(block.latents)
    pairs, condition = Pairs(donor[donor >= 0]), part.condition[donor >= 0]
    model = DonorModel(latents[0].shape[1], block.mean.shape[1], condition.shape[1])
    fit_latents(model, networks, torch.cat(latents), condition, pairs, seed=seed)
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


def _fit_genes(model: DonorModel, blocks: Iterator[_Block], pairs: Pairs, centre: Tensor, unit: Tensor) -> None:
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
    of_noise, of_caught = Clique.of(torch.ones_like(alike), alike), Clique.of(variance, covariance)
    correlation = shrunk(alike, 2 * pairs.chance(of_noise, of_noise), towards=alike.mean())
    correlation += 2 * shrunk(caught_alike, pairs.chance(of_noise, of_caught), towards=caught_alike.mean())
    model.gene_correlation.copy_((pairs.trust * correlation).clamp(0, LARGEST_GENE))
