"""The settings of a baseline: those of a run, without what only networks have."""

from __future__ import annotations

import re
from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf

from gtexgen.errors import ConfigError

__all__ = ["baseline_config", "is_baseline"]

OF_NETWORKS = ("scaling", "loader", "likelihood", "prior", "calibration", "trainer")


def is_baseline(config: DictConfig) -> bool:
    """Say whether the model that was chosen is a baseline."""
    return "baseline" in config.model


def baseline_config(config: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """Return `config` without the groups that only networks have.

    Parameters
    ----------
    config
        What Hydra composed for ``gtexgen-train``.
    overrides
        The command line, as Hydra splits it.

    Raises
    ------
    ConfigError
        If one of these groups was set, or a run is to be resumed: nothing of it would have an effect.
    """
    if config.resume is not None:
        raise ConfigError(
            f"resume={config.resume}: a baseline is fitted in one step, and nothing is left to go on with.\n"
            "  Remedy: a new run without resume."
        )
    if idle := [text for text in overrides if re.split(r"[./@=]", text.lstrip("+~"))[0] in OF_NETWORKS]:
        raise ConfigError(
            f"model={config.model.baseline} is a baseline, which has no {', '.join(OF_NETWORKS)}: "
            f"{', '.join(idle)} would do nothing.\n"
            "  Remedy: leave it out; its own options are model.*."
        )
    kept = [str(name) for name in config if name not in {*OF_NETWORKS, "resume"}]
    return OmegaConf.masked_copy(config, kept)
