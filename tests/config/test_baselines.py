from __future__ import annotations

from collections.abc import Iterator

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from gtexgen.config.baselines import baseline_config, is_baseline
from gtexgen.config.locations import conf_folder
from gtexgen.config.resolvers import register_resolvers
from gtexgen.config.schema import BaselineTrainSettings
from gtexgen.config.validation import validate
from gtexgen.errors import ConfigError


@pytest.fixture(autouse=True)
def _composer() -> Iterator[None]:
    register_resolvers()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        yield


def composed(*overrides: str) -> DictConfig:
    return compose("train", overrides=list(overrides))


def test_networks_are_no_baseline() -> None:
    assert not is_baseline(composed("model=beta_vae"))
    assert is_baseline(composed("model=gaussian_copula"))


def test_what_belongs_to_networks_is_left_out() -> None:
    settings = validate(
        baseline_config(composed("model=noisy_bootstrap"), ["model=noisy_bootstrap"]), BaselineTrainSettings
    )
    assert not hasattr(settings, "likelihood")
    assert settings.model.noise == 0.1
    assert list(settings.condition) == ["tissue"]


@pytest.mark.parametrize(
    "override", ["likelihood=low_rank", "trainer.max_epochs=3", "+prior.extra=1", "~loader", "scaling=standard"]
)
def test_what_would_do_nothing_is_refused_by_name(override: str) -> None:
    with pytest.raises(ConfigError) as caught:
        baseline_config(composed("model=class_gaussian"), ["model=class_gaussian", "condition=sex", override])
    assert f": {override} would do nothing" in str(caught.value)
    assert "model=class_gaussian is a baseline" in str(caught.value)


def test_a_baseline_is_not_resumed() -> None:
    config = composed("model=class_gaussian")
    config.resume = "somewhere"
    with pytest.raises(ConfigError, match="nothing is left to go on with"):
        baseline_config(config, [])


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["model=class_gaussian", "model.min_samples=1"], "model.min_samples = 1: must be 2 or more"),
        (["model=noisy_bootstrap", "model.noise=-0.5"], "model.noise = -0.5: must be 0 or more"),
        (
            ["model=gaussian_copula", "model.levels=many"],
            "model.levels: Value 'many' of type 'str' could not be",
        ),
        (
            ["model=gaussian_copula", "+model.latent=3"],
            "there is no setting 'model.latent'. Valid choices: baseline,",
        ),
        (["model=gaussian_copula", "model.baseline=vae"], "model.baseline = 'vae': must be one of: class_gaussian"),
    ],
)
def test_a_wrong_option_is_named_with_what_would_be_right(overrides: list[str], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validate(baseline_config(composed(*overrides), []), BaselineTrainSettings)
    assert expected in str(caught.value)
