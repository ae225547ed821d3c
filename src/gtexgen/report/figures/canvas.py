"""What all figures have in common: their size, their text and how they become files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DPI", "WIDTH", "new_figure", "save_figure"]

WIDTH = 6.0
"""Inches. On a phone, which shows some 360 pixels, text of 10 points is then 8 pixels high, which can be read."""
DPI = 150
"""Dots per inch of a PNG, and of what an SVG holds as pixels."""


def new_figure(height: float, title: str) -> Figure:
    """Give an empty figure of the common width.

    Parameters
    ----------
    height
        Inches.
    title
        What stands above it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=12)
    return figure


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as ``NAME.png`` and ``NAME.svg`` into `folder`."""
    from matplotlib import rc_context

    figure.savefig(folder / f"{name}.png", dpi=DPI)
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.savefig(folder / f"{name}.svg", dpi=DPI, metadata={"Date": None})
