"""A study as one page for a browser: nothing is fetched from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from gtexgen.report.plain_table import PlainCell, PlainTable, plain_table
from gtexgen.report.rendering import render_page
from gtexgen.report.study_plots import study_plots
from gtexgen.report.study_words import objective_names, study_sentences

if TYPE_CHECKING:
    import optuna

__all__ = ["study_page"]

ELSEWHERE = ["started", "ended", "folder"]
"""Columns that the files beside the page have, and the page has no room for."""
PARAMETER = "params."


def study_page(
    study: optuna.Study,
    trials: pd.DataFrame,
    front: Sequence[optuna.trial.FrozenTrial],
    *,
    title: str,
    provenance: Mapping[str, Any],
) -> str:
    """Give the page of a study: what it found in words, Optuna's plots and the trials.

    Parameters
    ----------
    study
        What is shown, whether or not all its trials have ended.
    trials
        A row a trial, with the columns of `gtexgen.tuning.trial_table.trial_table`.
    front
        The best trials, the best one first; none where no trial is complete.
    title
        Its heading.
    provenance
        What made it: plain values.
    """
    directions = zip(study.directions, objective_names(study), strict=True)
    parameters = [name for name in trials if str(name).startswith(PARAMETER)]
    content = {
        "title": title,
        "objectives": " and ".join(f"{direction.name.lower()} {name}" for direction, name in directions),
        "sentences": study_sentences(study, front),
        "drawings": study_plots(study),
        "axes": len(study.directions) + len(parameters),
        "trials": _sorted_table(trials, study),
        "provenance": {name: value for name, value in provenance.items() if value is not None},
    }
    return render_page("study.html.j2", content)


def _sorted_table(trials: pd.DataFrame, study: optuna.Study) -> PlainTable:
    """Lay out the trials by how good they are, so that the best are there whatever is left out."""
    from optuna.study import StudyDirection

    complete = trials["state"] == "COMPLETE"
    value = trials[objective_names(study)[0]].astype(float).where(complete)
    order = value.sort_values(ascending=study.directions[0] == StudyDirection.MINIMIZE, kind="stable").index
    shown = trials.loc[order].drop(columns=ELSEWHERE).rename(columns={"duration_seconds": "seconds"})
    shown["state"] = shown["state"].str.lower()
    shown["error"] = shown["error"].str.split("\n").str[0]
    shown["retried"] = shown["retried"].map({True: "yes", False: ""})
    table = plain_table(shown)
    columns = [str(name).removeprefix(PARAMETER) for name in shown]
    return replace(table, columns=columns, rows=[[_precise(cell) for cell in row] for row in table.rows])


def _precise(cell: PlainCell) -> PlainCell:
    """Give a number that is not counted the digits that tell a learning rate from its neighbours."""
    is_counted = cell.text.replace(",", "").isdigit()
    return cell if cell.number is None or is_counted else replace(cell, text=f"{cell.number:.6g}")
