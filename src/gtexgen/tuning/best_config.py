"""A trial's settings as an experiment that ``gtexgen-train`` takes as is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import yaml
from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

__all__ = ["Changes", "changes_of", "experiment_yaml"]

THE_USERS = ("outputs", "resume", "store")
"""Settings that say where data and results are, which is not for a trial to say."""

THE_STUDYS = ("hydra", "sweep", "experiment")
"""How groups and settings begin that a training run of its own has no use for."""


@dataclass(frozen=True)
class Changes:
    """In what a run differs from one without any settings.

    Attributes
    ----------
    choices
        The choice of each group that is not the default one.
    values
        The settings that have another value, nested.
    """

    choices: dict[str, str]
    values: dict[str, Any]


def changes_of(overrides: Sequence[str], config: DictConfig, loader: ConfigLoader) -> Changes:
    """Find in what a trial differs from a run without any settings, whatever it owes that to.

    Parameters
    ----------
    overrides
        The trial's command line.
    config
        What Hydra composed for the study.
    loader
        Hydra's.
    """
    trial = loader.load_sweep_config(config, list(overrides))
    plain = _composed(config, loader, [])
    usual = plain.hydra.runtime.choices
    choices = {
        group: str(choice)
        for group, choice in trial.hydra.runtime.choices.items()
        if not group.startswith(THE_STUDYS) and choice != usual.get(group)
    }
    base = _composed(config, loader, [f"{group}={choice}" for group, choice in choices.items()])
    values = _differences(_plain(trial), _plain(base))
    return Changes(choices, {key: value for key, value in values.items() if key not in THE_USERS})


def experiment_yaml(changes: Changes, about: Sequence[str]) -> str:
    """Write what a trial was run with as the YAML of an experiment.

    Parameters
    ----------
    changes
        In what it differs from the defaults.
    about
        The lines of the comment on top.

    Returns
    -------
    str
        It goes into a folder ``experiment/`` on Hydra's search path.
    """
    comment = [f"# {line}" for text in about for line in text.splitlines()]
    defaults = [f"  - override /{group}: {choice}" for group, choice in changes.choices.items()]
    head = ["# @package _global_", *comment, *(["defaults:", *defaults] if defaults else [])]
    values = yaml.safe_dump(changes.values, sort_keys=False) if changes.values else ""
    return "\n".join(head) + "\n" + values


def _composed(config: DictConfig, loader: ConfigLoader, overrides: list[str]) -> DictConfig:
    return loader.load_configuration(config.hydra.job.config_name, overrides, RunMode.RUN)


def _plain(config: DictConfig) -> dict[str, Any]:
    settings = OmegaConf.masked_copy(config, [str(name) for name in config if not str(name).startswith(THE_STUDYS)])
    return cast("dict[str, Any]", OmegaConf.to_container(settings, resolve=False))


def _differences(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := _differences(value, before):
                found[key] = inner
        elif key not in old or value != before:
            found[key] = value
    return found
