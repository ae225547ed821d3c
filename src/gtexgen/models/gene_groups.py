"""Small groups of genes whose noise is tightly correlated, and the uncorrelated axes of each group."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

__all__ = ["LARGEST_GROUP", "LARGEST_TABLE", "LEAST_CORRELATION", "Blocks", "GeneGroups"]

LEAST_CORRELATION = 0.6
"""Genes that correlate less, of either sign, do not make a group."""

STANDARD_ERRORS = 4
"""A correlation counts less this many of its standard errors, so that chance among few samples makes no groups."""

LEAST_SAMPLES = 32
"""Fewer make no groups at all."""

LARGEST_GROUP = 16
"""What is known of so few genes, hundreds of samples say without shrinkage."""

LARGEST_TABLE = 2**25
"""Numbers held at a time, which take 128 MiB."""

LEAST_VARIANCE = 1e-3
"""An axis of a group with less, in units of a gene's, is none: genes that coincide have one axis together."""

LARGEST_CORRELATION = 1 - 1e-6

Blocks: TypeAlias = Callable[[], Iterator[Tensor]]
"""Gives standardised noise in blocks of rows, each ``(some samples, genes)``, the same at each call."""


class GeneGroups(nn.Module):
    r"""Tightly correlated genes, written as combinations of axes that do not correlate within their group.

    .. math::
        S_{GG} = Q \Lambda Q^\top, \quad u_G = \Lambda^{-1/2} Q^\top \epsilon_G, \quad
        \epsilon_G = Q \Lambda^{1/2} u_G

    with :math:`S_{GG}` the correlation of a group's genes. Shrinkage of the correlation of thousands of genes takes
    most from the axes of least variance, which is where such genes differ: RPS4Y1 and DDX3Y, say, or two chains of one
    HLA molecule. Applied to :math:`u` instead, it leaves a group what its own correlation says. A gene outside all
    groups is an axis of its own.

    Groups grow from the strongest pair on, up to 16 genes.

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
    def fit(self, blocks: Blocks, n_samples: int) -> Tensor:
        """Find the groups and their axes.

        Parameters
        ----------
        blocks
            The standardised noise behind the training samples.
        n_samples
            How many there are.

        Returns
        -------
        Tensor
            What `combine` makes axes of genes with, ``(genes, members)``; 0 for an axis without variance.
        """
        self.reset()
        inverse = self.weights.clone()
        groups = _joined(*_tight_pairs(blocks, len(self.members), n_samples))
        for group in groups:
            self.members[group] = torch.tensor(group + group[:1] * (LARGEST_GROUP - len(group)))
        products = self._products(blocks) / n_samples
        for group in groups:
            root, inverted = _roots(products[group, : len(group)])
            for table, values in ((self.weights, root), (inverse, inverted)):
                table[group] = nn.functional.pad(values, (0, LARGEST_GROUP - len(group)))
        return inverse

    def standardise(self, loadings: Tensor) -> None:
        """Bring each gene back to variance 1, where the axes share factors with ``(genes, factors)`` loadings."""
        rows = self.grouped
        own = 1 - loadings.square().sum(dim=1)
        shared = self.combine(loadings.T, self.weights).T[rows].square().sum(dim=1)
        variance = shared + (self.weights[rows].square() * own[self.members[rows]]).sum(dim=1)
        self.weights[rows] /= variance.sqrt()[:, None]

    def mix(self, axes: Tensor) -> Tensor:
        """Give the noise of genes for that of axes, both ``(samples, genes)``."""
        return self.combine(axes, self.weights)

    def combine(self, values: Tensor, weights: Tensor) -> Tensor:
        """Combine the values of each group's members, ``(samples, genes)``, with ``(genes, members)`` weights."""
        rows = self.grouped
        combined = values.clone()
        combined[:, rows] = sum(
            (values[:, self.members[rows, k]] * weights[rows, k] for k in range(LARGEST_GROUP)),
            start=values.new_zeros(()),
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
        for name in ("members", "weights"):
            state_dict.setdefault(prefix + name, getattr(GeneGroups(len(self.members)), name))
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _tight_pairs(blocks: Blocks, n_genes: int, n_samples: int) -> tuple[Tensor, Tensor]:
    r"""Give the pairs of genes that correlate tightly beyond chance, ``(pairs, 2)``, and how tightly, ``(pairs,)``.

    A correlation is judged on Fisher's scale, where its standard error is about :math:`1 / \sqrt{n - 3}`.
    """
    pairs, tightness = [torch.zeros(0, 2, dtype=torch.int64)], [torch.zeros(0)]
    allowance = STANDARD_ERRORS / math.sqrt(n_samples - 3) if n_samples >= LEAST_SAMPLES else math.inf
    width = max(1, LARGEST_TABLE // n_genes)
    for start in range(0, n_genes, width):
        some = slice(start, start + width)
        product = sum((block.T @ block[:, some] for block in blocks()), start=torch.zeros(()))
        size = (product / n_samples).abs_().clamp_(max=LARGEST_CORRELATION)
        surely = torch.tanh(torch.atanh(size) - allowance)
        found = (surely > LEAST_CORRELATION).nonzero()
        found = found[found[:, 0] < found[:, 1] + start]
        tightness.append(surely[found[:, 0], found[:, 1]])
        pairs.append(found + torch.tensor([0, start]))
    return torch.cat(pairs), torch.cat(tightness)


def _joined(pairs: Tensor, tightness: Tensor) -> list[list[int]]:
    """Join pairs into groups, the tightest first, as long as a group has room."""
    group_of: dict[int, list[int]] = {}
    for first, second in pairs[tightness.argsort(descending=True, stable=True)].tolist():
        one, other = group_of.get(first, [first]), group_of.get(second, [second])
        if one is not other and len(one) + len(other) <= LARGEST_GROUP:
            joined = one + other
            group_of.update((gene, joined) for gene in joined)
    return list({id(group): group for group in group_of.values()}.values())


def _roots(correlation: Tensor) -> tuple[Tensor, Tensor]:
    """Give what makes genes of axes and axes of genes, each ``(members, members)`` float32."""
    variance, axes = torch.linalg.eigh(correlation)
    deviation = variance.clamp_min(0).sqrt() * (variance > LEAST_VARIANCE)
    inverse = torch.where(deviation > 0, 1 / deviation, 0.0)
    return (axes * deviation).float(), (axes * inverse).T.float()
