"""The two checkpoints of a run: the best epoch's weights and all that resuming needs."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from torch import Tensor

from gtexgen.data.atomic import atomic_file
from gtexgen.errors import ConfigError

__all__ = ["MONITOR", "EpochCheckpoints", "check_resumable", "load_checkpoint"]

MONITOR = "val/loss"
"""What tells the best epoch: the head's objective on the validation part, as it is once all schedules are over."""

SECONDS_BETWEEN = 10.0


class EpochCheckpoints(Checkpoint):
    """Keeps ``best.ckpt`` (the weights of the best epoch) and ``last.ckpt`` (all that resuming needs) up to date.

    Both are written after the last epoch and, before it, at the end of an epoch once ten seconds have gone by: to write
    them after each would slow short epochs down. Each gets its name only once it is whole. A run that is killed goes
    on at most ten seconds and an epoch back, and meets the same epochs again.

    Parameters
    ----------
    folder
        Where they go.

    Attributes
    ----------
    best, last
        Their paths.
    best_epoch
        The epoch of the lowest validation loss, counted from 1; 0 before there is one.
    best_metrics
        All that was logged in that epoch, by name.
    """

    def __init__(self, folder: Path) -> None:
        self.best = folder / "best.ckpt"
        self.last = folder / "last.ckpt"
        self.best_epoch = 0
        self.best_metrics: dict[str, float] = {}
        self._unsaved_best: dict[str, Tensor] = {}
        self._saved_at = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._saved_at = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember the best weights, and write what is due."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if metrics[MONITOR] < self.best_metrics.get(MONITOR, math.inf):
            self.best_epoch = trainer.current_epoch + 1
            self.best_metrics = metrics
            self._unsaved_best = {name: value.detach().clone() for name, value in pl_module.state_dict().items()}
        ended = trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs
        due = ended or time.monotonic() - self._saved_at > SECONDS_BETWEEN
        if trainer.strategy.reduce_boolean_decision(due, all=False):
            self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        if self._unsaved_best and trainer.is_global_zero:
            self.best.parent.mkdir(parents=True, exist_ok=True)
            with atomic_file(self.best) as path:
                torch.save({"epoch": self.best_epoch - 1, "state_dict": self._unsaved_best}, path)
        self._unsaved_best = {}
        trainer.save_checkpoint(self.last)
        self._saved_at = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Give what the last checkpoint remembers of the best one."""
        return {"best_epoch": self.best_epoch, "best_metrics": self.best_metrics}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it up again, unless the best checkpoint itself is gone."""
        if self.best.exists():
            self.best_epoch = state_dict["best_epoch"]
            self.best_metrics = state_dict["best_metrics"]


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint, refusing anything in it but tensors and plain values.

    Raises
    ------
    ConfigError
        Where there is none at `path`, or the file is something else.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no checkpoint here") from error
    except Exception as error:  # torch.load has no error of its own: pickle, zip and runtime errors all occur
        raise ConfigError(f"{path} is not a checkpoint of gtexgen, or it is damaged ({error})") from error
    if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
        raise ConfigError(f"{path} is not a checkpoint of gtexgen")
    return checkpoint


def check_resumable(path: Path, module: LightningModule) -> int:
    """Make sure that training can go on from a checkpoint, and give the number of epochs behind it.

    Raises
    ------
    ConfigError
        Where it holds weights only, or those of another model.
    """
    checkpoint = load_checkpoint(path)
    if "optimizer_states" not in checkpoint:
        raise ConfigError(f"{path} holds weights only: resume from the last.ckpt beside it")
    shapes = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    stored = {name: tuple(value.shape) for name, value in checkpoint["state_dict"].items()}
    if shapes != stored:
        name = min(name for name in shapes | stored if shapes.get(name) != stored.get(name))
        raise ConfigError(
            f"{path} belongs to another model: {name} is {stored.get(name, 'absent')} there and "
            f"{shapes.get(name, 'absent')} here"
        )
    return int(checkpoint["epoch"]) + 1
