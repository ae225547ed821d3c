from __future__ import annotations

from itertools import pairwise
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from gtexgen.errors import ConfigError
from gtexgen.tuning.pruners import build_pruner
from gtexgen.tuning.samplers import build_sampler, grid
from gtexgen.tuning.space import suggest

SPACE: dict[str, BaseDistribution] = {
    "x": FloatDistribution(0, 1, step=0.25),
    "n": IntDistribution(1, 3),
    "c": CategoricalDistribution(["a", "b"]),
}


def draws(name: str, number: int, seed: int = 0) -> list[dict[str, Any]]:
    """Draw as a study does: each trial by a sampler of its own."""
    study = optuna.create_study()
    for draw in range(number):
        study.sampler = build_sampler(name, {}, SPACE, seed=seed, draw=draw)
        trial = study.ask()
        values = suggest(trial, SPACE)
        study.sampler = optuna.samplers.RandomSampler()  # a trial ends where nothing is drawn
        study.tell(trial, float(values["x"]))
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("name", ["tpe", "nsga2", "qmc", "random", "grid"])
def test_a_seed_gives_the_same_trials_and_no_trial_repeats_all_others(name: str) -> None:
    first = draws(name, 12)
    assert first == draws(name, 12)
    assert len({str(drawn) for drawn in first}) > 6
    if name != "grid":
        assert first != draws(name, 12, seed=1)


def test_a_grid_tries_each_combination_once() -> None:
    drawn = draws("grid", 30)
    assert len({str(sorted(values.items())) for values in drawn}) == 5 * 3 * 2


def test_a_grid_lists_what_has_an_end() -> None:
    assert grid(SPACE) == {"x": [0, 0.25, 0.5, 0.75, 1], "n": [1, 2, 3], "c": ["a", "b"]}
    with pytest.raises(ConfigError, match=r"x has no end of values"):
        grid({"x": FloatDistribution(0, 1)})


def test_quasi_random_draws_cover_the_range_better_than_random_ones() -> None:
    space = {"x": FloatDistribution(0, 1)}

    def largest_gap(name: str) -> float:
        study = optuna.create_study()
        for draw in range(33):
            study.sampler = build_sampler(name, {}, space, seed=3, draw=draw)
            trial = study.ask()
            study.tell(trial, trial.suggest_float("x", 0, 1))
        values = sorted(trial.params["x"] for trial in study.trials[1:])
        return float(max(high - low for low, high in pairwise(values)))

    assert largest_gap("qmc") < 0.08 < largest_gap("random")


def test_an_unknown_option_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'n_startup'.*Did you mean 'n_startup_trials'"):
        build_sampler("tpe", {"n_startup": 3}, SPACE, seed=0, draw=0)
    with pytest.raises(ConfigError, match=r"n_warmup_steps"):
        build_pruner("median", {"n_warmup": 3})
    with pytest.raises(ConfigError, match=r"sweep.pruner_options"):
        build_pruner("median", {"n_startup_trials": -1})


@pytest.mark.parametrize("name", ["median", "hyperband", "patient"])
def test_a_pruner_gives_up_what_is_worse_than_others_and_keeps_what_is_better(name: str) -> None:
    study = optuna.create_study(
        direction="maximize", pruner=build_pruner(name, {}), sampler=optuna.samplers.RandomSampler(0)
    )

    def epochs_of(level: float) -> int:
        trial = study.ask()
        for epoch in range(1, 31):
            trial.report(level - 0.01 * epoch * (level < 0), epoch)
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                return epoch
        study.tell(trial, level)
        return 30

    assert [epochs_of(level) for level in (1.0, 1.1, 1.2, 1.3, 1.4, 1.5)][-1] == 30
    assert min(epochs_of(-1.0) for _ in range(4)) < 30
    assert epochs_of(2.0) == 30


def test_none_gives_nothing_up() -> None:
    assert isinstance(build_pruner("none", {}), optuna.pruners.NopPruner)
