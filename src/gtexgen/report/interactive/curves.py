"""Training curves: training and validation by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from gtexgen.report.interactive.blank import blank_figure

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["PANELS", "curve_figure"]

PANELS = {"elbo": "ELBO (nats)", "kl": "KL (nats)", "mse": "MSE (model's scale)"}
"""The title of each panel, by the last part of the scalars that it shows."""

PARTS = {"train": "training", "val": "validation"}
DASHES = {"train": "dot", "val": "solid"}


def curve_figure(curves: pd.DataFrame, panel: str, colour: str) -> go.Figure:
    """Draw one panel.

    Parameters
    ----------
    curves
        What `gtexgen.report.curves.read_curves` gives.
    panel
        Of `PANELS`.
    colour
        Of both lines; training is dotted.
    """
    import plotly.graph_objects as go

    figure = blank_figure(
        height=300,
        xaxis={"title": {"text": "epoch"}, "zeroline": False},
        yaxis={"title": {"text": PANELS[panel]}, "zeroline": False, "tickformat": "~g", "range": _range(curves, panel)},
        hovermode="x unified",
    )
    for part, name in PARTS.items():
        points = curves[curves["metric"] == f"{part}/{panel}"]
        figure.add_trace(
            go.Scatter(
                x=points["epoch"],
                y=points["value"],
                name=name,
                mode="lines",
                line={"color": colour, "width": 2, "dash": DASHES[part]},
                hovertemplate="%{y:.4g}",
            )
        )
    return figure


def _range(curves: pd.DataFrame, panel: str) -> list[float]:
    """Leave out the first steep epochs: a tenth of the points may lie outside."""
    values = curves.loc[curves["metric"].str.endswith(f"/{panel}"), "value"]
    low, high = values.quantile(0.05), values.quantile(0.95)
    slack = 0.15 * ((high - low) or 1.0)
    return [float(max(low - slack, values.min() - slack / 3)), float(min(high + slack, values.max() + slack / 3))]
