from __future__ import annotations

import pytest
from optuna.trial import FrozenTrial, TrialState

from gtexgen.report.study_words import study_sentences
from support.studies import Direction, make_study, make_trial

DEFAULTS = {"defaults": True}


def said(trials: list[FrozenTrial], *front: int, objectives: int = 1) -> str:
    directions: list[Direction] = ["maximize", "minimize"]
    study = make_study(trials, directions[:objectives], ["val/elbo", "val/spread"][:objectives])
    return " ".join(study_sentences(study, [study.trials[number] for number in front]))


def test_the_best_is_named_with_its_parameters_after_what_became_of_all() -> None:
    trials = [make_trial(-5.5, model__latent=64), make_trial(-9.0, state=TrialState.PRUNED), make_trial(-7.0)]
    assert said(trials, 0) == (
        "3 trials: 2 finished, 1 pruned. The best is trial 0: val/elbo = -5.5, with model.latent = 64."
    )


def test_trials_that_were_run_again_are_counted() -> None:
    trials = [make_trial(state=TrialState.FAIL), make_trial(-5.0, retries=[0])]
    assert said(trials, 1).startswith("1 trial: 1 finished. 1 trial that broke off was run again.")


@pytest.mark.parametrize(
    ("defaults", "end"),
    [
        (
            make_trial(-7.5, attributes=DEFAULTS),
            "The defaults, trial 0, reached val/elbo = -7.5: trial 1 is better by 2.5 in val/elbo.",
        ),
        (make_trial(state=TrialState.FAIL, attributes=DEFAULTS), "which ran with them, did not finish."),
        (make_trial(-7.5), "The best is trial 1: val/elbo = -5."),
    ],
)
def test_the_best_is_held_against_the_defaults(defaults: FrozenTrial, end: str) -> None:
    assert said([defaults, make_trial(-5.0)], 1).endswith(end)


def test_defaults_can_be_the_best() -> None:
    assert said([make_trial(-1.0, attributes=DEFAULTS)], 0).endswith(
        "No trial is better than the defaults, which trial 0 ran with."
    )


def test_each_of_several_objectives_is_held_against_the_defaults() -> None:
    text = said([make_trial(-7.0, 0.25, attributes=DEFAULTS), make_trial(-5.0, 0.5)], 1, 0, objectives=2)
    assert "The Pareto front has 2 trials that no other beats in all objectives at once: 0, 1." in text
    assert "The best in val/elbo is trial 1: val/elbo = -5 and val/spread = 0.5." in text
    assert text.endswith("trial 1 is better by 2 in val/elbo and worse by 0.25 in val/spread.")


def test_trials_that_break_a_constraint_are_counted() -> None:
    trials = [make_trial(-1.0, violation=2.0), make_trial(-5.0, violation=0.0)]
    assert "1 finished trial breaks a constraint and cannot be the best." in said(trials, 1)
    assert "Every finished trial breaks a constraint; trial 0 breaks them least." in said(trials[:1], 0)


def test_a_study_without_a_finished_trial_says_so() -> None:
    assert said([]) == "There are no trials. None has finished, so that none is the best."
