"""One bar for the whole of training."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lightning.pytorch import Callback, LightningModule, Trainer

from gtexgen.training.checkpoints import EpochCheckpoints

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["EpochProgressBar"]

REFRESH_STEPS = 20
TERMINAL_SECONDS = 0.2
LOG_SECONDS = 30.0


class EpochProgressBar(Callback):
    """Counts the steps of all epochs, with the figures of the last whole epoch beside it.

    On a terminal it moves smoothly; in a log file it adds a line every 30 seconds.

    Parameters
    ----------
    checkpoints
        Know which epoch is the best so far.
    """

    def __init__(self, checkpoints: EpochCheckpoints) -> None:
        self._checkpoints = checkpoints
        self._bar: tqdm[Any] | None = None
        self._steps = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar, on rank zero only."""
        if not trainer.is_global_zero:
            return
        from tqdm import tqdm

        self._steps = int(trainer.num_training_batches)
        self._bar = tqdm(
            total=self._steps * (trainer.max_epochs or 0),
            initial=self._steps * trainer.current_epoch,
            mininterval=TERMINAL_SECONDS if sys.stderr.isatty() else LOG_SECONDS,
            unit="step",
            dynamic_ncols=True,
        )

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Name the epoch that starts and show the figures of the one before it."""
        if self._bar is not None:
            self._bar.set_description_str(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}", refresh=False)
            self._show_figures(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar, every few steps and at the end of the epoch."""
        if self._bar is not None and ((batch_idx + 1) % REFRESH_STEPS == 0 or batch_idx + 1 == self._steps):
            self._bar.update(trainer.current_epoch * self._steps + batch_idx + 1 - self._bar.n)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the last figures and close the bar."""
        self._show_figures(trainer)
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Close the bar, so that the message starts on a line of its own."""
        self._close()

    def _show_figures(self, trainer: Trainer) -> None:
        metrics = trainer.callback_metrics
        if self._bar is None or "val/elbo" not in metrics or "train/elbo" not in metrics:
            return
        self._bar.set_postfix_str(
            f"ELBO train {float(metrics['train/elbo']):.1f} val {float(metrics['val/elbo']):.1f}, "
            f"KL {float(metrics['val/kl']):.1f}, MSE {float(metrics['val/mse']):.3f}, "
            f"best epoch {self._checkpoints.best_epoch}",
            refresh=False,
        )

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
