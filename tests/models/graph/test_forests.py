"""The share of spanning forests that hold each edge, against closed forms and against enumeration."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtexgen.models.graph import forests
from gtexgen.models.graph.forests import forest_shares

IndexArray = npt.NDArray[np.int64]


def as_edges(pairs: list[tuple[int, int]]) -> IndexArray:
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def clique(nodes: range) -> list[tuple[int, int]]:
    return list(combinations(nodes, 2))


def cycle(n: int) -> list[tuple[int, int]]:
    return [(node, node + 1) for node in range(n - 1)] + [(0, n - 1)]


def n_components(n_nodes: int, edges: tuple[tuple[int, int], ...]) -> int:
    group = list(range(n_nodes))
    for one, other in edges:
        group = [group[one] if label == group[other] else label for label in group]
    return len(set(group))


def by_enumeration(n_nodes: int, edges: list[tuple[int, int]]) -> list[float]:
    size = n_nodes - n_components(n_nodes, tuple(edges))
    forests = [kept for kept in combinations(edges, size) if n_components(n_nodes, kept) == n_nodes - size]
    return [sum(edge in forest for forest in forests) / len(forests) for edge in edges]


@st.composite
def small_graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    n_nodes = draw(st.integers(1, 6))
    every = clique(range(n_nodes))
    edges = draw(st.lists(st.sampled_from(every), unique=True, max_size=9)) if every else []
    return n_nodes, edges


@settings(deadline=None)
@given(small_graphs())
def test_any_small_graph_agrees_with_enumeration(graph: tuple[int, list[tuple[int, int]]]) -> None:
    n_nodes, edges = graph
    np.testing.assert_allclose(forest_shares(as_edges(edges), n_nodes), by_enumeration(n_nodes, edges), atol=1e-10)


@pytest.mark.parametrize(
    ("edges", "share"),
    [
        ([(0, 1), (1, 2), (1, 3), (3, 4)], 1.0),
        (clique(range(3)), 2 / 3),
        (clique(range(30)), 2 / 30),
        (cycle(12), 11 / 12),
    ],
    ids=["tree", "triangle", "clique", "cycle"],
)
def test_graphs_whose_edges_are_all_alike(edges: list[tuple[int, int]], share: float) -> None:
    np.testing.assert_allclose(forest_shares(as_edges(edges), 40), share)


def test_shares_sum_to_nodes_minus_components() -> None:
    rng = np.random.default_rng(0)
    # 90 nodes at random, a cycle, a clique and two nodes of their own.
    tangle = np.unique(np.sort(rng.integers(0, 90, (200, 2)), axis=1), axis=0)
    tangle = tangle[tangle[:, 0] != tangle[:, 1]]
    edges = np.concatenate([tangle, 90 + as_edges(cycle(20)), 110 + as_edges(clique(range(8)))])
    components = n_components(120, tuple(map(tuple, edges.tolist())))

    shares = forest_shares(edges, 120)

    assert shares.sum() == pytest.approx(120 - components)
    assert ((shares > 0) & (shares <= 1 + 1e-9)).all()
    np.testing.assert_allclose(shares[len(tangle) :], [19 / 20] * 20 + [2 / 8] * 28)


@pytest.mark.parametrize("large", [10, 10_000], ids=["sparse", "dense"])
def test_a_component_agrees_with_the_pseudo_inverse(monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    monkeypatch.setattr(forests, "LARGE", large)
    n = 300
    rng = np.random.default_rng(1)
    edges = np.unique(np.sort(np.stack([np.arange(n).repeat(4), rng.integers(0, n, 4 * n)], axis=1), axis=1), axis=0)
    edges = edges[edges[:, 0] != edges[:, 1]]
    laplacian = np.zeros((n, n))
    for one, other in edges:
        laplacian[[one, other], [one, other]] += 1
        laplacian[[one, other], [other, one]] -= 1
    inverse = np.linalg.pinv(laplacian)
    first, second = edges.T
    expected = inverse[first, first] + inverse[second, second] - 2 * inverse[first, second]
    np.testing.assert_allclose(forest_shares(edges, n), expected, rtol=1e-8)
