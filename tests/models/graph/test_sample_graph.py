"""Edges are drawn as often as they weigh."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from gtexgen.models.graph.sample_graph import Cliques, Edges, SampleGraph

LABELS = np.array([3, 0, 3, 0, 3, 7, 0, 0, 9, 9])  # cliques of 3, 4, 1 and 2
CLIQUES = Cliques(LABELS)
TRIANGLES = np.array([[0, 1], [1, 2], [2, 0], [2, 3], [3, 4], [4, 5], [5, 3], [6, 7]])  # two, joined by a bridge
EDGES = Edges(TRIANGLES, n_samples=9)

Weights = dict[tuple[int, int], float]


def clique_weights() -> Weights:
    members = [np.flatnonzero(label == LABELS) for label in np.unique(LABELS)]
    return {(int(a), int(b)): 2 / len(group) for group in members for a, b in combinations(group, 2)}


def edge_weights(graph: Edges) -> Weights:
    return {(int(a), int(b)): float(w) for (a, b), w in zip(graph.edges, graph.weights, strict=True)}


EVERY_KIND = pytest.mark.parametrize(
    ("graph", "weights"), [(CLIQUES, clique_weights()), (EDGES, edge_weights(EDGES))], ids=["cliques", "edges"]
)


@EVERY_KIND
def test_edges_are_drawn_in_proportion_to_their_weight(graph: SampleGraph, weights: Weights) -> None:
    assert graph.total_weight == pytest.approx(sum(weights.values())) == 6
    drawn = graph.draw(4000, 10, np.random.default_rng(0))
    assert drawn.shape == (4000, 10, 2)
    edges, counts = np.unique(drawn.reshape(-1, 2), axis=0, return_counts=True)
    shares = dict(zip(map(tuple, edges.tolist()), counts / 40_000, strict=True))
    assert shares == pytest.approx({edge: weight / 6 for edge, weight in weights.items()}, abs=0.01)


@EVERY_KIND
def test_the_mean_over_batches_is_the_sum_over_edges(graph: SampleGraph, weights: Weights) -> None:
    values = np.random.default_rng(3).normal(size=(10, 10))
    whole = sum(weight * values[edge] for edge, weight in weights.items())

    first, second = graph.draw(20_000, 5, np.random.default_rng(4)).T
    estimates = graph.total_weight / 5 * values[first, second].sum(axis=0)

    assert estimates.mean() == pytest.approx(whole, abs=4 * estimates.std() / 20_000**0.5)
    unstratified = graph.total_weight * values[first, second].std() / 5**0.5
    assert estimates.std() < unstratified


def test_cliques_weigh_what_their_edges_do() -> None:
    weights = clique_weights()
    assert edge_weights(Edges(np.array(list(weights)), len(LABELS))) == pytest.approx(weights)


def test_an_edge_given_twice_or_either_way_round_counts_once() -> None:
    twice = Edges(np.concatenate([TRIANGLES, TRIANGLES[:, ::-1]]), 9)
    assert edge_weights(twice) == edge_weights(EDGES)
    assert edge_weights(twice)[2, 3] == pytest.approx(1)
    assert (twice.edges[:, 0] < twice.edges[:, 1]).all()


@pytest.mark.parametrize("graph", [Cliques(np.arange(5)), Edges(np.empty((0, 2), dtype=np.int64), 5)])
def test_a_graph_without_edges_gives_no_pairs(graph: SampleGraph) -> None:
    assert graph.total_weight == 0
    assert graph.draw(3, 4, np.random.default_rng(0)).shape == (3, 0, 2)


def test_one_clique_of_all_samples_stores_no_edge() -> None:
    graph = Cliques(np.zeros(1_000_000, dtype=np.int64))
    drawn = graph.draw(2, 100, np.random.default_rng(0))
    assert (drawn[..., 0] < drawn[..., 1]).all()
    assert drawn.max() < 1_000_000
