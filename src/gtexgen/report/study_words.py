"""What a study found, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

__all__ = [
    "breaks_a_constraint",
    "complete_trials",
    "objective_names",
    "replaced_trials",
    "state_counts",
    "study_sentences",
    "values_in_words",
]

STATES = {
    "COMPLETE": "finished",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "waiting",
}
"""What became of a trial, by the name of its state in Optuna."""


def objective_names(study: optuna.Study) -> list[str]:
    """Name the objectives of a study: by its metric names, else by their place."""
    return study.metric_names or [f"objective_{place}" for place in range(len(study.directions))]


def complete_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Give the trials that ran to their end."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def state_counts(study: optuna.Study) -> dict[str, int]:
    """Count the trials in each state by the state's name; those that others took the place of are left out."""
    replaced = replaced_trials(study)
    states = [trial.state.name for trial in study.get_trials(deepcopy=False) if trial.number not in replaced]
    return {name: states.count(name) for name in STATES}


def study_sentences(study: optuna.Study, front: Sequence[FrozenTrial]) -> list[str]:
    """Say how many trials there were, which is the best and how it stands to the defaults.

    Parameters
    ----------
    study
        A trial of the defaults has the user attribute ``defaults``.
    front
        The best trials, the best one first.
    """
    if not front:
        return [_counts(study), "None has finished, so that none is the best."]
    found = [*_constraints(study, front[0]), *_front(study, front), _best(study, front[0]), *_defaults(study, front[0])]
    return [_counts(study), *found]


def values_in_words(study: optuna.Study, trial: FrozenTrial) -> str:
    """Give the objectives of a complete trial."""
    values = zip(objective_names(study), trial.values, strict=True)
    return " and ".join(f"{name} = {_figure(value)}" for name, value in values)


def _counts(study: optuna.Study) -> str:
    counts = state_counts(study)
    parts = [f"{count} {STATES[name]}" for name, count in counts.items() if count]
    total = sum(counts.values())
    return f"{total} {_trials(total)}: {', '.join(parts)}.{_retried(study)}" if total else "There are no trials."


def _retried(study: optuna.Study) -> str:
    count = len(replaced_trials(study))
    return f" {count} {_trials(count)} that broke off {'was' if count == 1 else 'were'} run again." if count else ""


def replaced_trials(study: optuna.Study) -> set[int]:
    """Give the numbers of the trials that broke off and were run again under another number."""
    trials = study.get_trials(deepcopy=False)
    return {number for trial in trials for number in trial.system_attrs.get("retry_history", [])}


def _constraints(study: optuna.Study, best: FrozenTrial) -> list[str]:
    broken = sum(map(breaks_a_constraint, complete_trials(study)))
    if breaks_a_constraint(best):
        return [f"Every finished trial breaks a constraint; trial {best.number} breaks them least."]
    verb = "breaks" if broken == 1 else "break"
    return [f"{broken} finished {_trials(broken)} {verb} a constraint and cannot be the best."] if broken else []


def _front(study: optuna.Study, front: Sequence[FrozenTrial]) -> list[str]:
    if len(study.directions) == 1:
        return []
    numbers = ", ".join(str(number) for number in sorted(trial.number for trial in front))
    words = f"{len(front)} trials that no other beats" if len(front) > 1 else "one trial that no other beats"
    return [f"The Pareto front has {words} in all objectives at once: {numbers}."]


def _best(study: optuna.Study, best: FrozenTrial) -> str:
    of = f" in {objective_names(study)[0]}" if len(study.directions) > 1 else ""
    parameters = ", ".join(f"{name} = {_figure(value)}" for name, value in best.params.items())
    reached = values_in_words(study, best)
    return f"The best{of} is trial {best.number}: {reached}{', with ' if parameters else ''}{parameters}."


def _defaults(study: optuna.Study, best: FrozenTrial) -> list[str]:
    """Say how the best trial stands to the last one that ran with the defaults."""
    trials = [trial for trial in study.get_trials(deepcopy=False) if trial.user_attrs.get("defaults")]
    if not trials:
        return []
    defaults = trials[-1]
    if defaults.number == best.number:
        return [f"No trial is better than the defaults, which trial {best.number} ran with."]
    if defaults.state.name != "COMPLETE":
        return [f"The defaults cannot be compared: trial {defaults.number}, which ran with them, did not finish."]
    standings = " and ".join(_standings(study, best, defaults))
    reached = values_in_words(study, defaults)
    return [f"The defaults, trial {defaults.number}, reached {reached}: trial {best.number} is {standings}."]


def _standings(study: optuna.Study, best: FrozenTrial, other: FrozenTrial) -> list[str]:
    from optuna.study import StudyDirection

    words = []
    objectives = zip(objective_names(study), study.directions, best.values, other.values, strict=True)
    for name, direction, value, beside in objectives:
        gain = value - beside if direction == StudyDirection.MAXIMIZE else beside - value
        standing = "as good" if gain == 0 else f"{'better' if gain > 0 else 'worse'} by {abs(gain):.3g}"
        words.append(f"{standing} in {name}")
    return words


def breaks_a_constraint(trial: FrozenTrial) -> bool:
    """Say whether a metric of the trial is beyond its bound."""
    return any(value > 0 for value in trial.constraints.values())


def _figure(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _trials(count: int) -> str:
    return "trial" if count == 1 else "trials"
