"""Samples in two or three dimensions, on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.report.colouring import Categories, Colouring, Numbers, colouring
from gtexgen.report.figures.canvas import WIDTH, new_figure
from gtexgen.report.palette import MISSING, OUTLINE, Style, candidate_styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["embedding_figure"]

FloatArray: TypeAlias = npt.NDArray[np.floating]

PLOT_HEIGHT = 5.0
LINE_HEIGHT = 0.0235  # inches a point of the font
LEGEND_SIZE, SMALL_LEGEND_SIZE = 9, 7
MANY_ENTRIES = 40
LETTERS_AN_INCH = 125  # of a font of one point
TURNS = 8
SCALE = "viridis"
MOST_VECTORS = 2000


def embedding_figure(
    coordinates: FloatArray,
    labels: pd.DataFrame,
    kinds: Sequence[str],
    colour: str,
    *,
    axes: Sequence[str],
    title: str,
) -> Figure:
    """Draw samples in the colours of a label, each kind with its marker.

    Parameters
    ----------
    coordinates
        ``(samples, 2)`` or ``(samples, 3)``.
    labels
        A row a sample; the column `colour` among them.
    kinds
        What each sample is: ``real``, ``generated``, ..., ``(samples,)``.
    colour
        The column that colours.
    axes
        What the dimensions are called.
    title
        Stands above.
    """
    shown = colouring(labels, colour)
    styles = candidate_styles(dict.fromkeys(kinds))
    legend = _legend_entries(shown, styles)
    size = LEGEND_SIZE if len(legend) <= MANY_ENTRIES else SMALL_LEGEND_SIZE
    columns = max(1, int(WIDTH * LETTERS_AN_INCH / size / (max(map(len, legend), default=0) + 6)))
    lines = -(-len(legend) // columns) + 1
    figure = new_figure(PLOT_HEIGHT + lines * size * LINE_HEIGHT, title)
    panel = figure.add_subplot(projection="3d" if coordinates.shape[1] == 3 else None)
    _draw(panel, coordinates, np.asarray(kinds, object), shown, styles)
    _name_axes(panel, axes)
    if isinstance(shown, Numbers):
        figure.colorbar(panel.collections[-1], ax=panel, location="bottom", shrink=0.7, aspect=30, label=colour)
    if legend:
        heading = {"title": colour, "title_fontsize": size + 1} if isinstance(shown, Categories) else {}
        figure.legend(
            legend.values(), legend.keys(), loc="outside lower center", ncols=columns, fontsize=size,
            frameon=False, handletextpad=0.3, columnspacing=1.2, **heading,
        )  # fmt: skip
    return figure


def _name_axes(panel: Axes, names: Sequence[str]) -> None:
    """Say what the axes are; their numbers mean nothing and are left out."""
    for letter, name in zip("xyz", names, strict=False):
        axis = getattr(panel, f"{letter}axis")
        axis.set_ticks([])
        axis.set_label_text(name)
        if len(names) == 3:
            axis.labelpad = -12
    if len(names) == 3:
        panel.set_box_aspect(None, zoom=1.15)  # type: ignore[call-arg]


def _draw(
    panel: Axes, coordinates: FloatArray, kinds: npt.NDArray[np.object_], shown: Colouring, styles: dict[str, Style]
) -> None:
    """Draw samples in a random order and the kinds in turns, so that nothing hides the rest; unknown ones lie below."""
    order = np.random.default_rng(0).permutation(len(kinds))
    unknown = _unknown(shown)
    layers = [order[unknown[order]], *np.array_split(order[~unknown[order]], TURNS)]
    size = float(np.clip(60_000 / len(kinds), 8, 30))
    look: dict[str, Any] = {
        "edgecolors": OUTLINE,
        "s": size,
        "linewidths": 0.3 if size < 20 else 0.5,
        "rasterized": len(kinds) > MOST_VECTORS,
    }
    for number, layer in enumerate(layers):
        for kind, style in styles.items():
            rows = layer[kinds[layer] == kind]
            colours = {"c": MISSING, "alpha": 0.4} if number == 0 else {"alpha": 0.85, **_colours(shown, rows)}
            panel.scatter(*coordinates[rows].T, marker=style.marker, **(look | colours))


def _unknown(shown: Colouring) -> npt.NDArray[np.bool_]:
    if isinstance(shown, Categories):
        return np.array([shown.colours[name] == MISSING for name in shown.of_sample])
    return np.isnan(shown.of_sample)


def _colours(shown: Colouring, rows: npt.NDArray[np.intp]) -> dict[str, Any]:
    if isinstance(shown, Categories):
        return {"c": [shown.colours[name] for name in shown.of_sample[rows]]}
    return {"c": shown.of_sample[rows], "cmap": SCALE, "vmin": shown.low, "vmax": shown.high}


def _legend_entries(shown: Colouring, styles: dict[str, Style]) -> dict[str, Any]:
    """Give the handles of kinds, where there are several, and of categories, by name."""
    from matplotlib.lines import Line2D

    def handle(marker: str, colour: str) -> Line2D:
        return Line2D([], [], linestyle="", marker=marker, color=colour, markeredgecolor=OUTLINE, markeredgewidth=0.5)

    kinds = {kind: handle(style.marker, "white") for kind, style in styles.items()} if len(styles) > 1 else {}
    if isinstance(shown, Categories):
        return kinds | {name: handle("o", colour) for name, colour in shown.colours.items()}
    return kinds
