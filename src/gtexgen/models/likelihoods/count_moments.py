"""What the counts of a training part say before training: on libraries, and on each gene."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from gtexgen.errors import DataError
from gtexgen.models.priors.base import with_constant
from gtexgen.models.ridge import ridge_weights

if TYPE_CHECKING:
    from gtexgen.data.training_part import TrainingPart

__all__ = ["GeneMoments", "LibraryMoments", "at_library", "gene_moments", "library_moments", "library_size"]

RIDGE = 1.0
CONSTANT = 1e-6
SMALLEST_EXCESS = 1e-30
INVERSE_DISPERSIONS = (0.1, 100.0)


class LibraryMoments(NamedTuple):
    r"""The log-normal distribution of library sizes given the condition.

    Attributes
    ----------
    weight
        What the mean of :math:`\log \ell` is made of, the constant first, ``(conditions + 1,)``.
    scale
        The standard deviation of :math:`\log \ell` around it, ``()``.
    median
        Of the libraries themselves, ``()``.
    """

    weight: Tensor
    scale: Tensor
    median: Tensor


class GeneMoments(NamedTuple):
    r"""Moments of each gene, all ``(genes,)``.

    Attributes
    ----------
    log_mean, log_scale
        Mean and standard deviation of :math:`\log(1 + x)`, where x are the counts at the median library. The deviation
        of a gene that does not vary is 1.
    share
        The mean share of the library, above 0 for a gene without a single read too.
    inverse_dispersion
        :math:`\theta`, kept from 0.1 to 100, of the shares :math:`y = x / \ell` about what a linear function of the
        encoded condition gives, :math:`\hat y`: it solves
        :math:`\sum (y - \hat y)^2 = \sum \hat y / \ell + \hat y^2 / \theta`, the sums over samples.
    """

    log_mean: Tensor
    log_scale: Tensor
    share: Tensor
    inverse_dispersion: Tensor


def library_size(counts: Tensor) -> Tensor:
    """Give the reads of each sample, ``(samples, genes)`` to ``(samples, 1)``; 1 where there is none."""
    return counts.sum(dim=-1, keepdim=True).clamp_min(1)


def at_library(counts: Tensor, library: Tensor) -> Tensor:
    """Give log(1 + x) of ``(samples, genes)`` counts as they would be in a library of another size."""
    return torch.log1p(counts * (library / library_size(counts)))


def library_moments(part: TrainingPart) -> LibraryMoments:
    """Fit the libraries by ridge regression, as if one sample more had each feature of the condition and the mean.

    Raises
    ------
    DataError
        A value is not a whole number.
    """
    library = torch.cat([library_size(_whole(block)) for block in part.blocks()])
    features, logarithm = with_constant(part.condition.double()), library.double().log()
    weight = ridge_weights(features.T @ features, features.T @ logarithm, RIDGE)
    scale = (logarithm - features @ weight).square().mean().sqrt()
    return LibraryMoments(weight.squeeze(1), scale, library.median())


def gene_moments(part: TrainingPart, median_library: Tensor) -> GeneMoments:
    """Gather the moments of each gene, block by block."""
    features, n_genes = with_constant(part.condition.double()), len(part.zero)
    logs, log_squares, share_squares = torch.zeros(3, n_genes, dtype=torch.float64)
    shares = torch.zeros(features.shape[1], n_genes, dtype=torch.float64)
    inverse_library = torch.zeros(features.shape[1], dtype=torch.float64)
    start = 0
    for block in part.blocks():
        rows, library = features[start : start + len(block)], library_size(block).double()
        start += len(block)
        log_counts, share = at_library(block, median_library).double(), block.double() / library
        logs += log_counts.sum(dim=0)
        log_squares += log_counts.square().sum(dim=0)
        share_squares += share.square().sum(dim=0)
        shares += rows.T @ share
        inverse_library += (rows / library).sum(dim=0)
    n, gram = len(features), features.T @ features
    log_scale = (log_squares / n - (logs / n).square()).clamp_min(0).sqrt()
    weight = ridge_weights(gram, shares, RIDGE)
    fitted_squares = (weight * (gram @ weight)).sum(dim=0)
    residual_squares = share_squares - 2 * (weight * shares).sum(dim=0) + fitted_squares
    beyond_poisson = (residual_squares - inverse_library @ weight).clamp_min(SMALLEST_EXCESS)
    return GeneMoments(
        log_mean=logs / n,
        log_scale=torch.where(log_scale > CONSTANT, log_scale, 1),
        share=(shares[0] + 1 / median_library) / n,
        inverse_dispersion=(fitted_squares / beyond_poisson).clamp(*INVERSE_DISPERSIONS),
    )


def _whole(block: Tensor) -> Tensor:
    """Give the block back where it holds whole numbers only."""
    fractions = block[block != block.round()]
    if len(fractions):
        raise DataError(
            f"the training samples hold {fractions[0]:g}, which is not a count",
            remedy="round the expression before gtexgen-prepare, or take likelihood=gaussian scaling=log_standard",
        )
    return block
