"""When more epochs no longer help."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping

from gtexgen.models.module import GenerativeModule
from gtexgen.training.checkpoints import MONITOR

__all__ = ["Patience"]


class Patience(EarlyStopping):
    """Stops once the validation loss has not fallen for a number of epochs.

    While a schedule still changes what is trained no epoch counts: a small weight lets the KL grow, and the loss at
    full weight may rise meanwhile. A resumed run keeps the count of its checkpoint, under the patience that it is now
    given.

    Parameters
    ----------
    epochs
        Epochs without improvement after which training stops.
    min_delta
        Nats that count as improvement.
    """

    def __init__(self, epochs: int, min_delta: float = 0.0) -> None:
        super().__init__(
            monitor=MONITOR,
            mode="min",
            patience=epochs,
            min_delta=min_delta,
            check_finite=False,
            check_on_train_epoch_end=True,
        )

    @property
    def state_key(self) -> str:
        """Its name in a checkpoint; Lightning asks for it six times a step and would work it out each time."""
        return "Patience"

    @property
    def exhausted(self) -> bool:
        """Whether it is patience that ended training."""
        return self.wait_count >= self.patience

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count the epoch, once all schedules are over."""
        if not isinstance(pl_module, GenerativeModule) or pl_module.schedules_are_over:
            super().on_train_epoch_end(trainer, pl_module)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the count, and keep the patience."""
        super().load_state_dict({**state_dict, "patience": self.patience})
