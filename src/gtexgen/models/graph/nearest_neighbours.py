"""Samples of similar expression are joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gtexgen.data.splits import Part
from gtexgen.data.training_part import SamplePart
from gtexgen.errors import ConfigError
from gtexgen.models.graph.base import GraphBuilder
from gtexgen.models.graph.sample_graph import Edges

__all__ = ["NearestNeighbours", "principal_axes"]

ROUNDS = 6
SPARE_AXES = 20  # they take up what separates slowly from the axes that are wanted


class NearestNeighbours(GraphBuilder):
    """Each sample is joined to those that lie nearest to it among the principal components of expression.

    Two samples are joined where either is among the nearest of the other, by Euclidean distance on the model's scale.
    The components are those of the training part.

    Parameters
    ----------
    neighbours
        How many of the nearest, at most.
    components
        How many principal components, at most.

    Raises
    ------
    ConfigError
        Where one of the two is below 1.
    """

    def __init__(self, neighbours: int = 10, components: int = 50) -> None:
        if neighbours < 1 or components < 1:
            raise ConfigError(f"model.head.graph: neighbours={neighbours} and components={components} must be above 0")
        self.neighbours = neighbours
        self.components = components

    def build(self, parts: Mapping[Part, SamplePart]) -> dict[Part, Edges]:
        """Give the graph of each part; see `GraphBuilder.build`."""
        axes = principal_axes(parts["train"].blocks, self.components)
        return {
            name: self._join(torch.cat([block @ axes for block in part.blocks()]).numpy())
            for name, part in parts.items()
        }

    def _join(self, scores: npt.NDArray[np.float32]) -> Edges:
        from sklearn.neighbors import NearestNeighbors

        n_samples = len(scores)
        n_neighbours = min(self.neighbours, n_samples - 1)
        if n_neighbours == 0:
            return Edges(np.empty((0, 2), dtype=np.int64), n_samples)
        nearest = NearestNeighbors(n_neighbors=n_neighbours).fit(scores).kneighbors(return_distance=False)
        return Edges(np.stack([np.arange(n_samples).repeat(n_neighbours), nearest.ravel()], axis=1), n_samples)


def principal_axes(blocks: Callable[[], Iterator[Tensor]], n_axes: int) -> Tensor:
    """Give an orthonormal basis of the leading principal components of a table that is read in blocks of rows.

    By orthogonal iteration from random axes (Halko et al. 2011): each round reads the table once and multiplies the
    axes by its covariance, so that no more than a block is held, and no covariance matrix at all.

    Parameters
    ----------
    blocks
        Reads the table anew at each call, ``(some rows, genes)`` at a time.
    n_axes
        How many, at most.

    Returns
    -------
    Tensor
        ``(genes, axes)``.
    """
    moments = [(len(block), block.sum(dim=0)) for block in blocks()]
    n_rows = sum(rows for rows, _ in moments)
    mean = torch.stack([total for _, total in moments]).sum(dim=0) / n_rows
    generator = torch.Generator().manual_seed(0)
    axes = torch.randn(len(mean), min(n_axes + SPARE_AXES, len(mean), n_rows), generator=generator)
    for _ in range(ROUNDS):
        product = torch.zeros_like(axes)
        for block in blocks():
            centred = block - mean
            product += centred.T @ (centred @ axes)
        axes = torch.linalg.svd(product, full_matrices=False).U
    return axes[:, :n_axes]
