"""The door through which Hydra starts a study.

Hydra imports this module at every start of every command: nothing heavy may be imported at its top.
"""

from __future__ import annotations

from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

__all__ = ["StudySweeper"]


class StudySweeper(Sweeper):
    """Runs the trials of the study that ``sweep`` describes."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra composed, and build the launcher that it names."""
        self.hydra_context = hydra_context
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run the study with the command line `arguments`, as Hydra splits them."""
        from gtexgen.tuning.sweep import run_sweep

        assert self.hydra_context is not None
        assert self.config is not None
        assert self.launcher is not None
        return run_sweep(self.config, arguments, self.hydra_context.config_loader, self.launcher)
