"""Graphs over the samples of a part, from which edges are drawn as often as they count."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from gtexgen.models.graph.forests import forest_shares

__all__ = ["Cliques", "Edges", "SampleGraph"]

IndexArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class SampleGraph(ABC):
    r"""An undirected graph whose edges each weigh the share :math:`w_e` of the maximal spanning forests that hold it.

    Parameters
    ----------
    n_samples
        Number of nodes; an edge is a pair of positions in ``range(n_samples)``.
    total_weight
        :math:`\sum_e w_e`, the number of edges of a maximal spanning forest: samples minus components.
    """

    def __init__(self, n_samples: int, total_weight: float) -> None:
        self.n_samples = n_samples
        self.total_weight = total_weight

    def draw(self, n_batches: int, n_pairs: int, rng: np.random.Generator) -> IndexArray:
        r"""Draw edges with replacement, each in proportion to its weight.

        For any :math:`f`, :math:`\frac{W}{n} \sum f(e)` over the `n_pairs` edges of a batch then has the expectation
        :math:`\sum_e w_e f(e)`, with :math:`W` the total weight. The draws of a batch are stratified: the k-th comes
        from the k-th of `n_pairs` equal stretches of the total weight.

        Returns
        -------
        numpy.ndarray
            ``(n_batches, n_pairs, 2)``, the lower position first; without edges ``(n_batches, 0, 2)``.
        """
        if self.total_weight == 0:
            return np.empty((n_batches, 0, 2), dtype=np.int64)
        share = (np.arange(n_pairs) + rng.random((n_batches, n_pairs))) / n_pairs
        below = np.minimum(share * self.total_weight, np.nextafter(self.total_weight, 0))
        return np.sort(self._edges_at(below, rng), axis=-1)

    @abstractmethod
    def _edges_at(self, weight: FloatArray, rng: np.random.Generator) -> IndexArray:
        """Give the edges met at cumulative weights in ``[0, total_weight)``, with an axis of two added."""


class Cliques(SampleGraph):
    r"""Groups of samples within which every two are joined; no edge is stored.

    A clique of :math:`m` samples has :math:`w_e = 2 / m` for each of its edges, :math:`m - 1` in all.

    Parameters
    ----------
    labels
        The group of each sample, ``(samples,)`` integers.
    """

    def __init__(self, labels: npt.NDArray[np.integer]) -> None:
        sizes = np.unique(labels, return_counts=True)[1]
        super().__init__(len(labels), float(len(labels) - len(sizes)))
        self._members = np.argsort(labels, kind="stable")
        self._sizes = sizes
        self._starts = np.cumsum(sizes) - sizes
        self._weight_until = np.cumsum(sizes - 1)

    def _edges_at(self, weight: FloatArray, rng: np.random.Generator) -> IndexArray:
        clique = np.searchsorted(self._weight_until, weight, side="right")
        size = self._sizes[clique]
        one, other = rng.integers(size), rng.integers(size - 1)
        other += other >= one
        edges: IndexArray = self._members[self._starts[clique][..., None] + np.stack([one, other], axis=-1)]
        return edges


class Edges(SampleGraph):
    """A graph given by its edges.

    Parameters
    ----------
    edges
        Pairs of positions, ``(edges, 2)``, none of them a position with itself. An edge may come twice and either way
        round.
    n_samples
        Number of nodes.

    Attributes
    ----------
    edges
        Each edge once, the lower position first, sorted.
    weights
        Of each edge, ``(edges,)``; see `gtexgen.models.graph.forests.forest_shares`.
    """

    def __init__(self, edges: IndexArray, n_samples: int) -> None:
        self.edges = np.unique(np.sort(edges, axis=1), axis=0)
        self.weights = forest_shares(self.edges, n_samples)
        super().__init__(n_samples, float(self.weights.sum()))
        self._weight_until = np.cumsum(self.weights)

    def _edges_at(self, weight: FloatArray, rng: np.random.Generator) -> IndexArray:
        return self.edges[np.searchsorted(self._weight_until, weight, side="right")]
