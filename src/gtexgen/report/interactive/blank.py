"""The figure that all interactive ones start from: it has no colour of its own, so that the page gives it its theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["blank_figure"]


def blank_figure(height: int, **layout: Any) -> go.Figure:
    """Make an empty figure without a template.

    Parameters
    ----------
    height
        In pixels; the width is that of the page.
    layout
        Further properties of the layout.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.update_layout(
        template={},
        height=height,
        margin={"l": 56, "r": 12, "t": 12, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        **layout,
    )
    return figure
