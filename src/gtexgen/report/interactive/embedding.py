"""Samples in two or three dimensions, to be turned, zoomed and asked for their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.data.tables.base import SAMPLE_ID
from gtexgen.report.colouring import Categories, Colouring, Numbers, colouring
from gtexgen.report.interactive.blank import blank_figure
from gtexgen.report.palette import MISSING, Style, candidate_styles, outline

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["embedding_figure"]

FloatArray: TypeAlias = npt.NDArray[np.floating]
IndexArray: TypeAlias = npt.NDArray[np.intp]
Trace: TypeAlias = dict[str, Any]
Part: TypeAlias = tuple[IndexArray, str, str, dict[str, Any]]
"""Samples of one colour: which, their legend group, what is said of them, and their marker."""

HEIGHT = 640
SIZES = {2: 6, 3: 4}
CAMERA = {"eye": {"x": 1.2, "y": 1.2, "z": 0.75}, "center": {"x": 0, "y": 0, "z": -0.1}}
TRACES = {2: "scattergl", 3: "scatter3d"}


def embedding_figure(
    coordinates: FloatArray,
    labels: pd.DataFrame,
    kinds: Sequence[str],
    colour: str,
    *,
    axes: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
) -> go.Figure:
    """Draw samples in the colours of a label, each kind with its marker.

    Every trace of samples has its kind in ``meta.part``, so that a page can hide a kind. A click on a category hides
    it; two hide all others.

    Parameters
    ----------
    coordinates
        ``(samples, 2)`` or ``(samples, 3)``.
    labels
        A row a sample; the column `colour` among them. ``sample_id``, where it is there, is shown under the pointer.
    kinds
        What each sample is: ``real``, ``subject``, ``generated``, ..., ``(samples,)``.
    colour
        The column that colours.
    axes
        What the dimensions are called; None leaves them without a name.
    names
        How kinds are called in print, where not by their own name.
    """
    of_sample = np.asarray(kinds, object)
    styles = candidate_styles(dict.fromkeys(of_sample))
    print_names = {kind: (names or {}).get(kind, kind) for kind in styles}
    shown = colouring(labels, colour)
    samples = labels[SAMPLE_ID].astype(str).to_numpy(object) if SAMPLE_ID in labels else None
    points = _Points(coordinates.astype(np.float32), samples, colour)
    figure = blank_figure(HEIGHT, **_space(coordinates.shape[1], axes))
    figure.update_layout(
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"y": -0.04, "yanchor": "top", "itemsizing": "constant", "font": {"size": 11}},
    )
    for kind, style in styles.items():
        rows = np.flatnonzero(of_sample == kind)
        figure.add_traces(list(points.traces(rows, shown, kind, print_names[kind], style)))
    figure.add_traces(points.legend(styles, print_names, shown))
    return figure


class _Points:
    """Samples that become traces."""

    def __init__(self, coordinates: FloatArray, samples: npt.NDArray[np.object_] | None, column: str) -> None:
        self._coordinates = coordinates
        self._samples = samples
        self._column = column
        self._dimensions = coordinates.shape[1]
        self._letters = "xyz"[: self._dimensions]

    def traces(self, rows: IndexArray, shown: Colouring, kind: str, name: str, style: Style) -> list[Trace]:
        """Give the traces of the samples of one kind: one a category, or one for all that have a number."""
        look = {"symbol": style.symbol, "size": SIZES[self._dimensions], "opacity": 0.9}
        traces = []
        for part, group, word, marker in _parts(rows, shown, self._column):
            named = "" if self._samples is None else "<b>%{text}</b><br>"
            trace = {
                "type": TRACES[self._dimensions],
                "mode": "markers",
                **{letter: self._coordinates[part, place] for place, letter in enumerate(self._letters)},
                "marker": look | marker,
                "legendgroup": group,
                "showlegend": False,
                "hovertemplate": f"{named}{self._column}: {word}<br>{name}<extra></extra>",
                "meta": {"part": kind},
            }
            traces.append(trace if self._samples is None else trace | {"text": self._samples[part]})
        return traces

    def legend(self, styles: Mapping[str, Style], names: Mapping[str, str], shown: Colouring) -> list[Trace]:
        """Give traces without samples that are the legend: the markers of kinds, where there are several; colours."""
        entries = [(names[kind], f"kind {kind}", style.symbol, MISSING) for kind, style in styles.items()]
        entries = entries if len(styles) > 1 else []
        if isinstance(shown, Categories):
            entries += [(category, category, "circle", colour) for category, colour in shown.colours.items()]
        return [
            {
                "type": TRACES[self._dimensions],
                "mode": "markers",
                **{letter: [None] for letter in self._letters},
                "name": name,
                "legendgroup": group,
                "marker": {"symbol": symbol, "size": 8, **_filled(colour)},
                "hoverinfo": "skip",
            }
            for name, group, symbol, colour in entries
        ]


def _parts(rows: IndexArray, shown: Colouring, column: str) -> list[Part]:
    """Part the samples of a kind by colour."""
    if isinstance(shown, Numbers):
        return _by_number(rows, shown, column)
    parts = {category: rows[shown.of_sample[rows] == category] for category in shown.colours}
    return [
        (part, category, category, _filled(shown.colours[category])) for category, part in parts.items() if len(part)
    ]


def _filled(colour: str) -> dict[str, Any]:
    return {"color": colour, "line": {"width": 0.5, "color": outline(colour)}}


def _by_number(rows: IndexArray, shown: Numbers, column: str) -> list[Part]:
    values = shown.of_sample[rows]
    known, unknown = rows[np.isfinite(values)], rows[~np.isfinite(values)]
    scale: dict[str, Any] = {
        "color": values[np.isfinite(values)],
        "colorscale": "Viridis",
        "cmin": shown.low,
        "cmax": shown.high,
        "colorbar": {"title": {"text": column}, "thickness": 12, "len": 0.6, "outlinewidth": 0},
    }
    parts = {"known": (known, "%{marker.color}", scale), "unknown": (unknown, "unknown", _filled(MISSING))}
    return [(part, group, word, marker) for group, (part, word, marker) in parts.items() if len(part)]


def _space(dimensions: int, axes: Sequence[str] | None) -> dict[str, Any]:
    """Give the axes: without numbers, which mean nothing, and with one unit of length in all directions."""
    look = {"showticklabels": False, "zeroline": False, "ticks": ""}
    named = {
        f"{letter}axis": look | {"title": {"text": name}}
        for letter, name in zip("xyz", axes or [""] * dimensions, strict=False)
    }
    if dimensions == 3:
        return {"scene": named | {"aspectmode": "data", "camera": CAMERA}}
    return named | {"yaxis": named["yaxis"] | {"scaleanchor": "x"}, "dragmode": "pan"}
