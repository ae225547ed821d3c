"""What a finished study leaves behind in its folder."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from gtexgen.data.atomic import atomic_file, atomic_link
from gtexgen.provenance import describe_process
from gtexgen.report.study_page import study_page
from gtexgen.report.study_words import breaks_a_constraint, objective_names, state_counts, values_in_words
from gtexgen.tuning.best_config import Changes, experiment_yaml
from gtexgen.tuning.best_trials import best_trials
from gtexgen.tuning.trial_table import trial_table

if TYPE_CHECKING:
    import optuna

__all__ = ["StudyResults", "training_command", "write_results"]

BEST = "best"


@dataclass(frozen=True)
class StudyResults:
    """What came out of a study.

    Attributes
    ----------
    best
        The number of the best trial; None where no trial is complete. Of several objectives, it is the one of the
        Pareto front that is best in the first.
    values
        Its objectives by name.
    params
        Its parameters by name.
    counts
        How many trials are in each state, by the state's name: ``COMPLETE``, ``PRUNED``, ``FAIL``, ``RUNNING`` and
        ``WAITING``.
    command
        What trains with its settings; None where there is no best trial.
    feasible
        Whether the best trial keeps all constraints.
    """

    best: int | None
    values: dict[str, float]
    params: dict[str, Any]
    counts: dict[str, int]
    command: str | None
    feasible: bool


def write_results(
    study: optuna.Study, folder: Path, *, title: str, changes_of: Callable[[Sequence[str]], Changes]
) -> StudyResults:
    """Write what a study found; older results are replaced, each in one step.

    These are ``trials.csv`` and ``trials.parquet``; ``study.html``; for each trial of the Pareto front, if there are
    several objectives, ``experiment/pareto_<number>.yaml``; and, once a trial is complete, ``experiment/best.yaml``
    and the link ``best`` to the best trial's folder, if it is on this machine.

    Parameters
    ----------
    study
        Its trials have the user attribute ``overrides``, their command line; further ones are told where trials have
        them: ``folder``, ``error`` and ``defaults``.
    folder
        Of the study; its trials are in ``trials/<number>``.
    title
        The heading of the page.
    changes_of
        Says of a command line in what the run differs from the defaults.

    Raises
    ------
    gtexgen.errors.DataError
        The disk is full, or a file's place is taken by a folder.
    """
    front = best_trials(study)
    best = front[0] if front else None
    table = trial_table(study)
    _write_tables(table, folder)
    experiments = _write_experiments(study, front, folder, changes_of)
    _link_best(folder, best)
    process = describe_process()
    provenance = {"study": study.study_name, "written": process.pop("started"), **process}
    _write_text(folder / "study.html", study_page(study, table, front, title=title, provenance=provenance))
    return StudyResults(
        best=None if best is None else best.number,
        values={} if best is None else dict(zip(objective_names(study), best.values, strict=True)),
        params={} if best is None else dict(best.params),
        counts=state_counts(study),
        command=training_command(folder, BEST, best.user_attrs["overrides"]) if best and BEST in experiments else None,
        feasible=best is None or not breaks_a_constraint(best),
    )


def _write_tables(table: pd.DataFrame, folder: Path) -> None:
    with atomic_file(folder / "trials.csv") as partial:
        table.to_csv(partial, index=False)
    with atomic_file(folder / "trials.parquet") as partial:
        table.to_parquet(partial, index=False)


def _write_experiments(
    study: optuna.Study,
    front: Sequence[optuna.trial.FrozenTrial],
    folder: Path,
    changes_of: Callable[[Sequence[str]], Changes],
) -> dict[str, Path]:
    """Write the settings of the best trials and remove those of trials that are no more among them."""
    trials = {BEST: front[0]} if front else {}
    if len(study.directions) > 1:
        trials.update({f"pareto_{trial.number}": trial for trial in front})
    written = {}
    for name, trial in trials.items():
        if "overrides" in trial.user_attrs:
            written[name] = folder / "experiment" / f"{name}.yaml"
            changes = changes_of(trial.user_attrs["overrides"])
            _write_text(written[name], experiment_yaml(changes, _about(study, trial, folder, name)))
    for path in (folder / "experiment").glob("pareto_*.yaml"):
        if path not in written.values():
            path.unlink(missing_ok=True)
    return written


def _about(study: optuna.Study, trial: optuna.trial.FrozenTrial, folder: Path, name: str) -> list[str]:
    ended = f" of {trial.datetime_complete:%Y-%m-%d %H:%M}" if trial.datetime_complete else ""
    breaks = ["It breaks a constraint of the study, as every other trial does."] if breaks_a_constraint(trial) else []
    return [
        f"Study {study.study_name}, trial {trial.number}{ended}: {values_in_words(study, trial)}.",
        *breaks,
        f"  {training_command(folder, name, trial.user_attrs['overrides'])}",
    ]


def training_command(folder: Path, experiment: str, overrides: Sequence[str]) -> str:
    """Give the command that trains with the settings of a trial, on the data that it had."""
    data = [text for text in overrides if text.startswith("store=")]
    return shlex.join(["gtexgen-train", "--config-dir", str(folder), f"experiment={experiment}", *data])


def _link_best(folder: Path, best: optuna.trial.FrozenTrial | None) -> None:
    """Point ``best`` to the best trial's folder; where that is on another machine, there is no link."""
    target = None if best is None else folder / "trials" / str(best.number)
    if target is not None and target.is_dir():
        atomic_link(folder / BEST, target)
    else:
        (folder / BEST).unlink(missing_ok=True)


def _write_text(path: Path, text: str) -> None:
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
