"""A matrix of gene-gene correlations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gtexgen.evaluation.samples import FloatArray
from gtexgen.report.interactive.blank import blank_figure

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["correlation_figure"]


def correlation_figure(matrix: FloatArray, genes: Sequence[str]) -> go.Figure:
    """Draw a matrix from -1 to 1; the page gives the diverging colours.

    Parameters
    ----------
    matrix
        ``(genes, genes)``.
    genes
        Their labels.
    """
    import plotly.graph_objects as go

    labels = list(genes)
    figure = blank_figure(
        height=420,
        xaxis={"showticklabels": False, "showgrid": False, "ticks": ""},
        yaxis={"showticklabels": False, "showgrid": False, "ticks": "", "autorange": "reversed", "scaleanchor": "x"},
        coloraxis={
            "cmin": -1,
            "cmid": 0,
            "cmax": 1,
            "colorbar": {"thickness": 10, "len": 0.6, "title": {"text": "r"}, "outlinewidth": 0},
        },
    )
    figure.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8})
    figure.add_trace(
        go.Heatmap(
            z=np.asarray(matrix, dtype=np.float32),
            x=labels,
            y=labels,
            coloraxis="coloraxis",
            hovertemplate="%{x} and %{y}<br>r = %{z:.2f}<extra></extra>",
        )
    )
    return figure
