"""When a trial is given up: Optuna's pruners by the names of ``sweep.pruner``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gtexgen.errors import ConfigError
from gtexgen.tuning.samplers import check_options

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

__all__ = ["build_pruner"]

CLASSES = {"none": "NopPruner", "median": "MedianPruner", "hyperband": "HyperbandPruner", "patient": "PatientPruner"}
WARMUP = {"n_warmup_steps": 10}
"""Epochs in which the weight of the KL still rises, as ``model.kl`` has it: no trial is judged by them."""

DEFAULTS: dict[str, dict[str, Any]] = {"median": WARMUP, "patient": {"patience": 5}}


def build_pruner(name: str, options: Mapping[str, Any] | None) -> BasePruner:
    """Build a pruner.

    Parameters
    ----------
    name, options
        ``sweep.pruner`` and ``sweep.pruner_options``. ``patient`` waits until the trial itself no longer improves, and
        then does as ``median``.

    Raises
    ------
    ConfigError
        If an option is unknown or not what Optuna takes.
    """
    import optuna

    options = dict(options or {})
    cls = getattr(optuna.pruners, CLASSES[name])
    check_options(
        "sweep.pruner_options", options, [key for key in inspect.signature(cls).parameters if key != "wrapped_pruner"]
    )
    wrapped = {"wrapped_pruner": optuna.pruners.MedianPruner(**WARMUP)} if name == "patient" else {}
    try:
        pruner: BasePruner = cls(**(DEFAULTS.get(name, {}) | options | wrapped))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"sweep.pruner_options: {options}: {error}") from error
    return pruner
