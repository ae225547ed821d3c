"""The report: one HTML file that needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gtexgen.data.atomic import atomic_file
from gtexgen.evaluation.catalogue import METRICS
from gtexgen.evaluation.results import REAL, Evaluation
from gtexgen.report.graphics import Graphics
from gtexgen.report.palette import candidate_styles
from gtexgen.report.plain_table import condition_table, plain_table
from gtexgen.report.plots import plots
from gtexgen.report.privacy import PROMISES, privacy_findings
from gtexgen.report.rendering import render_page
from gtexgen.report.score_table import score_table
from gtexgen.report.standing import reference
from gtexgen.report.strip import strip
from gtexgen.report.verdict import missing, realism, summary, usefulness, weaknesses

__all__ = ["render_report", "write_report"]

SECTIONS = {
    "verdict": "Verdict",
    "scores": "Scores",
    "map": "Samples",
    "genes": "Genes",
    "correlations": "Correlations",
    "conditions": "By condition",
    "training": "Training",
    "privacy": "Privacy",
    "provenance": "Provenance",
}
"""The contents list, in the order of the page."""

TILES = ("detection_auc", "coverage", "variance_ratio", "correlation_score", "tissue_transfer", "copies")
"""The metrics that the top of the page shows large."""


def write_report(path: str | Path, evaluation: Evaluation, graphics: Graphics) -> None:
    """Write the report of an evaluation as one HTML file that holds all it needs.

    Parameters
    ----------
    path
        The file; an older one of this name is replaced.
    evaluation
        What the report tells.
    graphics
        What its figures show besides.

    Raises
    ------
    gtexgen.errors.DataError
        `path` is a folder, or the disk is full.
    """
    page = render_report(evaluation, graphics)
    with atomic_file(path) as partial:
        partial.write_text(page, encoding="utf-8")


def render_report(evaluation: Evaluation, graphics: Graphics) -> str:
    """Give the HTML of a report."""
    return render_page("report.html.j2", _content(evaluation, graphics))


def _content(evaluation: Evaluation, graphics: Graphics) -> dict[str, Any]:
    """Lay out all that the template shows."""
    table = score_table(evaluation)
    rows = {row.metric.key: row for group in table.groups for row in group.rows}
    return {
        "evaluation": evaluation,
        "sections": SECTIONS,
        "styles": candidate_styles(evaluation.candidates),
        "summary": summary(evaluation),
        "realism": realism(evaluation),
        "usefulness": usefulness(evaluation),
        "privacy": privacy_findings(evaluation),
        "promises": PROMISES,
        "weaknesses": weaknesses(evaluation),
        "missing": missing(evaluation),
        "table": table,
        "strips": {key: strip(evaluation, metric) for key, metric in METRICS.items()},
        "tiles": [rows[key] for key in TILES],
        "beside": {REAL, reference(evaluation)},
        "plots": plots(evaluation, graphics),
        "by_condition": condition_table(evaluation),
        "counts": plain_table(evaluation.counts, label=evaluation.condition),
        "tables": {
            name.replace("_", " ").capitalize(): plain_table(frame) for name, frame in evaluation.tables.items()
        },
    }
