"""Studies on disk, and Hydra's loader of ``conf/``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from gtexgen.config.locations import conf_folder
from gtexgen.config.resolvers import register_resolvers
from gtexgen.config.study import StudySettings, study_settings
from gtexgen.tuning.quiet import quiet_optuna
from gtexgen.tuning.study import SharedStudy, open_study

Composer = Callable[..., DictConfig]
Opener = Callable[..., SharedStudy]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    quiet_optuna()


@pytest.fixture
def composed() -> Iterator[Composer]:
    """What Hydra composes for ``gtexgen-train`` with some overrides, ``hydra`` included."""
    register_resolvers()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        yield lambda *overrides: compose("train", overrides=list(overrides), return_hydra_config=True)


@pytest.fixture
def loader(composed: Composer) -> ConfigLoader:
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    return hydra.config_loader


@pytest.fixture
def settings(composed: Composer) -> StudySettings:
    """A study without a pruner that draws at random."""
    return replace(study_settings(composed("sweep=demo")), sampler="random", pruner="none", trials=4)


@pytest.fixture
def opened(settings: StudySettings, tmp_path: Path) -> Opener:
    """Open the study of `settings` in a folder, some of its settings changed."""

    def open_changed(folder: Path = tmp_path, **changed: Any) -> SharedStudy:
        return open_study(replace(settings, **changed), folder)

    return open_changed
