"""Which trials of a study are the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gtexgen.report.study_words import complete_trials

if TYPE_CHECKING:
    import optuna

__all__ = ["best_trials"]


def best_trials(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Give the trials that no other is better than: the Pareto front where there are several objectives.

    A trial that breaks a constraint is among them only where all do: then it is the one that breaks them least.

    Returns
    -------
    list of optuna.trial.FrozenTrial
        The best in the first objective comes first; none where no trial is complete.
    """
    from optuna.study import StudyDirection

    front = study.best_trials or sorted(complete_trials(study), key=_violation)[:1]
    sign = -1 if study.directions[0] == StudyDirection.MAXIMIZE else 1
    return sorted(front, key=lambda trial: (sign * trial.values[0], trial.number))


def _violation(trial: optuna.trial.FrozenTrial) -> float:
    return sum(max(value, 0.0) for value in trial.constraints.values())
