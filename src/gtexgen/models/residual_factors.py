"""Factors of noise that genes share, found in what training left unexplained."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from gtexgen.models.noise import standard_normal

__all__ = ["ResidualFactors"]

LARGEST_SHARE = 0.95
"""At least a twentieth of each gene's noise stays its own."""

PASSES = 4
MORE_AXES = 10
SEED = 0x7265_7369
LEAST_DEVIATION = 1e-6


class ResidualFactors(nn.Module):
    r"""Normal noise of every gene, as spread and as correlated across genes as the residuals of training are.

    .. math:: \epsilon_g = d_g \left( A_g f + \sqrt{1 - \textstyle\sum_k A_{gk}^2} \; n_g \right)

    with :math:`f` and :math:`n` standard normal, :math:`A` ``(genes, factors)`` and :math:`d_g` the standard deviation
    of the residuals in units of the likelihood's scale, at most 1: it is below where dropout made the networks err in
    training as they do not afterwards. The networks' few latents leave a hundred weaker ways in which genes go
    together; without them samples lie too close to what the latents decode to.

    :math:`A` has the leading eigenvectors :math:`q_k` of the correlation of the residuals of :math:`n` samples. Of an
    eigenvalue :math:`\lambda_k`, chance alone gives up to :math:`(1 + \sqrt\gamma)^2`, :math:`\gamma = G / n`
    (Marchenko and Pastur 1967); of larger ones, :math:`A_{\cdot k} = \sqrt{(\ell_k - 1) c_k^2} \, q_k` keeps what is
    not chance, with

    .. math:: \ell = \tfrac12 \left(\lambda + 1 - \gamma + \sqrt{(\lambda + 1 - \gamma)^2 - 4 \lambda}\right), \quad
        c^2 = \frac{1 - \gamma / (\ell - 1)^2}{1 + \gamma / (\ell - 1)}

    the shrinkage of spiked covariances with the least Frobenius loss (Donoho, Gavish and Johnstone 2018, *Annals of
    Statistics* 46). So what is known of single training samples does not become a factor.

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
        self.register_buffer("loadings", torch.zeros(n_genes, min(most, n_genes)))
        self.register_buffer("deviation", torch.ones(n_genes))

    @torch.no_grad()
    def fit(self, blocks: Callable[[], Iterator[Tensor]]) -> None:
        """Find the factors.

        Parameters
        ----------
        blocks
            Gives the noise behind the training samples in blocks of rows, each ``(some samples, genes)``, the same at
            each call. It is called a few times, and no more than a block is held.
        """
        n, mean, deviation = _moments(blocks)
        unit = torch.where(deviation > LEAST_DEVIATION, deviation, torch.inf)

        def standardised() -> Iterator[Tensor]:
            for block in blocks():
                yield (block - mean) / unit

        n_genes, most = self.loadings.shape
        values, axes = _leading_axes(standardised, n, n_genes, most)
        kept = _excess(values, n_genes / n)
        loadings = axes * kept.sqrt()
        share = loadings.square().sum(dim=1, keepdim=True)
        loadings *= (LARGEST_SHARE / share.clamp_min(LARGEST_SHARE)).sqrt()
        self.loadings.copy_(loadings)
        self.deviation.copy_(deviation.clamp_max(1))

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
        return self.deviation * torch.addcmul(shared @ loadings.T, own_share, own)


def _moments(blocks: Callable[[], Iterator[Tensor]]) -> tuple[int, Tensor, Tensor]:
    """Give the number of samples, and mean and standard deviation of each gene, ``(genes,)``."""
    n, total, squares = 0, torch.zeros(()), torch.zeros(())
    for block in blocks():
        n += len(block)
        total = total + block.double().sum(dim=0)
        squares = squares + block.double().square().sum(dim=0)
    mean = total / n
    return n, mean.float(), (squares / n - mean.square()).clamp_min(0).sqrt().float()


def _leading_axes(blocks: Callable[[], Iterator[Tensor]], n: int, n_genes: int, wanted: int) -> tuple[Tensor, Tensor]:
    """Give the largest eigenvalues of the second moments of ``(n, genes)`` and their axes, ``(genes, wanted)``.

    Subspace iteration from a random start (Halko, Martinsson and Tropp 2011): no matrix of genes by genes is held.
    """
    width = min(wanted + MORE_AXES, n_genes)
    axes = torch.randn(n_genes, width, generator=torch.Generator().manual_seed(SEED))
    for _ in range(PASSES):
        axes = torch.linalg.qr(sum(block.T @ (block @ axes) for block in blocks())).Q
    small = sum((projected := (block @ axes).double()).T @ projected for block in blocks()) / n
    values, rotation = torch.linalg.eigh(small)
    return values.flip(0)[:wanted].float(), (axes @ rotation.float()).flip(1)[:, :wanted]


def _excess(eigenvalues: Tensor, gamma: float) -> Tensor:
    """Give how much more than 1 the variance along each axis truly is; 0 where it may be chance."""
    edge = (1 + gamma**0.5) ** 2
    inside = eigenvalues.clamp_min(edge) + 1 - gamma
    spike = 0.5 * (inside + (inside.square() - 4 * eigenvalues.clamp_min(edge)).clamp_min(0).sqrt())
    cosine = (1 - gamma / (spike - 1).square()) / (1 + gamma / (spike - 1))
    return torch.where(eigenvalues > edge, (spike - 1) * cosine.clamp_min(0), 0)
