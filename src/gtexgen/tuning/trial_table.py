"""The trials of a study as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from gtexgen.report.study_words import objective_names, replaced_trials

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = ["trial_table"]


def trial_table(study: optuna.Study) -> pd.DataFrame:
    """Lay out the trials of a study, a row a trial.

    Returns
    -------
    pandas.DataFrame
        Columns ``number``, ``state``, each objective by its name, ``violation.*`` (by how much a metric is beyond its
        bound; 0 and less is within it) where there are any, ``params.*``, ``duration_seconds``, ``started`` and
        ``ended`` (the local time of the machine that ran it), ``epochs`` (how many it trained), ``error``, ``folder``
        and ``retried`` (a later trial took its place). A pruned trial has the objective that it reported last.
    """
    trials = study.get_trials(deepcopy=False)
    replaced = replaced_trials(study)
    columns: dict[str, list[Any]] = {
        "number": [trial.number for trial in trials],
        "state": [trial.state.name for trial in trials],
        **{
            name: [trial.values[index] if trial.values else None for trial in trials]
            for index, name in enumerate(objective_names(study))
        },
        **_spread("violation", [trial.constraints for trial in trials]),
        **_spread("params", [trial.params for trial in trials]),
        "duration_seconds": [trial.duration and trial.duration.total_seconds() for trial in trials],
        "started": [trial.datetime_start for trial in trials],
        "ended": [trial.datetime_complete for trial in trials],
        "epochs": [trial.user_attrs.get("epochs", len(trial.intermediate_values)) for trial in trials],
        "error": [_once_begun(trial, "error") for trial in trials],
        "folder": [_once_begun(trial, "folder") for trial in trials],
        "retried": [trial.number in replaced for trial in trials],
    }
    numbers = dict.fromkeys([*objective_names(study), "duration_seconds"], "Float64")
    return pd.DataFrame({name: _column(values) for name, values in columns.items()}).astype(numbers)


def _once_begun(trial: FrozenTrial, name: str) -> Any:
    """Give an attribute of a trial, not that of the one whose place it is to take."""
    from optuna.trial import TrialState

    return None if trial.state == TrialState.WAITING else trial.user_attrs.get(name)


def _spread(prefix: str, trials: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Give a column for each name that any trial has."""
    names = dict.fromkeys(name for trial in trials for name in trial)
    return {f"{prefix}.{name}": [trial.get(name) for trial in trials] for name in names}


def _column(values: Iterable[Any]) -> pd.Series[Any]:
    """Find the type that all values of a column share; text where there is none, as Parquet wants one."""
    column = pd.Series(pd.array(list(values)))
    return column.astype("string") if column.dtype == object or column.isna().all() else column
