from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.config_loader import ConfigLoader
from omegaconf import OmegaConf

from gtexgen.config.locations import conf_folder
from gtexgen.config.study import study_settings
from gtexgen.tuning.check import check_space, find_space_function
from gtexgen.tuning.objectives import read_bounds
from gtexgen.tuning.pruners import build_pruner
from gtexgen.tuning.samplers import build_sampler
from gtexgen.tuning.space import read_space, values_of
from tuning.conftest import Composer

STUDIES = sorted(path.stem for path in (conf_folder() / "sweep").glob("*.yaml"))


def test_the_studies_are_those_of_the_top_level() -> None:
    assert {*STUDIES} >= {"cvae", "beta_vae", "correlated_vae", "heads", "realism", "demo"}
    assert (conf_folder() / "sweep").resolve() == Path(__file__).resolve().parents[2] / "sweeps"


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_whole_and_searches_what_there_is(name: str, composed: Composer, loader: ConfigLoader) -> None:
    config = composed(f"sweep={name}")
    settings = study_settings(config)
    assert settings.name == name
    space = read_space(settings.space, loader)
    check_space(config, [f"sweep={name}"], loader, space, find_space_function(settings.space_function))
    build_sampler(settings.sampler, settings.sampler_options, space, seed=0, draw=0)
    build_pruner(settings.pruner, settings.pruner_options)
    read_bounds(settings.constraints)
    by_the_cohort = {key for key in space if OmegaConf.select(config, key) is None}
    assert by_the_cohort <= {"loader.batch_size"}
    assert values_of(config, space).keys() == space.keys() - by_the_cohort, "the defaults lie within what is searched"
