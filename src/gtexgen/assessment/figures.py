"""The figures of an assessment that are files of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from gtexgen.evaluation.catalogue import METRICS
from gtexgen.evaluation.results import REAL, SUBJECT, Evaluation
from gtexgen.report.figures.correlations import correlation_figure
from gtexgen.report.figures.embedding import embedding_figure
from gtexgen.report.figures.genes import gene_differences_figure, gene_moments_figure
from gtexgen.report.figures.scores import condition_scores_figure, score_figure
from gtexgen.report.figures.traversals import traversal_figure
from gtexgen.report.graphics import Correlations, Graphics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figures"]

BY_CONDITION = ("mean_error", "variance_ratio", "wasserstein", "correlation_score", "coverage", "detection_auc")
"""The metrics that are shown condition by condition."""


def figures(evaluation: Evaluation, graphics: Graphics) -> Iterator[tuple[str, Figure]]:
    """Draw all that can be drawn, each with the name of its file."""
    tabular = [metric for metric in METRICS.values() if metric.question not in {"donors", "latents"}]
    defined = [metric.key for metric in tabular if evaluation.score(metric.key).value is not None]
    yield "scores", score_figure(evaluation, defined)
    if any(evaluation.score(key).by_condition for key in BY_CONDITION):
        yield "conditions", condition_scores_figure(evaluation, BY_CONDITION)
    names = {key: name for key, name in evaluation.candidates.items() if key != REAL}
    yield "genes", gene_moments_figure(evaluation.genes, names)
    models = {kind: kind for kind in ("reconstructed",) if f"mean_{kind}" in evaluation.genes}
    yield "gene_differences", gene_differences_figure(evaluation.genes, models | {SUBJECT: "generated"})
    if isinstance(graphics.correlations, Correlations):
        matrices = {"real": graphics.correlations.real, evaluation.candidates[SUBJECT]: graphics.correlations.subject}
        yield "correlations", correlation_figure(matrices)
    if isinstance(graphics.embedding, pd.DataFrame):
        yield "embedding", _embedding(graphics.embedding, graphics.axes, evaluation.condition)
    if isinstance(graphics.traversals, pd.DataFrame):
        yield "traversals", traversal_figure(graphics.traversals)


def _embedding(points: pd.DataFrame, axes: Sequence[str], condition: str) -> Figure:
    colour = condition if condition in points else "kind"
    coordinates = points[["x", "y", "z"]].to_numpy()
    title = "Real samples, and synthetic ones placed among them"
    return embedding_figure(coordinates, points, points["kind"].tolist(), colour, axes=axes, title=title)
