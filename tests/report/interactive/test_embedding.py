from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gtexgen.report.interactive.embedding import embedding_figure
from gtexgen.report.palette import STYLES

N = 40
COORDINATES = np.random.default_rng(0).normal(size=(N, 3))
KINDS = ["real"] * 25 + ["synthetic"] * 15
LABELS = pd.DataFrame(
    {
        "sample_id": [f"S{row}" for row in range(N)],
        "tissue": ["Lung", "Brain"] * (N // 2),
        "rin": [*np.linspace(5, 9, N - 1), None],
    }
)


def traces(dimensions: int, colour: str, **options: Any) -> tuple[list[Any], list[Any]]:
    """Give the traces of samples and those of the legend."""
    figure = embedding_figure(COORDINATES[:, :dimensions], LABELS, KINDS, colour, **options)
    return [trace for trace in figure.data if trace.meta], [trace for trace in figure.data if not trace.meta]


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("colour", ["tissue", "rin"])
def test_every_sample_is_drawn_once_where_it_lies_with_its_name(dimensions: int, colour: str) -> None:
    samples, _ = traces(dimensions, colour)
    drawn: dict[str, tuple[Any, str]] = {}
    for trace in samples:
        places = np.stack([np.asarray(trace[axis], float) for axis in "xyz"[:dimensions]], axis=1)
        drawn |= {name: (place, trace.meta["part"]) for name, place in zip(trace.text, places, strict=True)}
    assert len(drawn) == N == sum(len(trace.x) for trace in samples)
    for row, name in enumerate(LABELS["sample_id"]):
        np.testing.assert_allclose(drawn[name][0], COORDINATES[row, :dimensions].tolist(), rtol=1e-6)
        assert drawn[name][1] == KINDS[row]


def test_kinds_have_their_marker_and_categories_their_colour() -> None:
    for trace in traces(3, "tissue")[0]:
        assert trace.marker.symbol == STYLES[trace.meta["part"]].symbol
        assert trace.marker.color == {"Brain": "#EEEE00", "Lung": "#99FF00"}[trace.legendgroup]


def test_the_legend_tells_kinds_and_categories_and_a_click_takes_all_of_a_category() -> None:
    samples, legend = traces(2, "tissue", names={"synthetic": "synthetic"})
    assert [trace.name for trace in legend] == ["real", "synthetic", "Brain", "Lung"]
    assert {trace.legendgroup for trace in samples} == {"Brain", "Lung"}
    assert not any(trace.showlegend for trace in samples)
    assert any("synthetic" in trace.hovertemplate for trace in samples)


def test_numbers_are_a_scale_and_what_is_not_known_is_apart() -> None:
    samples, _ = traces(3, "rin")
    known = [trace for trace in samples if trace.legendgroup == "known"]
    assert {(trace.marker.cmin, trace.marker.cmax) for trace in known} == {(5, 9)}
    assert sum(len(trace.x) for trace in known) == N - 1


def test_one_kind_needs_no_legend_of_kinds() -> None:
    figure = embedding_figure(COORDINATES, LABELS, ["real"] * N, "tissue")
    assert {trace.name for trace in figure.data if not trace.meta} == {"Brain", "Lung"}


def test_a_page_can_be_light_or_dark() -> None:
    layout = json.loads(embedding_figure(COORDINATES, LABELS, KINDS, "tissue").to_json())["layout"]
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"
    layout.pop("template", None)  # the page gives its own
    assert "color" not in re.findall(r'"(\w+)":', json.dumps(layout))
