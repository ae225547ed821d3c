"""Every YAML in conf/ composes, has a comment on each setting and passes its command's schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir

from gtexgen.baselines import BASELINES
from gtexgen.config.baselines import baseline_config, is_baseline
from gtexgen.config.locations import conf_folder
from gtexgen.config.resolvers import register_resolvers
from gtexgen.config.schema import (
    BASELINE_SCHEMAS,
    BaselineTrainSettings,
    GenerateSettings,
    PrepareSettings,
    TrainSettings,
)
from gtexgen.config.validation import validate
from gtexgen.training.experiment import check_parts

COMMANDS: dict[str, type] = {"prepare": PrepareSettings, "train": TrainSettings, "generate": GenerateSettings}
NEEDED = {
    "data=files": ["data.expression=matrix.gct"],
    "likelihood=bernoulli": ["scaling=log_min_max"],
    "likelihood=negative_binomial": ["scaling=none", "data.units=counts"],
    "model/graph=edge_list": ["model.head.graph.path=edges.csv"],
    "generate": ["generator=outputs/latest", "counts=training", "output=synthetic.parquet"],
}
MODEL_OF = {"model/objective": "beta_vae", "model/graph": "correlated_vae"}
FILES = sorted(path.relative_to(conf_folder()) for path in conf_folder().rglob("*.yaml"))
OF_A_GROUP = [path for path in FILES if path.parent != Path() and path.parts[0] != "hydra"]
CHOICES = sorted(f"{path.parent}={path.stem}" for path in OF_A_GROUP if path.parent.name != "shared")


@pytest.fixture(autouse=True)
def _composer() -> Iterator[None]:
    register_resolvers()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        yield


@pytest.mark.parametrize("command", COMMANDS)
def test_the_defaults_of_a_command_are_valid(command: str) -> None:
    config = compose(command, overrides=NEEDED.get(command, []))
    assert isinstance(validate(config, COMMANDS[command]), COMMANDS[command])


@pytest.mark.parametrize("choice", [choice for choice in CHOICES if not choice.startswith("select=")])
def test_every_choice_composes_validates_and_builds(choice: str) -> None:
    group = choice.partition("=")[0]
    model = [f"model={MODEL_OF[group]}"] if group in MODEL_OF else []
    config = compose("train", overrides=[*model, choice, *NEEDED.get(choice, [])])
    if is_baseline(config):
        settings = validate(baseline_config(config, [choice]), BaselineTrainSettings)
        options = {key: value for key, value in asdict(settings.model).items() if key not in {"name", "baseline"}}
        assert BASELINES[settings.model.baseline](**options).options == options
    else:
        check_parts(validate(config, TrainSettings))


def test_every_baseline_has_a_file_and_a_schema() -> None:
    assert set(BASELINES) == set(BASELINE_SCHEMAS)
    assert {f"model={name}" for name in BASELINES} <= set(CHOICES)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_file_opens_with_what_it_is_for(path: Path) -> None:
    lines = (conf_folder() / path).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("#")
    assert isinstance(yaml.safe_load("\n".join(lines)), dict)
