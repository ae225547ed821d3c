"""Somebody outside is told of every epoch, and may give the run up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from lightning.pytorch import Callback, LightningModule, Trainer

__all__ = ["EpochReport", "ReportEpochs"]

EpochReport: TypeAlias = Callable[[int, Mapping[str, float]], bool]
"""Takes an epoch, counted from 1, and its validation metrics by name; gives whether the run is to be given up."""


class ReportEpochs(Callback):
    """Ends training where the report of an epoch says so.

    Parameters
    ----------
    report
        What to call after the validation of every epoch.

    Attributes
    ----------
    pruned
        Whether the run was given up.
    """

    def __init__(self, report: EpochReport) -> None:
        self.pruned = False
        self._report = report

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report the epoch."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.pruned = self._report(trainer.current_epoch + 1, metrics)
        trainer.should_stop = trainer.should_stop or self.pruned
