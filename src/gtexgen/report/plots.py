"""Which interactive figures a report has, and what each is called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from gtexgen.evaluation.results import REAL, SUBJECT, Evaluation
from gtexgen.evaluation.scores import Undefined
from gtexgen.report.colouring import colourable
from gtexgen.report.graphics import Graphics
from gtexgen.report.interactive.conditions import condition_figure, metrics_by_condition
from gtexgen.report.interactive.correlations import correlation_figure
from gtexgen.report.interactive.curves import PANELS, curve_figure
from gtexgen.report.interactive.embedding import embedding_figure
from gtexgen.report.interactive.genes import gene_figure
from gtexgen.report.interactive.traversals import traversal_figure
from gtexgen.report.palette import candidate_styles

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Plot", "plots"]

MOST_LATENTS = 8
SIGNS = {"circle": "\N{BLACK CIRCLE}", "diamond": "\N{BLACK DIAMOND}"}


@dataclass(frozen=True)
class Plot:
    """One drawing of the page.

    Attributes
    ----------
    name
        Its id.
    title
        Its caption.
    label
        What it shows, for readers who do not see it.
    variants
        The figures that a list lets the reader choose from, by what the list says; one is no choice.
    choice
        What is chosen.
    parts
        The names of the parts of a figure that can be hidden, by their key in the ``meta`` of its traces.
    """

    name: str
    title: str
    label: str
    variants: Mapping[str, go.Figure]
    choice: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def height(self) -> int:
        """Of the first variant, in pixels."""
        first: go.Figure = next(iter(self.variants.values()))
        return int(first.layout.height)

    @property
    def content(self) -> str:
        """The variants as JSON that may stand in a script element."""
        figures = [json.loads(figure.to_json()) for figure in self.variants.values()]
        for content in figures:
            content["layout"].pop("template", None)
        return json.dumps(figures, separators=(",", ":")).replace("<", "\\u003c")


def plots(evaluation: Evaluation, graphics: Graphics) -> dict[str, list[Plot] | Undefined]:
    """Give the drawings of each section by its id; one that has none says why."""
    return {
        "map": _of_embedding(evaluation, graphics),
        "genes": _of_genes(evaluation),
        "correlations": _of_correlations(evaluation, graphics),
        "conditions": _of_conditions(evaluation),
        "training": _of_curves(graphics.curves),
        "latents": _of_traversals(graphics.traversals),
    }


def _of_genes(evaluation: Evaluation) -> list[Plot]:
    kinds = [column.removeprefix("mean_") for column in map(str, evaluation.genes) if column.startswith("mean_")]
    names = {kind: evaluation.candidates.get(kind, kind) for kind in sorted(kinds, key=lambda kind: kind != SUBJECT)}
    names.pop(REAL, None)
    titles = {"mean": "Mean of each gene", "sd": "Standard deviation of each gene"}
    return [
        Plot(
            f"gene-{statistic}",
            titles[statistic],
            f"Scatter of {titles[statistic].lower()}, of the table against real samples",
            {"all": gene_figure(evaluation.genes, statistic, names)},
        )
        for statistic in ("mean", "sd")
    ]


def _of_correlations(evaluation: Evaluation, graphics: Graphics) -> list[Plot] | Undefined:
    correlations = graphics.correlations
    if isinstance(correlations, Undefined):
        return correlations
    sides = {
        REAL: ("Real samples", correlations.real),
        SUBJECT: (evaluation.candidates[SUBJECT], correlations.subject),
    }
    return [
        Plot(
            f"correlations-{kind}",
            title,
            f"Heatmap of the correlations of {len(correlations.genes)} genes: {title}",
            {"all": correlation_figure(matrix, correlations.genes)},
        )
        for kind, (title, matrix) in sides.items()
    ]


def _of_conditions(evaluation: Evaluation) -> list[Plot] | Undefined:
    metrics = metrics_by_condition(evaluation)
    if not metrics:
        return Undefined("no metric is defined within a condition")
    return [
        Plot(
            "condition-scores",
            f"Quality within each {evaluation.condition}",
            f"Dots: one metric of every candidate within each {evaluation.condition}",
            {metric.title: condition_figure(evaluation, metric) for metric in metrics},
            choice="Metric",
        )
    ]


def _of_curves(curves: pd.DataFrame | Undefined) -> list[Plot] | Undefined:
    if isinstance(curves, Undefined):
        return curves
    colour = candidate_styles([SUBJECT])[SUBJECT].colour
    return [
        Plot(f"curve-{panel}", title, f"{title} by epoch", {"all": curve_figure(curves, panel, colour)})
        for panel, title in PANELS.items()
        if curves["metric"].str.endswith(f"/{panel}").any()
    ]


def _of_traversals(traversals: pd.DataFrame | Undefined) -> list[Plot] | Undefined:
    if isinstance(traversals, Undefined):
        return traversals
    spread = traversals["change"].abs().groupby(traversals["latent"]).max()
    strongest = sorted(spread.nlargest(MOST_LATENTS).index)
    return [
        Plot(
            "traversals",
            "What a latent changes",
            "Heatmap of the change of the genes that a latent changes most",
            {f"latent {latent}": traversal_figure(traversals, latent) for latent in strongest},
            choice="Latent",
        )
    ]


def _of_embedding(evaluation: Evaluation, graphics: Graphics) -> list[Plot] | Undefined:
    embedding = graphics.embedding
    if isinstance(embedding, Undefined):
        return embedding
    coordinates = embedding[["x", "y", "z"]].to_numpy()
    labels, kinds = embedding.drop(columns=["x", "y", "z", "kind"]), embedding["kind"].tolist()
    names = {REAL: "real", SUBJECT: "synthetic"}
    styles = candidate_styles(names)
    return [
        Plot(
            "sample-map",
            "Real and synthetic samples",
            "Real and synthetic samples in a space of three dimensions that can be turned",
            {
                column: embedding_figure(coordinates, labels, kinds, column, axes=graphics.axes, names=names)
                for column in colourable(labels.drop(columns="sample_id"), evaluation.condition)
            },
            choice="Colour",
            parts={kind: f"{SIGNS[styles[kind].symbol]} {name}" for kind, name in names.items()},
        )
    ]
