"""Matrices of gene-gene correlations side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from gtexgen.report.figures.canvas import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["clustered_order", "correlation_figure"]

FloatArray: TypeAlias = npt.NDArray[np.floating]

COLOURS = "PuOr_r"
COLUMNS = 2
TICKS = (-1, -0.5, 0, 0.5, 1)


def clustered_order(correlation: FloatArray) -> npt.NDArray[np.intp]:
    """Order genes so that correlated ones are neighbours: average linkage of 1 - r, ``(genes,)``."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(correlation) < 3:
        return np.arange(len(correlation))
    apart = np.clip(1 - (correlation + correlation.T) / 2, 0, 2)
    np.fill_diagonal(apart, 0)
    order: npt.NDArray[np.intp] = leaves_list(linkage(squareform(apart, checks=False), "average")).astype(np.intp)
    return order


def correlation_figure(correlations: Mapping[str, FloatArray]) -> Figure:
    """Draw correlation matrices beside each other, on one colour scale and with the genes in one order.

    Parameters
    ----------
    correlations
        ``(genes, genes)`` by title; the first, the real one, is clustered and so decides the order.
    """
    order = clustered_order(next(iter(correlations.values())))
    rows = -(-len(correlations) // COLUMNS)
    figure = new_figure(3.05 * rows + 1.25, f"Gene-gene correlation of {len(order)} genes, within conditions")
    panels = figure.subplots(rows, COLUMNS, squeeze=False).flat
    for axes, (title, matrix) in zip(panels, correlations.items(), strict=False):
        image = axes.imshow(matrix[np.ix_(order, order)], cmap=COLOURS, vmin=-1, vmax=1, interpolation="nearest")
        axes.set_title(title, fontsize=11)
        axes.set(xticks=[], yticks=[], xlabel="genes, clustered by the first", ylabel="")
    for axes in figure.axes[len(correlations) :]:
        axes.set_axis_off()
    figure.colorbar(
        image, ax=figure.axes, location="bottom", shrink=0.6, aspect=30, label="Pearson correlation", ticks=TICKS
    )
    return figure
