"""Makes sure that a study can be run before any of it is."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, OmegaConf

from gtexgen.config.baselines import baseline_config, is_baseline
from gtexgen.config.schema import BaselineTrainSettings, RunSettings, TrainSettings
from gtexgen.config.study import without_study
from gtexgen.config.validation import validate
from gtexgen.data.store import ExpressionStore
from gtexgen.errors import ConfigError
from gtexgen.tuning.space import as_override

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.distributions import BaseDistribution

__all__ = ["SpaceFunction", "check_space", "find_space_function"]

SpaceFunction = Callable[["Trial"], Mapping[str, object]]

DRAWS = 5


def find_space_function(path: str | None) -> SpaceFunction | None:
    """Find ``sweep.space_function``.

    Raises
    ------
    ConfigError
        If there is no such function.
    """
    if path is None:
        return None
    module, _, name = path.rpartition(".")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"sweep.space_function: there is no {path} ({error}).\n"
            "  Remedy: the dotted path of a function, such as gtexgen.tuning.spaces.layers; modules are looked for in "
            "installed packages and in PYTHONPATH."
        ) from error
    return cast("SpaceFunction", function)


def check_space(
    config: DictConfig,
    overrides: Sequence[str],
    loader: ConfigLoader,
    distributions: Mapping[str, BaseDistribution],
    function: SpaceFunction | None,
) -> None:
    """Compose and check settings: both ends of every interval, every choice, and some draws of `function`.

    Parameters
    ----------
    config
        What Hydra composed for the study.
    overrides
        What every trial has.
    loader
        Hydra's.
    distributions, function
        What is searched.

    Raises
    ------
    ConfigError, hydra.errors.HydraException
        If a setting does not exist or a value of it is not allowed.
    StoreError
        If there is no expression store where one is named.
    """
    ends = {key: _ends(distribution) for key, distribution in distributions.items()}
    for turn in range(max(map(len, ends.values()), default=0)):
        drawn = [as_override(key, values[turn % len(values)]) for key, values in ends.items()]
        _check(config, [*overrides, *drawn], loader)
    if function is not None:
        for drawn in _draws(function):
            _check(config, [*overrides, *drawn], loader)


def _check(config: DictConfig, overrides: list[str], loader: ConfigLoader) -> None:
    composed = without_study(loader.load_sweep_config(config, overrides))
    settings = OmegaConf.masked_copy(composed, [str(name) for name in composed if name != "hydra"])
    if is_baseline(settings):
        checked: RunSettings = validate(baseline_config(settings, overrides), BaselineTrainSettings)
    else:
        checked = validate(settings, TrainSettings)
    if checked.store is not None:
        ExpressionStore.open(checked.store)


def _ends(distribution: BaseDistribution) -> list[Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return [distribution.low, distribution.high]


def _draws(function: SpaceFunction) -> list[list[str]]:
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [[as_override(key, value) for key, value in function(study.ask()).items()] for _ in range(DRAWS)]
