"""Scores of conditions and of candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gtexgen.evaluation.catalogue import METRICS, Metric
from gtexgen.evaluation.results import SUBJECT, Evaluation
from gtexgen.report.figures.canvas import new_figure
from gtexgen.report.palette import OUTLINE, candidate_styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["condition_scores_figure", "score_figure"]

COLOURS = "Blues"
DARK = 0.6
COLUMNS = 2


def condition_scores_figure(evaluation: Evaluation, metrics: Sequence[str], candidate: str = SUBJECT) -> Figure:
    """Draw a table of conditions by metrics, darker where a condition is further from the ideal.

    The figures themselves are written in; shades compare conditions within one metric, not metrics.

    Parameters
    ----------
    evaluation
        What was measured.
    metrics
        Keys of `gtexgen.evaluation.catalogue.METRICS`; those without a value by condition are left out.
    candidate
        Whose scores.
    """
    scores = {key: evaluation.score(key, candidate).by_condition for key in metrics}
    scores = {key: by_condition for key, by_condition in scores.items() if by_condition}
    conditions = sorted({name for by_condition in scores.values() for name in by_condition})
    values = np.array([[by_condition.get(name, np.nan) for by_condition in scores.values()] for name in conditions])
    values = values.reshape(len(conditions), len(scores))
    figure = new_figure(0.26 * len(conditions) + 2.6, f"Scores by {evaluation.condition}")
    axes = figure.add_subplot()
    shades = np.empty_like(values)
    for column, key in enumerate(scores):
        shades[:, column] = _shade(METRICS[key], values[:, column])
    axes.imshow(shades, cmap=COLOURS, vmin=0, vmax=1, aspect="auto")
    axes.set_yticks(range(len(conditions)), conditions, fontsize=9)
    axes.set_xticks(range(len(scores)), [METRICS[key].title for key in scores], rotation=40, ha="left", fontsize=9)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for (row, column), value in np.ndenumerate(values):
        text = "" if np.isnan(value) else f"{value:.2f}"
        colour = "white" if shades[row, column] > DARK else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xlabel("darker: further from the ideal, within a metric")
    return figure


def score_figure(evaluation: Evaluation, metrics: Sequence[str]) -> Figure:
    """Draw the scores of all candidates with their 95 % intervals, a panel a metric, and the ideal as a line.

    Parameters
    ----------
    evaluation
        What was measured.
    metrics
        Keys of `gtexgen.evaluation.catalogue.METRICS`.
    """
    rows = -(-len(metrics) // COLUMNS)
    candidates = list(evaluation.candidates)
    figure = new_figure((0.28 * len(candidates) + 0.8) * rows + 0.5, "Scores with 95 % intervals")
    panels = figure.subplots(rows, COLUMNS, squeeze=False, sharey=True).ravel()
    for axes, key in zip(panels, metrics, strict=False):
        _draw_scores(axes, evaluation, METRICS[key])
    for axes in panels[len(metrics) :]:
        axes.set_axis_off()
    panels[0].set_yticks(range(len(candidates)), list(evaluation.candidates.values()))
    panels[0].invert_yaxis()
    return figure


def _draw_scores(axes: Axes, evaluation: Evaluation, metric: Metric) -> None:
    styles = candidate_styles(evaluation.candidates)
    axes.axvline(metric.ideal, color="black", linewidth=1, linestyle="--")
    for row, (candidate, style) in enumerate(styles.items()):
        score = evaluation.score(metric.key, candidate)
        if score.value is None:
            axes.annotate("none", (0.5, row), xycoords=("axes fraction", "data"), ha="center", va="center", fontsize=8)
            continue
        if score.low is not None and score.high is not None:
            axes.plot([score.low, score.high], [row, row], color=style.colour, linewidth=2.5)
        axes.scatter(
            score.value, row, s=45, c=style.colour, marker=style.marker, edgecolors=OUTLINE, linewidths=0.6, zorder=3
        )
    axes.set_title(metric.title, fontsize=8.5, loc="left")
    axes.grid(axis="x", alpha=0.3)
    axes.margins(y=0.2)


def _shade(metric: Metric, values: np.ndarray) -> np.ndarray:
    """Bring distances from the ideal to 0 (none) to 1 (the furthest condition)."""
    distance = np.abs(values - metric.ideal)
    furthest = np.nanmax(distance)
    return distance / furthest if furthest > 0 else distance
