"""Mean, spread and difference of every gene, real beside synthetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.report.figures.canvas import new_figure
from gtexgen.report.palette import candidate_styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["gene_differences_figure", "gene_moments", "gene_moments_figure"]

FloatArray: TypeAlias = npt.NDArray[np.floating]

UNIT = "log2(x + 1)"
SIZE = 12.0
HEIGHT_OF_ROW = 2.5

Draw: TypeAlias = Callable[["Axes", pd.DataFrame, str, Mapping[str, str]], None]


def gene_moments(expression: Mapping[str, FloatArray], genes: list[str]) -> pd.DataFrame:
    """Tabulate what the figures here show.

    Parameters
    ----------
    expression
        ``(samples, genes)`` of each kind, log2(x + 1) of store units.
    genes
        Their labels.

    Returns
    -------
    pandas.DataFrame
        ``gene``, then ``mean_<kind>`` and ``sd_<kind>`` of each kind, as `gtexgen.evaluation.results.Evaluation.genes`.
    """
    means = {f"mean_{kind}": values.mean(axis=0, dtype=np.float64) for kind, values in expression.items()}
    spreads = {f"sd_{kind}": values.std(axis=0, ddof=1, dtype=np.float64) for kind, values in expression.items()}
    return pd.DataFrame({"gene": genes, **means, **spreads})


def gene_moments_figure(genes: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Draw mean and standard deviation of every gene against the real ones.

    Parameters
    ----------
    genes
        As `gene_moments` gives them; the kind ``real`` among them.
    names
        Which other kinds are shown, and how each is called in print.
    """
    figure = new_figure(3.9, "Each dot is a gene")
    panels = figure.subplots(1, 2)
    for axes, column, title in zip(panels, ("mean", "sd"), ("Mean", "Standard deviation"), strict=True):
        _scatter_on_real(axes, genes, column, names)
        axes.set_title(title, fontsize=11)
        axes.set_xlabel(f"real, {UNIT}")
        axes.set_ylabel(f"synthetic, {UNIT}")
    _legend(figure, panels[0])
    return figure


def gene_differences_figure(genes: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Draw mean, variance and absolute differences of original against reconstructed and generated.

    These are the plots of the original project: a row each for means, variances and the absolute differences of both.

    Parameters
    ----------
    genes
        As `gene_moments` gives them; the kind ``real`` among them.
    names
        Which other kinds are shown, a column each, and how each is called in print.
    """
    variances = {f"variance_{kind}": genes[f"sd_{kind}"] ** 2 for kind in ("real", *names)}
    table = genes.assign(**variances)
    figure = new_figure(HEIGHT_OF_ROW * len(ROWS) + 0.5, f"Original samples and the model's, gene by gene, on {UNIT}")
    panels = figure.subplots(len(ROWS), len(names), squeeze=False)
    for of_row, (draw, column, label, across) in zip(panels, ROWS, strict=True):
        for axes, (kind, name) in zip(of_row, names.items(), strict=True):
            draw(axes, table, column, {kind: name})
            axes.set_xlabel(across, fontsize=9)
        of_row[0].set_ylabel(label)
        _same_height(of_row)
    for axes, name in zip(panels[0], names.values(), strict=True):
        axes.set_title(name, fontsize=11)
    return figure


def _scatter_on_real(axes: Axes, genes: pd.DataFrame, column: str, names: Mapping[str, str]) -> None:
    """Draw one figure of every gene against the real one, with the line where both are the same."""
    real = genes[f"{column}_real"]
    for kind, name in names.items():
        _dots(axes, real, genes[f"{column}_{kind}"], kind, name)
    axes.axline((0, 0), slope=1, color="black", linewidth=1, linestyle="--", label="the same")
    axes.grid(alpha=0.3)


def _difference(axes: Axes, genes: pd.DataFrame, column: str, names: Mapping[str, str]) -> None:
    """Draw how far one figure of every gene is from the real one, against the real one, with the median."""
    real = genes[f"{column}_real"]
    for kind, name in names.items():
        difference = (genes[f"{column}_{kind}"] - real).abs()
        _dots(axes, real, difference, kind, name)
        median = float(difference.median())
        axes.axhline(median, color="black", linewidth=1, linestyle="--")
        axes.set_title(f"median {median:.2g}", fontsize=9, loc="right")
    axes.grid(alpha=0.3)


ROWS: tuple[tuple[Draw, str, str, str], ...] = (
    (_scatter_on_real, "mean", "mean", "original mean"),
    (_scatter_on_real, "variance", "variance", "original variance"),
    (_difference, "mean", "|difference of means|", "original mean"),
    (_difference, "variance", "|difference of variances|", "original variance"),
)
"""How a row of `gene_differences_figure` is drawn, of which column, and what its axes are called."""


def _same_height(panels: Iterable[Axes]) -> None:
    """Give panels one range of values."""
    panels = list(panels)
    low, high = zip(*(axes.get_ylim() for axes in panels), strict=True)
    for axes in panels:
        axes.set_ylim(min(low), max(high))


def _dots(axes: Axes, x: pd.Series, y: pd.Series, kind: str, name: str) -> None:
    style = candidate_styles([kind])[kind]
    axes.scatter(
        x, y, s=SIZE, c=style.colour, marker=style.marker, alpha=0.6, linewidths=0, label=name, rasterized=len(x) > 2000
    )


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 3), frameon=False)
