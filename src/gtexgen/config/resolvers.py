"""The interpolations that ``conf/`` uses besides Hydra's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from gtexgen.errors import ConfigError

__all__ = ["register_resolvers", "run_folder"]


def register_resolvers() -> None:
    """Make ``${run_folder:...}`` known to OmegaConf."""
    OmegaConf.register_new_resolver("run_folder", run_folder, replace=True)


def run_folder(outputs: str, started: str, model: str, condition: Any, resume: str | None) -> str:
    """Return where a training run writes: a new folder, or that of the run it resumes.

    Raises
    ------
    ConfigError
        If `resume` is not the folder of a training run.
    """
    if resume is None:
        return str(Path(outputs) / "train" / f"{started}_{model}_{'_'.join(condition) or 'none'}")
    if not (Path(resume) / "config.yaml").is_file():
        raise ConfigError(
            f"resume={resume}: there is no training run in that folder (it has no config.yaml).\n"
            "  Remedy: give the output folder of the run, the one that holds config.yaml and checkpoints/."
        )
    return resume
