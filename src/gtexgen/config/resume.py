"""The settings of a run that goes on where it stopped: its own, but for ``trainer``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from omegaconf import DictConfig, OmegaConf

from gtexgen.errors import ConfigError

__all__ = ["resumed_config"]


def resumed_config(folder: Path, overrides: Sequence[str]) -> DictConfig:
    """Return the configuration of the run in `folder`, changed by the ``trainer.*`` among `overrides`.

    Parameters
    ----------
    folder
        Output folder of the run.
    overrides
        The command line, as Hydra splits it.

    Raises
    ------
    ConfigError
        If anything but ``trainer.*`` is set: the run would no longer be the one that stopped.
    """
    own = [text for text in overrides if not text.startswith(("resume=", "hydra."))]
    other = [text for text in own if not text.startswith("trainer.")]
    if other:
        raise ConfigError(
            f"resume goes on with the settings of {folder}; only trainer.* may be changed, "
            f"not {', '.join(other)}.\n"
            "  Remedy: leave it out, or start a new run without resume."
        )
    saved = cast("DictConfig", OmegaConf.load(folder / "config.yaml"))
    return cast("DictConfig", OmegaConf.merge(saved, OmegaConf.from_dotlist(own), {"resume": str(folder)}))
