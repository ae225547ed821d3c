"""Each gene's mean or SD in a table against the real one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import pandas as pd

from gtexgen.evaluation.results import REAL
from gtexgen.report.interactive.blank import blank_figure
from gtexgen.report.palette import candidate_styles

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["gene_figure"]

MOST_DRAWN_AS_SVG = 4_000
"""Genes above which points are drawn by WebGL, of which a page can hold few."""


def gene_figure(genes: pd.DataFrame, statistic: Literal["mean", "sd"], names: Mapping[str, str]) -> go.Figure:
    """Draw a point a gene; points on the line have what real samples have.

    Parameters
    ----------
    genes
        Of `gtexgen.evaluation.results.Evaluation`.
    statistic
        What is drawn, on log2(x + 1).
    names
        How each kind that is drawn is called, by key. All but the first are hidden until a reader asks.
    """
    import plotly.graph_objects as go

    draw = go.Scatter if len(genes) <= MOST_DRAWN_AS_SVG else go.Scattergl
    title = {"mean": "mean", "sd": "SD"}[statistic]
    figure = blank_figure(
        height=420,
        xaxis={"title": {"text": f"{title}, real samples"}, "zeroline": False},
        yaxis={"title": {"text": f"{title}, table"}, "zeroline": False},
    )
    real = genes[f"{statistic}_{REAL}"]
    styles = candidate_styles(names)
    shown = [kind for kind in names if f"{statistic}_{kind}" in genes]
    for place, kind in enumerate(shown):
        figure.add_trace(
            draw(
                x=real.to_numpy("float32"),
                y=genes[f"{statistic}_{kind}"].to_numpy("float32"),
                text=genes["gene"],
                name=names[kind],
                legendgroup=kind,
                mode="markers",
                marker={"size": 6, "opacity": 0.6, "color": styles[kind].colour, "symbol": styles[kind].symbol},
                visible=True if place == 0 else "legendonly",
                hovertemplate="<b>%{text}</b><br>real %{x:.2f}<br>%{fullData.name} %{y:.2f}<extra></extra>",
            )
        )
    low, high = min(0.0, float(real.min())), float(real.max()) * 1.02
    figure.add_shape(type="line", x0=low, y0=low, x1=high, y1=high, line={"width": 1, "dash": "dot"}, layer="below")
    return figure
