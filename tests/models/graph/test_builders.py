"""Who is joined to whom by each rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from gtexgen.data.splits import Part
from gtexgen.data.training_part import SamplePart
from gtexgen.errors import ConfigError
from gtexgen.models.graph.nearest_neighbours import NearestNeighbours, principal_axes
from gtexgen.models.graph.same_condition import SameCondition
from gtexgen.models.graph.same_donor import SameDonor
from gtexgen.models.graph.sample_graph import SampleGraph

Parts = dict[Part, SamplePart]


def edges_of(graph: SampleGraph) -> set[tuple[int, int]]:
    """Give every edge of a small graph."""
    return {(int(a), int(b)) for a, b in graph.draw(1, 500, np.random.default_rng(0))[0]}


def test_samples_of_a_donor_are_joined(parts: Parts) -> None:
    graphs = SameDonor().build(parts)
    assert edges_of(graphs["train"]) == {(0, 2), (0, 4), (2, 4), (1, 5)}
    assert edges_of(graphs["validation"]) == {(0, 2)}


def test_samples_of_a_condition_are_joined(parts: Parts) -> None:
    graphs = SameCondition().build(parts)
    assert edges_of(graphs["train"]) == {(0, 1), (0, 5), (1, 5), (2, 3)}
    assert edges_of(graphs["validation"]) == {(0, 1)}


def test_without_condition_all_samples_are_of_one(parts: Parts) -> None:
    bare = {
        name: SamplePart(samples=part.samples, condition=part.condition[:, :0], blocks=part.blocks)
        for name, part in parts.items()
    }
    assert edges_of(SameCondition().build(bare)["validation"]) == {(0, 1), (0, 2), (1, 2)}


def nearest(part: SamplePart, axes: torch.Tensor, k: int) -> set[tuple[int, int]]:
    scores = torch.cat(list(part.blocks())) @ axes
    distance = torch.cdist(scores, scores).fill_diagonal_(torch.inf)
    chosen = distance.argsort(dim=1)[:, :k]
    return {(min(i, j), max(i, j)) for i, row in enumerate(chosen.tolist()) for j in row}


def test_neighbours_are_the_nearest_among_components_of_the_training_part(
    clustered: Callable[[int], SamplePart],
) -> None:
    training, validation = clustered(1), clustered(2)
    graphs = NearestNeighbours(neighbours=3, components=2).build({"train": training, "validation": validation})

    values = torch.cat(list(training.blocks()))
    axes = torch.linalg.svd(values - values.mean(dim=0), full_matrices=False).Vh[:2].T
    for part, graph in [(training, graphs["train"]), (validation, graphs["validation"])]:
        expected = nearest(part, axes, 3)
        assert len(expected.symmetric_difference(map(tuple, graph.edges.tolist()))) <= 0.05 * len(expected)
        assert all(a % 2 == b % 2 for a, b in graph.edges.tolist())


def test_principal_axes_span_what_a_singular_value_decomposition_finds() -> None:
    generator = torch.Generator().manual_seed(0)
    scale = torch.tensor([9.0, 6.0, 4.0, *[0.5] * 17])
    values = (torch.randn(60, 20, generator=generator) * scale) @ torch.linalg.qr(
        torch.randn(20, 20, generator=generator)
    ).Q + 100
    axes = principal_axes(lambda: iter(values.split(11)), 3)
    expected = torch.linalg.svd(values - values.mean(dim=0), full_matrices=False).Vh[:3].T
    torch.testing.assert_close(axes @ axes.T, expected @ expected.T, rtol=0, atol=1e-3)


def test_more_neighbours_than_samples_join_all_of_them(parts: Parts) -> None:
    graphs = NearestNeighbours(neighbours=50, components=50).build(parts)
    assert len(graphs["train"].edges) == 15
    assert graphs["train"].total_weight == pytest.approx(5)
    assert len(NearestNeighbours().build({"train": parts["train"], "test": alone(parts)})["test"].edges) == 0


def alone(parts: Mapping[Part, SamplePart]) -> SamplePart:
    part = parts["validation"]
    blocks = next(part.blocks())[:1]
    return SamplePart(samples=part.samples.iloc[:1], condition=part.condition[:1], blocks=lambda: iter([blocks]))


@pytest.mark.parametrize("options", [{"neighbours": 0}, {"components": -1}])
def test_numbers_below_one_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="must be above 0"):
        NearestNeighbours(**options)
