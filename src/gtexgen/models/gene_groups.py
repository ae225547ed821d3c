"""Small groups of genes whose noise is tightly correlated, and the uncorrelated axes of each group."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from gtexgen.models.sure_correlation import least_sure_correlation

__all__ = ["LARGEST_GROUP", "Blocks", "GeneGroups"]

LEAST_CORRELATION = 0.6
"""A pair that correlates less, of either sign, joins no genes."""

DONORS_PER_GENE = 4
"""A group has at most one gene for so many donors: what so few genes have in common needs no shrinkage then."""

LARGEST_GROUP = 16

LARGEST_PRODUCTS = 2**28
"""Numbers held at a time, which take 1 GiB: a table a fold and some more; for more genes, samples are read again."""

MORE_TABLES = 4

LEAST_VARIANCE = 1e-3
"""An axis of a group with less, in units of a gene's, is none: two genes that coincide have one axis together."""

Blocks: TypeAlias = Callable[[], Iterator[Tensor]]
"""Gives standardised noise in blocks of rows, each ``(some samples, genes)``, the same at each call."""


class GeneGroups(nn.Module):
    r"""Tightly correlated genes, written as combinations of axes that do not correlate within their group.

    .. math::
        S_{GG} = Q \Lambda Q^\top, \quad u_G = \Lambda^{-1/2} Q^\top \epsilon_G, \quad
        \epsilon_G = Q \Lambda^{1/2} u_G

    with :math:`S_{GG}` the correlation of a group's genes and :math:`\epsilon` their noise, each of variance 1.
    Shrinkage of the correlation of thousands of genes takes most from the axes of least variance, which is where such
    genes differ: RPS4Y1 and DDX3Y, say, or two chains of one HLA molecule. Applied to :math:`u` instead, it leaves a
    group what its own correlation says. A gene outside all groups is an axis of its own.

    Groups grow from the tightest pair on, as long as there is room. So each gene of a group is tightly correlated with
    one of the others, but not with all of them, and a pair may end in two groups that are full.

    Parameters
    ----------
    n_genes
        Number of genes, and of axes.
    """

    members: Tensor
    weights: Tensor

    def __init__(self, n_genes: int) -> None:
        super().__init__()
        self.register_buffer("members", torch.empty(n_genes, LARGEST_GROUP, dtype=torch.int64))
        self.register_buffer("weights", torch.empty(n_genes, LARGEST_GROUP))
        self.reset()

    def reset(self) -> None:
        """Dissolve all groups."""
        self.members.copy_(torch.arange(len(self.members))[:, None])
        self.weights.zero_()
        self.weights[:, 0] = 1

    @property
    def grouped(self) -> Tensor:
        """The numbers of the genes that are in a group, ``(grouped,)``."""
        return (self.members != self.members[:, :1]).any(dim=1).nonzero()[:, 0]

    @torch.no_grad()
    def fit(self, blocks: Blocks, fold: Tensor, n_donors: int) -> Tensor:
        """Find the groups and their axes.

        Parameters
        ----------
        blocks
            The standardised noise behind the training samples.
        fold
            A number for each sample, ``(samples,)``, the same for all of a donor. A pair has to be tight without any
            one fold, lest a single sample or donor make it so.
        n_donors
            How many donors the samples are of.

        Returns
        -------
        Tensor
            What `combine` makes axes of genes with, ``(genes, members)``; 0 for an axis without variance.
        """
        self.reset()
        inverse = self.weights.clone()
        groups = _joined(*_tight_pairs(blocks, fold, len(self.members), n_donors), n_donors // DONORS_PER_GENE)
        for group in groups:
            self.members[group] = torch.tensor(group + group[:1] * (LARGEST_GROUP - len(group)))
        products = self._products(blocks) / len(fold)
        for group in groups:
            root, inverted = _roots(products[group, : len(group)])
            for table, values in ((self.weights, root), (inverse, inverted)):
                table[group] = nn.functional.pad(values, (0, LARGEST_GROUP - len(group)))
        return inverse

    def standardise(self, loadings: Tensor) -> None:
        """Scale the weights to variance 1 of each gene, where axes share factors with ``(genes, factors)`` loadings."""
        rows = self.grouped
        own = 1 - loadings.square().sum(dim=1)
        shared = self.combine(loadings.T, self.weights).T[rows].square().sum(dim=1)
        variance = shared + (self.weights[rows].square() * own[self.members[rows]]).sum(dim=1)
        self.weights[rows] /= variance.sqrt()[:, None]

    def mix(self, axes: Tensor) -> Tensor:
        """Give the noise of genes for that of axes, both ``(samples, genes)``."""
        return self.combine(axes, self.weights)

    def combine(self, values: Tensor, weights: Tensor) -> Tensor:
        """Make genes of axes with `weights`, or axes of genes with what `fit` gave; all are ``(samples, genes)``."""
        rows = self.grouped
        used = weights[rows].any(dim=0).nonzero()[:, 0].tolist()
        combined = values.clone()
        combined[:, rows] = sum(
            (values[:, self.members[rows, k]] * weights[rows, k] for k in used), start=values.new_zeros(())
        )
        return combined

    def _products(self, blocks: Blocks) -> Tensor:
        """Sum the products of each gene with the members of its group over samples, ``(genes, members)``."""
        rows = self.grouped
        products = torch.zeros(self.members.shape, dtype=torch.float64)
        if not len(rows):
            return products
        for block in blocks():
            values = block.double()
            for k in range(LARGEST_GROUP):
                products[rows, k] += (values[:, rows] * values[:, self.members[rows, k]]).sum(dim=0)
        return products

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Take a generator of before: its genes had no groups."""
        names = ("members", "weights")
        if not any(prefix + name in state_dict for name in names):
            alone = GeneGroups(len(self.members))
            state_dict.update({prefix + name: getattr(alone, name) for name in names})
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _tight_pairs(blocks: Blocks, fold: Tensor, n_genes: int, n_donors: int) -> tuple[Tensor, Tensor]:
    """Give the pairs of genes that correlate tightly beyond chance, ``(pairs, 2)``, and how tightly, ``(pairs,)``.

    Of each gene, only the tightest are given.
    """
    pairs, tightness = [torch.zeros(0, 2, dtype=torch.int64)], [torch.zeros(0)]
    least = max(LEAST_CORRELATION, least_sure_correlation(n_donors))
    if math.isinf(least):
        return pairs[0], tightness[0]
    width = max(1, LARGEST_PRODUCTS // (n_genes * (int(fold.max()) + 1 + MORE_TABLES)))
    for start in range(0, n_genes, width):
        partners = torch.arange(start, min(start + width, n_genes))
        correlation = _least_correlation(blocks, fold, partners)
        correlation[torch.arange(n_genes)[:, None] >= partners] = 0
        tightest, gene = correlation.topk(min(LARGEST_GROUP, n_genes), dim=0)
        tight = tightest > least
        tightness.append(tightest[tight])
        pairs.append(torch.stack([gene[tight], partners.expand_as(gene)[tight]], dim=1))
    return torch.cat(pairs), torch.cat(tightness)


def _least_correlation(blocks: Blocks, fold: Tensor, partners: Tensor) -> Tensor:
    """Give how strongly all genes correlate with some, without whichever fold it is least, ``(genes, partners)``.

    Where the sign depends on the fold, that is below 0.
    """
    products: list[Tensor] = [torch.zeros(())] * (int(fold.max()) + 1)
    squares, start = list(products), 0
    for block in blocks():
        numbers = fold[start : start + len(block)]
        start += len(block)
        for number in numbers.unique().tolist():
            rows = block[numbers == number]
            products[number] = products[number] + rows.T @ rows[:, partners]
            squares[number] = squares[number] + rows.square().sum(dim=0)
    total, square = sum(products, torch.zeros(())), sum(squares, torch.zeros(()))
    sign, least = total.sign(), torch.ones(())
    for number in fold.unique().tolist():
        deviation = (square - squares[number]).clamp_min(LEAST_VARIANCE).sqrt()
        without = (total - products[number]).mul_(sign).div_(deviation[:, None]).div_(deviation[partners])
        least = torch.minimum(least, without)
    return least


def _joined(pairs: Tensor, tightness: Tensor, largest: int) -> list[list[int]]:
    """Join pairs into groups, the tightest first, as long as a group has room."""
    group_of: dict[int, list[int]] = {}
    for first, second in pairs[tightness.argsort(descending=True, stable=True)].tolist():
        one, other = group_of.get(first, [first]), group_of.get(second, [second])
        if one is not other and len(one) + len(other) <= min(largest, LARGEST_GROUP):
            joined = one + other
            group_of.update((gene, joined) for gene in joined)
    return list({id(group): group for group in group_of.values()}.values())


def _roots(correlation: Tensor) -> tuple[Tensor, Tensor]:
    """Give what makes genes of axes and axes of genes, each ``(members, members)`` float32."""
    variance, axes = torch.linalg.eigh(correlation)
    deviation = variance.clamp_min(0).sqrt() * (variance > LEAST_VARIANCE)
    inverse = torch.where(deviation > 0, 1 / deviation, 0.0)
    return (axes * deviation).float(), (axes * inverse).T.float()
