"""What a latent does to the genes that it changes most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gtexgen.report.interactive.blank import blank_figure

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["traversal_figure"]

MOST_GENES = 20
ROW = 18
"""Height of a gene, in pixels."""


def traversal_figure(traversals: pd.DataFrame, latent: int) -> go.Figure:
    """Draw a row a gene: the change of its expression as the latent goes from its lowest to its highest value.

    Parameters
    ----------
    traversals
        Of `gtexgen.report.graphics.Graphics`.
    latent
        Which latent.
    """
    import plotly.graph_objects as go

    changes = traversals[traversals["latent"] == latent].pivot_table(index="gene", columns="value", values="change")
    strongest = changes.abs().max(axis=1).nlargest(MOST_GENES).index
    changes = changes.loc[strongest].sort_values(changes.columns[-1])
    most = float(np.abs(changes.to_numpy()).max()) or 1.0
    figure = blank_figure(
        height=120 + ROW * len(changes),
        xaxis={"title": {"text": f"latent {latent}"}, "showgrid": False, "zeroline": False},
        yaxis={"automargin": True, "showgrid": False, "dtick": 1},
        coloraxis={
            "cmin": -most,
            "cmid": 0,
            "cmax": most,
            "colorbar": {"thickness": 10, "title": {"text": "log2"}, "outlinewidth": 0},
        },
    )
    figure.add_trace(
        go.Heatmap(
            z=changes.to_numpy("float32"),
            x=changes.columns.to_numpy("float32"),
            y=changes.index.to_numpy(),
            coloraxis="coloraxis",
            hovertemplate="<b>%{y}</b><br>at %{x:.1f}: %{z:+.2f}<extra></extra>",
        )
    )
    return figure
