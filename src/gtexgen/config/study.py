"""The settings of a study, ``sweep``, and how they are taken out of those of a training run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from gtexgen.config.ranges import at_least, between, one_of
from gtexgen.config.validation import validate
from gtexgen.errors import ConfigError

__all__ = ["StudySettings", "is_trial", "study_settings", "without_study"]


@dataclass
class StudySettings:
    """Everything that a study is told; ``sweeps/shared/study.yaml`` says what each means."""

    name: str
    trials: Annotated[int, at_least(1)]
    objectives: list[str]
    directions: Annotated[list[str], one_of("maximize", "minimize")]
    space: dict[str, Any] | None
    space_function: str | None
    constraints: dict[str, str] | None
    try_defaults: bool
    sampler: Annotated[str, one_of("tpe", "nsga2", "qmc", "random", "grid")]
    sampler_options: dict[str, Any] | None
    pruner: Annotated[str, one_of("none", "median", "hyperband", "patient")]
    pruner_options: dict[str, Any] | None
    storage: str | None
    workers: Annotated[int, at_least(1)]
    gpus: Any
    retries: Annotated[int, at_least(0)]
    heartbeat: Annotated[int, at_least(1)]
    max_failure_rate: Annotated[float, between(0.0, 1.01)]
    seed: Annotated[int, at_least(0)]
    trial: Annotated[int | None, at_least(0)]


@dataclass
class _Sweep:
    sweep: StudySettings


def study_settings(config: DictConfig) -> StudySettings:
    """Return the checked settings of the study in `config`.

    Raises
    ------
    ConfigError
        If a setting is unknown, of the wrong type, out of range or at odds with another.
    """
    plain = OmegaConf.to_container(config.sweep, resolve=True)
    settings = validate(OmegaConf.create({"sweep": plain}), _Sweep).sweep
    if not settings.objectives or len(settings.objectives) != len(settings.directions):
        raise ConfigError(
            f"sweep.objectives has {len(settings.objectives)} metrics and sweep.directions {len(settings.directions)}: "
            "each metric needs maximize or minimize"
        )
    if len(settings.objectives) > 1 and settings.pruner != "none":
        raise ConfigError(
            f"sweep.pruner={settings.pruner} judges trials by one objective, not by {len(settings.objectives)}.\n"
            "  Remedy: sweep.pruner=none, or one objective and the others as sweep.constraints."
        )
    return settings


def is_trial(config: DictConfig, mode: RunMode | None) -> bool:
    """Say whether a training run is a trial of a study.

    Parameters
    ----------
    config
        What Hydra composed for ``gtexgen-train``.
    mode
        How Hydra was started.

    Raises
    ------
    ConfigError
        If a study was chosen and Hydra was told to run once.
    """
    if "sweep" not in config:
        return False
    if mode != RunMode.MULTIRUN:
        raise ConfigError(
            f"sweep={config.sweep.name} is a study of many runs.\n"
            f"  Remedy: gtexgen-train --multirun sweep={config.sweep.name} ..."
        )
    return True


def without_study(config: DictConfig) -> DictConfig:
    """Return `config` without ``sweep``: the settings of the training run itself."""
    return OmegaConf.masked_copy(config, [str(name) for name in config if name != "sweep"])
