"""One metric within each condition, for every candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gtexgen.evaluation.catalogue import METRICS, Metric
from gtexgen.evaluation.results import SUBJECT, Evaluation
from gtexgen.report.interactive.blank import blank_figure
from gtexgen.report.palette import candidate_styles
from gtexgen.report.standing import distance

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["condition_figure", "metrics_by_condition"]

ROW = 20
"""Height of a condition, in pixels."""


def metrics_by_condition(evaluation: Evaluation) -> list[Metric]:
    """Give the metrics that the subject has by condition."""
    return [metric for key, metric in METRICS.items() if evaluation.score(key).by_condition]


def condition_figure(evaluation: Evaluation, metric: Metric) -> go.Figure:
    """Draw a row a condition with a dot a candidate, the condition in which the subject is best on top.

    Parameters
    ----------
    evaluation
        Holds the scores by condition.
    metric
        Which of them.
    """
    import plotly.graph_objects as go

    of_subject = evaluation.score(metric.key).by_condition
    styles = candidate_styles(evaluation.candidates)
    order = sorted(of_subject, key=lambda name: -distance(metric, of_subject[name]))
    figure = blank_figure(
        height=110 + ROW * len(order),
        xaxis={"title": {"text": metric.title}, "zeroline": False},
        yaxis={"categoryorder": "array", "categoryarray": order, "automargin": True, "range": [-0.7, len(order) - 0.3]},
    )
    for candidate in sorted(evaluation.candidates, key=lambda key: key == SUBJECT):
        values = evaluation.score(metric.key, candidate).by_condition
        shown = [name for name in order if name in values]
        figure.add_trace(
            go.Scatter(
                x=[values[name] for name in shown],
                y=shown,
                name=evaluation.candidates[candidate],
                legendgroup=candidate,
                legendrank=list(evaluation.candidates).index(candidate),
                mode="markers",
                marker={
                    "color": styles[candidate].colour,
                    "size": 11 if candidate == SUBJECT else 8,
                    "symbol": styles[candidate].symbol,
                    "opacity": 1 if candidate == SUBJECT else 0.75,
                },
                hovertemplate=f"<b>%{{y}}</b><br>%{{fullData.name}} %{{x:.{metric.digits}f}}<extra></extra>",
            )
        )
    figure.add_vline(metric.ideal, line={"width": 1, "dash": "dot"}, layer="below")
    return figure
