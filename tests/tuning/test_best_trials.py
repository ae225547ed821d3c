from __future__ import annotations

import pytest
from optuna.trial import FrozenTrial, TrialState

from gtexgen.tuning.best_trials import best_trials
from support.studies import make_study, make_trial


@pytest.mark.parametrize(
    ("trials", "best"),
    [
        ([], []),
        ([make_trial(state=TrialState.FAIL), make_trial(9.0, state=TrialState.PRUNED)], []),
        ([make_trial(1.0), make_trial(3.0), make_trial(9.0, state=TrialState.PRUNED)], [1]),
        ([make_trial(3.0), make_trial(3.0)], [0, 1]),
        ([make_trial(5.0, violation=0.1), make_trial(1.0, violation=0.0), make_trial(0.0, violation=-1.0)], [1]),
        ([make_trial(5.0, violation=0.2), make_trial(1.0, violation=0.1)], [1]),
    ],
    ids=["none", "none complete", "pruned", "tie", "constrained", "none feasible"],
)
def test_the_best_is_complete_and_feasible_where_any_is(trials: list[FrozenTrial], best: list[int]) -> None:
    assert [trial.number for trial in best_trials(make_study(trials))] == best


def test_a_smaller_objective_is_better_where_that_is_asked_for() -> None:
    study = make_study([make_trial(3.0), make_trial(1.0)], ["minimize"], ["val/mse"])
    assert best_trials(study)[0].number == 1


def test_the_front_begins_with_the_best_in_the_first_objective() -> None:
    trials = [make_trial(1.0, 0.1), make_trial(3.0, 0.5), make_trial(2.0, 0.2), make_trial(1.0, 0.4)]
    study = make_study(trials, ["maximize", "minimize"], ["val/elbo", "val/spread"])
    assert [trial.number for trial in best_trials(study)] == [1, 2, 0]


def test_no_infeasible_trial_is_on_the_front() -> None:
    trials = [make_trial(9.0, 0.0, violation=1.0), make_trial(3.0, 0.5, violation=0.0)]
    study = make_study(trials, ["maximize", "minimize"], ["val/elbo", "val/spread"])
    assert [trial.number for trial in best_trials(study)] == [1]
