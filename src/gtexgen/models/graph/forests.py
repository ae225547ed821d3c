"""How many of a graph's maximal spanning forests hold each edge."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

__all__ = ["forest_shares"]

IndexArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

LARGE = 4000  # nodes of a component from which its inverse is never held whole
COLUMNS = 64  # of that inverse at a time


def forest_shares(edges: IndexArray, n_nodes: int) -> FloatArray:
    r"""Give the share of the maximal spanning forests that hold each edge.

    It is the effective resistance of the edge where every edge is a resistor of 1 ohm (Kirchhoff 1847),

    .. math:: w_{ij} = L^+_{ii} + L^+_{jj} - 2 L^+_{ij},

    with :math:`L` the Laplacian; :math:`L^+` may be any generalised inverse. An edge of a tree has 1, one of a clique
    of m nodes 2/m; other components are solved for, the large ones by a sparse factorisation.

    Parameters
    ----------
    edges
        Each edge once, ``(edges, 2)``, its two ends different.
    n_nodes
        Number of nodes.

    Returns
    -------
    numpy.ndarray
        ``(edges,)``; the shares of a component sum to its nodes minus 1.
    """
    _, component = connected_components(_adjacency(edges, n_nodes), directed=False)
    of_edge = component[edges[:, 0]]
    nodes = np.bincount(component)[of_edge]
    count = np.bincount(of_edge, minlength=component.max(initial=-1) + 1)[of_edge]
    shares = np.where(count == nodes - 1, 1.0, 2.0 / nodes)
    general = (count != nodes - 1) & (2 * count != nodes * (nodes - 1))
    for label in np.unique(of_edge[general]):
        alike = of_edge == label
        shares[alike] = _resistances(edges[alike])
    return shares


def _adjacency(edges: IndexArray, n_nodes: int) -> sparse.csr_array:
    upper = sparse.csr_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n_nodes, n_nodes))
    return upper + upper.T


def _resistances(edges: IndexArray) -> FloatArray:
    """Give the effective resistance of each edge of one component.

    Its first node is grounded, which makes the Laplacian positive definite: its inverse, with zeros for that node, is
    a generalised inverse of the whole.
    """
    nodes, ends = np.unique(edges, return_inverse=True)
    first, second = np.sort(ends.reshape(edges.shape), axis=1).T
    adjacency = _adjacency(np.stack([first, second], axis=1), len(nodes))
    laplacian = sparse.diags_array(adjacency.sum(axis=1)) - adjacency
    diagonal, between = np.zeros(len(nodes)), np.zeros(len(edges))
    for columns, inverse in _inverse_by_columns(laplacian[1:, 1:].tocsc()):
        diagonal[columns + 1] = inverse[columns, columns - columns[0]]
        here = np.flatnonzero(np.isin(first - 1, columns))
        between[here] = inverse[second[here] - 1, first[here] - 1 - columns[0]]
    resistance: FloatArray = diagonal[first] + diagonal[second] - 2 * between
    return resistance


def _inverse_by_columns(matrix: sparse.csc_array) -> Iterator[tuple[IndexArray, FloatArray]]:
    """Give the inverse of a positive definite matrix, some columns after the other, each time with their numbers."""
    size = matrix.shape[0]
    if size < LARGE:
        yield np.arange(size), np.linalg.inv(matrix.toarray())
        return
    solver = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    for start in range(0, size, COLUMNS):
        columns = np.arange(start, min(start + COLUMNS, size))
        unit = np.zeros((size, len(columns)))
        unit[columns, columns - start] = 1
        yield columns, solver.solve(unit)
