"""Optuna's own figures in the look of ours, so that the page can give them its theme."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from gtexgen.report.palette import MISSING, OKABE_ITO

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["dressed"]

SCALE = ("#A3B4C4", "#E69F00", "#D55E00")
"""From low to high, to be seen on light and on dark pages."""
INFEASIBLE = "Infeasible Trial"
COLOURS = {
    "COMPLETE": "#0072B2",
    "PRUNED": "#E69F00",
    "FAIL": "#D55E00",
    "RUNNING": "#009E73",
    "WAITING": MISSING,
    "INFEASIBLE": MISSING,
    "Best Trial": "#D55E00",
    "Feasible Trial": "#56B4E9",
    "Trial": "#56B4E9",
    INFEASIBLE: MISSING,
}
"""Of bars and markers, by Optuna's word for what they stand for."""
LINES = tuple(colour for colour in OKABE_ITO if colour != "#F0E442")
"""Of traces that Optuna gives no colour: without yellow, which is no line on a light page."""


def dressed(figure: go.Figure, height: int) -> go.Figure:
    """Take the title, the template and the colours of a light page from a figure of `optuna.visualization`.

    Parameters
    ----------
    figure
        One of Optuna's; it is changed.
    height
        In pixels; the width is that of the page.

    Returns
    -------
    plotly.graph_objects.Figure
        The same one.
    """
    figure.update_layout(
        template={},
        title=None,
        height=height,
        margin={"l": 56, "r": 12, "t": 12, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        colorway=LINES,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
    )
    figure.update_xaxes(zeroline=False, automargin=True)
    figure.update_yaxes(zeroline=False, automargin=True)
    figure.update_annotations(font={"color": None})
    figure.for_each_trace(_dress)
    return figure


def _dress(trace: Any) -> None:
    """Give a trace the colour of what it stands for, or our scale in place of Optuna's blues."""
    stands_for = _stands_for(trace)
    if stands_for in COLOURS:
        marker = {"color": COLOURS[stands_for], "showscale": False}
        cross = {"symbol": "x"} if stands_for == INFEASIBLE else {}
        trace.update(name=stands_for, showlegend=len(trace.x) > 0, marker={**marker, **cross})
    elif trace.type == "scatter" and trace.marker.colorscale:
        trace.marker.colorscale = SCALE
    elif trace.type == "scatter" and trace.line.color:
        trace.line.color = _rescaled(trace.line.color) if trace.line.color.startswith("rgb") else MISSING


def _stands_for(trace: Any) -> str:
    """Tell what a trace is: bars and the Pareto front's markers say so where one points at them.

    Names are no help but for one: slices call all trials feasible.
    """
    extra = re.search("<extra>(.+)</extra>", str(trace.hovertemplate or ""))
    if extra:
        return extra[1]
    return INFEASIBLE if trace.name == INFEASIBLE else ""


def _rescaled(colour: str) -> str:
    """Find the place of a colour among Optuna's blues, which darken from end to end, and give ours at that place."""
    from plotly.colors import sample_colorscale, sequential

    darkness = [-_lightness(blue) for blue in sequential.Blues]
    place = np.interp(-_lightness(colour), darkness, np.linspace(0, 1, len(darkness)))
    return str(sample_colorscale(list(SCALE), [float(place)])[0])


def _lightness(colour: str) -> float:
    return sum(float(channel) for channel in re.findall(r"[\d.]+", colour))
