"""What TensorBoard shows of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["LAYOUT", "EpochTensorBoardLogger"]

LAYOUT = {
    "Training": {
        "ELBO (nats)": ["Multiline", ["train/elbo", "val/elbo"]],
        "KL (nats)": ["Multiline", ["train/kl", "val/kl"]],
        "MSE": ["Multiline", ["train/mse", "val/mse"]],
    },
    "Details": {
        "Reconstruction (nats)": ["Multiline", ["train/reconstruction", "val/reconstruction"]],
        "Loss (nats)": ["Multiline", ["train/loss", "val/loss"]],
        "Active latents": ["Multiline", ["active_latents"]],
        "Schedules": ["Multiline", ["learning_rate", "kl_weight"]],
    },
}
"""The Custom Scalars tab: its first group holds ELBO, KL and MSE, each with training and validation."""

FINAL_METRICS = ("elbo", "kl", "reconstruction", "mse")


class EpochTensorBoardLogger(Logger):
    """Writes scalars by epoch, counted from 1, the hyperparameters with their final metrics, and the layout.

    The final metrics are those of the best epoch, under ``best/``. A run that was resumed adds to the same folder.

    Parameters
    ----------
    folder
        Where the event files go.
    hyperparameters
        The run's configuration, nested or flat; ``{"model": {"latent": 20}}`` is shown as ``model.latent``.
    epochs_before
        Epochs that a resumed run keeps; what an earlier attempt wrote of later ones is taken back.
    """

    def __init__(self, folder: Path, hyperparameters: Mapping[str, Any], epochs_before: int = 0) -> None:
        super().__init__()
        self._folder = folder
        self._hyperparameters = dict(_flatten(hyperparameters))
        self._first_epoch = epochs_before + 1
        self._writer: SummaryWriter | None = None

    @property
    def name(self) -> str:
        """Nothing: the folder says it."""
        return ""

    @property
    def version(self) -> str:
        """Nothing: the folder says it."""
        return ""

    @property
    def save_dir(self) -> str:
        """The folder of the event files."""
        return str(self._folder)

    @rank_zero_only
    def log_hyperparams(self, params: Any = None) -> None:
        """Write the hyperparameters and the layout, at the start of a run."""
        from torch.utils.tensorboard.summary import hparams

        experiment, session_start, _ = hparams(self._hyperparameters, dict.fromkeys(_final_tags({}), 0.0))
        self._add(experiment, session_start)
        self._open().add_custom_scalars(LAYOUT)

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Write scalars against the epoch that Lightning names among them."""
        writer = self._open()
        epoch = int(metrics["epoch"]) + 1
        for name, value in metrics.items():
            if name != "epoch":
                writer.add_scalar(name, value, epoch)
        writer.flush()

    @rank_zero_only
    def log_result(self, metrics: Mapping[str, float], best_epoch: int, epochs: int) -> None:
        """Write the final metrics that the HParams tab shows, and that the run ended well.

        Parameters
        ----------
        metrics
            Of the best epoch, as logged (``val/elbo`` and so on).
        best_epoch, epochs
            The best epoch and the number of epochs trained.
        """
        from torch.utils.tensorboard.summary import hparams

        writer = self._open()
        for tag, value in _final_tags(metrics, best_epoch).items():
            writer.add_scalar(tag, value, epochs)
        self._add(hparams({}, {})[2])
        writer.close()

    def _open(self) -> SummaryWriter:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=self._first_epoch)
        return self._writer

    def _add(self, *summaries: Any) -> None:
        for summary in summaries:
            self._open()._get_file_writer().add_summary(summary)


def _final_tags(metrics: Mapping[str, float], best_epoch: int = 0) -> dict[str, float]:
    return {f"best/{name}": metrics.get(f"val/{name}", 0.0) for name in FINAL_METRICS} | {"best/epoch": best_epoch}


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, bool | int | float | str]:
    flat: dict[str, bool | int | float | str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value if isinstance(value, bool | int | float | str) else str(value)
    return flat
