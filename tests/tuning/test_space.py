from __future__ import annotations

from typing import Any

import optuna
import pytest
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from gtexgen.errors import ConfigError
from gtexgen.tuning.space import as_override, read_arguments, read_space, suggest, values_of
from tuning.conftest import Composer


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("choice(16, 32)", CategoricalDistribution([16, 32])),
        ("16,32", CategoricalDistribution([16, 32])),
        ("choice(relu, true, 0.5)", CategoricalDistribution(["relu", True, 0.5])),
        ("choice([64], [128, 64])", CategoricalDistribution(["[64]", "[128,64]"])),
        ("range(1, 5)", IntDistribution(1, 4)),
        ("range(16, 65, 16)", IntDistribution(16, 64, step=16)),
        ("range(0, 1, 0.25)", FloatDistribution(0, 0.75, step=0.25)),
        ("interval(0, 1)", FloatDistribution(0, 1)),
        ("tag(log, interval(1e-4, 1e-2))", FloatDistribution(1e-4, 1e-2, log=True)),
        ("int(interval(2, 9))", IntDistribution(2, 9)),
        ("tag(log, int(interval(8, 128)))", IntDistribution(8, 128, log=True)),
    ],
)
def test_the_words_of_hydra_are_distributions(words: str, expected: BaseDistribution, loader: ConfigLoader) -> None:
    assert read_space({"model.x": words}, loader) == {"model.x": expected}


def test_glob_chooses_among_the_choices_of_a_group(loader: ConfigLoader) -> None:
    found = read_space({"prior": "glob(fitted_*)"}, loader)["prior"]
    assert found == CategoricalDistribution(["fitted_flow", "fitted_gaussian", "fitted_mixture"])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("64", "single value"),
        ("interval(1, ", "cannot be read"),
        ("tag(log, interval(0, 1))", "cannot be searched"),
        ("interval(2, 1)", "cannot be searched"),
        ("range(5, 1)", "cannot be searched"),
    ],
)
def test_what_cannot_be_searched_is_named(words: str, reason: str, loader: ConfigLoader) -> None:
    with pytest.raises(ConfigError, match=f"model.x.*{reason}"):
        read_space({"model.x": words}, loader)


def test_the_command_line_is_told_apart(loader: ConfigLoader) -> None:
    line = ["sweep=demo", "sweep.trials=3", "model.latent=4,8", "condition=[sex,tissue]", "+model.new=1", "seed=7"]
    told = read_arguments(line, loader)
    assert told.study == ["sweep=demo", "sweep.trials=3"]
    assert told.searched == {"model.latent": CategoricalDistribution([4, 8])}
    assert list(told.fixed.values()) == ["condition=[sex,tissue]", "+model.new=1", "seed=7"]


SCALARS = st.one_of(
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.sampled_from(["a", "b_c"]),
)


@given(value=st.one_of(SCALARS, st.lists(SCALARS, min_size=1, max_size=3)))
def test_an_override_says_the_value_that_was_drawn(value: Any) -> None:
    (parsed,) = OverridesParser.create().parse_overrides([as_override("model.x", value)])
    assert parsed.value() == value


def test_a_value_is_drawn_for_each_setting() -> None:
    space = {
        "a": CategoricalDistribution(["x", "y"]),
        "b": FloatDistribution(0.1, 0.2),
        "c": IntDistribution(3, 9, step=3),
    }
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    drawn = suggest(trial, space)
    assert drawn == trial.params
    assert trial.distributions == space


def test_values_are_those_of_the_settings_that_could_have_been_drawn(composed: Composer) -> None:
    config = composed(
        "model=beta_vae",
        "model.latent=20",
        "model.hidden=[512,256]",
        "trainer.learning_rate=0.01",
        "loader.batch_size=128",
    )
    space = {
        "model": CategoricalDistribution(["cvae", "beta_vae"]),
        "likelihood": CategoricalDistribution(["low_rank"]),
        "model.latent": IntDistribution(8, 128, log=True),
        "model.hidden": CategoricalDistribution(["[512,256]", "[64]"]),
        "trainer.learning_rate": FloatDistribution(1e-4, 1e-3),
        "loader.batch_size": IntDistribution(96, 160, step=64),
        "model.dropout": FloatDistribution(0, 0.5, step=0.25),
    }
    assert values_of(config, space) == {
        "model": "beta_vae",
        "model.latent": 20,
        "model.hidden": "[512,256]",
        "model.dropout": 0.0,
    }
