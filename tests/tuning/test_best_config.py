from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, OmegaConf

from gtexgen.config.schema import TrainSettings
from gtexgen.config.validation import validate
from gtexgen.tuning.best_config import Changes, changes_of, experiment_yaml
from tuning.conftest import Composer

TRIALS = {
    "cvae": ["sweep=demo", "condition=[sex,tissue]", "model.latent=64", "model.hidden=[128,64]", "seed=3"],
    "beta_vae": [
        "sweep=beta_vae",
        "model/objective=capacity",
        "model.head.capacity=30.5",
        "model.kl.schedule=constant",
    ],
    "correlated_vae": ["sweep=correlated_vae", "model/graph=nearest_neighbours", "model.head.graph.neighbours=5"],
    "original": ["sweep=demo", "experiment=original_project", "scaling=min_max", "likelihood.eps=0"][:3],
    "nothing": ["sweep=demo", "trainer.max_epochs=500"],
}


def settings_in(config: DictConfig) -> DictConfig:
    kept = [str(key) for key in config if key not in {"hydra", "sweep", "store", "outputs"}]
    return OmegaConf.masked_copy(config, kept)


@pytest.mark.parametrize("trial", TRIALS)
def test_the_experiment_alone_gives_the_settings_of_the_trial(
    trial: str, tmp_path: Path, composed: Composer, loader: ConfigLoader
) -> None:
    overrides = [*TRIALS[trial], "store=elsewhere", "sweep.trial=7"]
    changes = changes_of(overrides, composed(*overrides[:1]), loader)
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "best.yaml").write_text(experiment_yaml(changes, ["The best of a study."]))
    alone = composed(f"hydra.searchpath=[file://{tmp_path}]", "experiment=best")
    assert settings_in(alone) == settings_in(composed(*overrides))
    assert alone.store is None
    validate(OmegaConf.masked_copy(alone, [str(key) for key in alone if key != "hydra"]), TrainSettings)


def test_only_what_differs_is_written(composed: Composer, loader: ConfigLoader) -> None:
    config = composed("sweep=demo")
    line = ["sweep=demo", "model.latent=64", "model.dropout=0.25", "prior=fitted_flow", "sweep.workers=2"]
    changes = changes_of(line, config, loader)
    assert changes == Changes(
        {"prior": "fitted_flow"}, {"model": {"dropout": 0.25}, "trainer": {"max_epochs": config.trainer.max_epochs}}
    )


def test_the_command_line_has_the_last_word(tmp_path: Path, composed: Composer) -> None:
    (tmp_path / "experiment").mkdir()
    text = experiment_yaml(Changes({"scaling": "min_max"}, {"model": {"latent": 64}, "seed": 3}), [])
    (tmp_path / "experiment" / "best.yaml").write_text(text)
    config = composed(f"hydra.searchpath=[file://{tmp_path}]", "experiment=best", "model.latent=5", "scaling=log")
    assert (config.model.latent, config.seed) == (5, 3)
    assert config.hydra.runtime.choices.scaling == "log"


def test_the_comment_stands_on_top() -> None:
    text = experiment_yaml(Changes({}, {"seed": 1}), ["Study A,\ntrial 3."])
    assert text.splitlines() == ["# @package _global_", "# Study A,", "# trial 3.", "seed: 1"]
    assert yaml.safe_load(experiment_yaml(Changes({}, {}), [])) is None
