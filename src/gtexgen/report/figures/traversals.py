"""How expression changes along each latent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gtexgen.report.figures.canvas import new_figure
from gtexgen.report.palette import category_colours

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["traversal_figure"]

COLUMNS = 2
MOST_GENES = 5


def traversal_figure(traversals: pd.DataFrame) -> Figure:
    """Draw the genes that change most while one latent moves and the others stay, a panel a latent.

    Parameters
    ----------
    traversals
        As `gtexgen.report.graphics.Graphics.traversals`: columns ``latent``, ``value``, ``gene`` and ``change``.
    """
    walks = {
        str(latent): traversals[traversals["latent"] == latent].pivot_table("change", "value", "gene")
        for latent in traversals["latent"].unique()
    }
    rows = -(-len(walks) // COLUMNS)
    figure = new_figure(2.9 * rows + 0.5, f"The {MOST_GENES} genes that each latent changes most")
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes, (latent, changes) in zip(panels, walks.items(), strict=False):
        most = changes.columns[np.argsort(-np.ptp(changes.to_numpy(), axis=0), kind="stable")[:MOST_GENES]]
        colours = category_colours("gene", [*most])
        for gene in most:
            axes.plot(changes.index, changes[gene], color=colours[gene], linewidth=1.8, label=gene)
        axes.set_title(f"latent {latent}", fontsize=11)
        axes.set_xlabel("latent, SDs")
        axes.set_ylabel("change, log2(x + 1)")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=3, frameon=False)
    for axes in panels[len(walks) :]:
        axes.set_axis_off()
    return figure
