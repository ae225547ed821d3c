"""Ctrl-C ends training as early stopping does."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from lightning.pytorch import Callback, LightningModule, Trainer

__all__ = ["StopOnInterrupt"]

SignalHandler = Callable[[int, FrameType | None], object] | int | None

MESSAGE = b"\nCtrl-C: training ends after this epoch. Again to abort at once.\n"


class StopOnInterrupt(Callback):
    """Ends training after the epoch in which the first SIGINT came; the second one aborts.

    A whole last epoch keeps its checkpoint one that a resumed run can go on from, epoch for epoch. One rank that is
    interrupted stops all.

    Attributes
    ----------
    requested
        Whether a SIGINT came, on this rank or, once the epoch is over, on any.
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: SignalHandler = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take over SIGINT, which only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._handle)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Agree over the ranks whether to stop."""
        self.requested = trainer.strategy.reduce_boolean_decision(self.requested, all=False)
        trainer.should_stop = trainer.should_stop or self.requested

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give SIGINT back."""
        self._restore()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give SIGINT back, which Lightning turns off as it shuts down."""
        self._restore()

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, MESSAGE)

    def _restore(self) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
