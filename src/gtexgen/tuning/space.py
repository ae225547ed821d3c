"""What a study searches: from Hydra's words to Optuna's distributions, and from drawn values to overrides."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep, Transformer
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from gtexgen.errors import ConfigError

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.distributions import BaseDistribution

__all__ = ["Arguments", "Value", "as_override", "read_arguments", "read_space", "suggest", "values_of"]

Value = bool | int | float | str
"""What is drawn for a setting: a number, or the text of any other value, such as ``[512,256]``."""

WORDS = "choice(16, 32), range(1, 5), interval(0.1, 0.9) or tag(log, interval(1e-4, 1e-2))"


@dataclass(frozen=True)
class Arguments:
    """The command line of a study, told apart.

    Attributes
    ----------
    fixed
        The overrides that every trial has, by setting.
    study
        The overrides of the study itself, ``sweep`` and ``sweep.*``.
    searched
        The settings that the command line searches, and how.
    """

    fixed: dict[str, str]
    study: list[str]
    searched: dict[str, BaseDistribution]


def read_arguments(arguments: Sequence[str], loader: ConfigLoader) -> Arguments:
    """Tell what a command line fixes from what it searches.

    Parameters
    ----------
    arguments
        The overrides, as Hydra splits them.
    loader
        Knows the choices of each group, which ``glob`` chooses from.

    Raises
    ------
    ConfigError
        If something cannot be searched.
    """
    fixed: dict[str, str] = {}
    study: list[str] = []
    searched: dict[str, BaseDistribution] = {}
    for parsed in OverridesParser.create(loader).parse_overrides(list(arguments)):
        key, line = parsed.get_key_element(), cast("str", parsed.input_line)
        if key.lstrip("+~").partition(".")[0] == "sweep":
            study.append(line)
        elif parsed.is_sweep_override():
            searched[key] = _distribution(parsed)
        else:
            fixed[key] = line
    return Arguments(fixed, study, searched)


def read_space(space: Mapping[str, Any] | None, loader: ConfigLoader) -> dict[str, BaseDistribution]:
    """Read ``sweep.space``: how each setting in it is searched.

    Parameters
    ----------
    space
        Such as ``{"model.latent": "choice(16, 32)", "trainer.learning_rate": "tag(log, interval(1e-4, 1e-2))"}``.
    loader
        As for `read_arguments`.

    Raises
    ------
    ConfigError
        If a value is not in Hydra's words, or is a single one.
    """
    distributions = {}
    for key, value in (space or {}).items():
        try:
            (parsed,) = OverridesParser.create(loader).parse_overrides([f"{key}={value}"])
        except HydraException as error:
            raise ConfigError(f"sweep.space: {key}: {value!r} cannot be read.\n  Remedy: {WORDS}.") from error
        if not parsed.is_sweep_override():
            raise ConfigError(
                f"sweep.space: {key}: {value!r} is a single value.\n"
                f"  Remedy: {WORDS}; or {key}={value} on the command line, which fixes it."
            )
        distributions[key] = _distribution(parsed)
    return distributions


def suggest(trial: Trial, distributions: Mapping[str, BaseDistribution]) -> dict[str, Value]:
    """Let the study's sampler draw a value for each setting."""
    return {name: _draw(trial, name, distribution) for name, distribution in distributions.items()}


def as_override(key: str, value: object) -> str:
    """Write the override that gives a setting its value."""
    return f"{key}={value if isinstance(value, str) else Transformer.encode(cast('Any', value))}"


def values_of(config: DictConfig, distributions: Mapping[str, BaseDistribution]) -> dict[str, Value]:
    """Give the settings' values in `config`, of those settings whose value could have been drawn.

    Parameters
    ----------
    config
        What Hydra composed, with ``hydra``.
    distributions
        How each setting is searched.
    """
    choices = config.hydra.runtime.choices
    values = {key: choices[key] if key in choices else _plain(config, key) for key in distributions}
    return {key: value for key, value in values.items() if _admits(distributions[key], value)}


def _plain(config: DictConfig, key: str) -> Value:
    value = OmegaConf.select(config, key.lstrip("+"))
    plain = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
    return cast("Value", Transformer.encode(cast("Any", plain)))


def _draw(trial: Trial, name: str, distribution: BaseDistribution) -> Value:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match distribution:
        case FloatDistribution(low=low, high=high, log=log, step=step):
            return trial.suggest_float(name, low, high, log=log, step=step)
        case IntDistribution(low=low, high=high, log=log, step=step):
            return trial.suggest_int(name, low, high, log=log, step=step)
        case CategoricalDistribution(choices=choices):
            return cast("Value", trial.suggest_categorical(name, choices))
    raise TypeError(f"{name}: Optuna's {type(distribution).__name__} is not among Hydra's words")


def _admits(distribution: BaseDistribution, value: Value) -> bool:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return any(type(value) is type(choice) and value == choice for choice in distribution.choices)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    if isinstance(value, str | bool) or not distribution.low <= value <= distribution.high:
        return False
    steps = (value - distribution.low) / (distribution.step or math.inf)
    return math.isclose(steps, round(steps), abs_tol=1e-9)


def _distribution(parsed: Override) -> BaseDistribution:
    try:
        if parsed.is_choice_sweep():
            from optuna.distributions import CategoricalDistribution

            return CategoricalDistribution([cast("Value", x) for x in parsed.sweep_iterator(Transformer.encode)])
        return _numbers(cast("RangeSweep | IntervalSweep", parsed.value()))
    except ValueError as error:
        raise ConfigError(f"{parsed.input_line} cannot be searched: {error}") from error


def _numbers(sweep: RangeSweep | IntervalSweep) -> BaseDistribution:
    """Turn ``interval``, both ends included, or ``range``, which stops below its end, into a distribution."""
    from optuna.distributions import FloatDistribution, IntDistribution

    if isinstance(sweep, IntervalSweep):
        low, high, step = sweep.start, sweep.end, None
    else:
        numbers = list(sweep.range())
        if not numbers or sweep.step <= 0:
            raise ValueError("a range needs a start below its end, and a step above 0")
        low, high, step = numbers[0], numbers[-1], sweep.step
    assert low is not None
    assert high is not None
    log = "log" in sweep.tags
    if isinstance(low, int) and isinstance(high, int) and isinstance(step, int | None):
        return IntDistribution(low, high, log=log, step=1 if step is None else step)
    return FloatDistribution(float(low), float(high), log=log, step=None if step is None else float(step))
