"""Noise that genes share, found in what training left unexplained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
from torch import Tensor, nn

from gtexgen.models.gene_groups import Blocks, GeneGroups
from gtexgen.models.noise import standard_normal

__all__ = ["ResidualFactors", "default_factors"]

LARGEST_LOADINGS = 2**25
"""Numbers, which take 128 MiB."""

LARGEST_SHARE = 0.995
"""Some of each gene's noise stays its own."""

ENOUGH_HELD_OUT = 1000
"""Samples held out, fold after fold, beyond which more folds would sharpen the variances little."""

PASSES = 4
MORE_AXES = 10
SEED = 0x7265_7369
LEAST_DEVIATION = 1e-6

ChosenBlocks: TypeAlias = Callable[[Tensor], Iterator[Tensor]]
"""Gives the noise of chosen samples along all axes, block by block."""


def default_factors(n_genes: int) -> int:
    """Give as many factors as there are genes, or as 128 MiB hold."""
    return min(n_genes, max(1, LARGEST_LOADINGS // n_genes))


class ResidualFactors(nn.Module):
    r"""Normal noise of every gene, as spread and as correlated across genes as the residuals of training are.

    .. math::
        u_g = A_g f + \sqrt{1 - \textstyle\sum_k A_{gk}^2} \; n_g, \qquad \epsilon_g = d_g \textstyle\sum_h W_{gh} u_h

    with :math:`f` and :math:`n` standard normal, :math:`A` ``(genes, factors)`` and :math:`d_g` the standard deviation
    of the residuals in units of the likelihood's scale, at most 1: it is below where dropout made the networks err in
    training as they do not afterwards. The networks' few latents leave many weaker ways in which genes go together;
    without them samples lie too close to what the latents decode to. :math:`W` is the identity but for small groups
    of tightly correlated genes, and keeps these as close as they are (`gtexgen.models.gene_groups`).

    The eigenvalues of the correlation of a few thousand samples mislead: by chance the large are too large and the
    small too small. So the variance :math:`v_k` along the k-th eigenvector :math:`q_k` is measured on samples without
    which an eigenvector was found (Bartz 2016, "Cross-validation based nonlinear shrinkage", arXiv 1611.00798), and
    what is known of single training samples does not become a factor:

    .. math:: A_{\cdot k} = \sqrt{v_k - v_0} \; q_k

    with :math:`v_0` the variance along each axis that is not kept, or else the smallest :math:`v_k`.

    Parameters
    ----------
    n_genes
        Number of genes.
    most
        The most factors that are kept; there are never more than genes.
    """

    loadings: Tensor
    deviation: Tensor

    def __init__(self, n_genes: int, most: int) -> None:
        super().__init__()
        self.groups = GeneGroups(n_genes)
        self.register_buffer("loadings", torch.zeros(n_genes, min(most, n_genes)))
        self.register_buffer("deviation", torch.ones(n_genes))

    @torch.no_grad()
    def fit(self, blocks: Blocks, fold: Tensor, n_donors: int) -> None:
        """Find the factors.

        Parameters
        ----------
        blocks
            Gives the noise behind the training samples in blocks of rows, each ``(some samples, genes)``, the same at
            each call. It is called several times, and no more than a block is held.
        fold
            A number for each sample, ``(samples,)``: those that are held out together, as a donor's have to be.
        n_donors
            How many donors the samples are of.
        """
        mean, deviation = _moments(blocks)
        unit = torch.where(deviation > LEAST_DEVIATION, deviation, torch.inf)
        self.loadings.zero_()
        self.deviation.copy_(deviation.clamp_max(1))
        self.groups.reset()
        if not unit.isfinite().any() or _n_found_in(fold) < 1:
            return

        def standardised() -> Iterator[Tensor]:
            return ((block - mean) / unit for block in blocks())

        inverse = self.groups.fit(standardised, fold, n_donors)

        def along_axes(chosen: Tensor) -> Iterator[Tensor]:
            start = 0
            for block in standardised():
                yield self.groups.combine(block[chosen[start : start + len(block)]], inverse)
                start += len(block)

        noisy = unit.isfinite() & inverse.any(dim=1)
        self._fit_loadings(along_axes, fold, int(noisy.sum()))
        self.groups.standardise(self.loadings)

    def _fit_loadings(self, blocks: ChosenBlocks, fold: Tensor, n_noisy: int) -> None:
        """Find what the axes share, of which some have noise, each of variance 1."""
        n_genes, most = self.loadings.shape
        rank = min(most, n_noisy, _n_found_in(fold))
        variance = n_noisy * _held_out_shares(blocks, fold, n_genes, rank)
        rest = (n_noisy - variance.sum()) / (n_noisy - rank) if rank < n_noisy else variance[-1]
        everyone = torch.ones_like(fold, dtype=torch.bool)
        loadings = _leading_axes(blocks, everyone, n_genes, rank) * (variance - rest).clamp_min(0).sqrt()
        share = loadings.square().sum(dim=1, keepdim=True)
        loadings *= (LARGEST_SHARE / share.clamp_min(LARGEST_SHARE)).sqrt()
        self.loadings[:, :rank] = loadings

    @property
    def n_factors(self) -> int:
        """How many factors there are; they come first."""
        return int(self.loadings.any(dim=0).sum())

    def draw(self, n_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw noise, ``(samples, genes)``."""
        loadings = self.loadings[:, : self.n_factors]
        shared = standard_normal((n_samples, loadings.shape[1]), like=loadings, generator=generator)
        own = standard_normal((n_samples, len(loadings)), like=loadings, generator=generator)
        own_share = (1 - loadings.square().sum(dim=1)).sqrt()
        return self.deviation * self.groups.mix(torch.addcmul(shared @ loadings.T, own_share, own))


def _n_found_in(fold: Tensor) -> int:
    """Give the fewest samples that are left where a fold is held out."""
    return len(fold) - int(fold.bincount().max())


def _moments(blocks: Blocks) -> tuple[Tensor, Tensor]:
    """Give mean and standard deviation of each gene, ``(genes,)``."""
    n, total, squares = 0, torch.zeros(()), torch.zeros(())
    for block in blocks():
        n += len(block)
        total = total + block.double().sum(dim=0)
        squares = squares + block.double().square().sum(dim=0)
    mean = total / n
    return mean.float(), (squares / n - mean.square()).clamp_min(0).sqrt().float()


def _held_out_shares(blocks: ChosenBlocks, fold: Tensor, n_genes: int, wanted: int) -> Tensor:
    """Give the share of all variance along each leading axis, a falling curve, among samples it was not found in."""
    from sklearn.isotonic import isotonic_regression

    along, total, held_out = torch.zeros(wanted, dtype=torch.float64), 0.0, 0
    for number in fold.unique():
        if held_out > ENOUGH_HELD_OUT:
            break
        inside = fold == number
        axes = _leading_axes(blocks, ~inside, n_genes, wanted)
        for block in blocks(inside):
            along += (block @ axes).square().sum(dim=0)
            total += block.square().sum().item()
        held_out += int(inside.sum())
    falling = isotonic_regression(along.numpy(), increasing=False)
    shares: Tensor = torch.from_numpy(falling / (total or 1.0)).float()
    return shares


def _leading_axes(blocks: ChosenBlocks, chosen: Tensor, n_genes: int, wanted: int) -> Tensor:
    """Give the eigenvectors of the second moments of chosen samples, largest first, ``(genes, wanted)``.

    Fewer than all are found by subspace iteration from a random start (Halko, Martinsson and Tropp 2011), which holds
    no matrix of genes by genes.
    """
    width = min(wanted + MORE_AXES, n_genes)
    axes: Tensor = torch.randn(n_genes, width, generator=torch.Generator().manual_seed(SEED))
    for _ in range(PASSES if width < n_genes else 0):
        axes = torch.linalg.qr(axes).Q
        axes = sum((block.T @ (block @ axes) for block in blocks(chosen)), start=torch.zeros(()))
    axes = torch.linalg.qr(axes).Q
    small = sum(((near := (block @ axes).double()).T @ near for block in blocks(chosen)), start=torch.zeros(()))
    rotation: Tensor = torch.linalg.eigh(small).eigenvectors.float()
    return (axes @ rotation).flip(1)[:, :wanted]
