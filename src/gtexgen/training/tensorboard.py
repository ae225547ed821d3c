"""What TensorBoard shows of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from gtexgen.models.module import GenerativeModule
from gtexgen.models.totals import LatentMoments
from gtexgen.training.diagnostics import METRICS, Diagnostics

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["LAYOUT", "EpochTensorBoardLogger", "LatentHistograms", "log_diagnostics"]

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
        "Variance law": ["Multiline", ["variance_law"]],
        "Schedules": ["Multiline", ["learning_rate", "kl_weight"]],
    },
}
"""The Custom Scalars tab: its first group holds ELBO, KL and MSE, each with training and validation."""

FINAL_METRICS = ("val/elbo", "val/kl", "val/reconstruction", "val/mse")

HISTOGRAM_EPOCHS = 5
HISTOGRAM_BINS = 30
MOST_SHOWN = 3.0


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

        tags = ["best/epoch", *map(_final_tag, (*FINAL_METRICS, *METRICS))]
        experiment, session_start, _ = hparams(self._hyperparameters, dict.fromkeys(tags, 0.0))
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
    def log_latents(self, latents: LatentMoments, epoch: int) -> None:
        """Write how KL, posterior variance and variance law are spread over the latents, at an epoch counted from 1."""
        figures = {"kl": latents.kl, "mean_variance": latents.mean_variance, "variance_law": latents.variance_law}
        for name, values in figures.items():
            self._open().add_histogram(f"latents/{name}", values, epoch, bins=HISTOGRAM_BINS)

    @rank_zero_only
    def log_figures(self, figures: Mapping[str, Figure], epoch: int) -> None:
        """Write Matplotlib figures by name, at an epoch counted from 1."""
        for name, figure in figures.items():
            self._open().add_figure(f"comparison/{name}", figure, epoch, close=False)

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
        for name in FINAL_METRICS:
            writer.add_scalar(_final_tag(name), metrics[name], epochs)
        writer.add_scalar("best/epoch", best_epoch, epochs)
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


class LatentHistograms(Callback):
    """Writes the histograms of the latents in the first epoch and every fifth one after it.

    Parameters
    ----------
    logger
        Where to.
    """

    def __init__(self, logger: EpochTensorBoardLogger) -> None:
        self._logger = logger

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write those of the epoch's validation, where they are due."""
        latents = pl_module.latents if isinstance(pl_module, GenerativeModule) else None
        if latents is not None and trainer.current_epoch % HISTOGRAM_EPOCHS == 0:
            self._logger.log_latents(latents, trainer.current_epoch + 1)


def log_diagnostics(folder: Path, diagnostics: Diagnostics, epochs: int) -> None:
    """Add what the finished generator was measured by to the event files of its run.

    The figures join the final metrics under ``best/``. The share of its variance that each gene keeps is a histogram,
    in which a share above 3 is shown as 3.

    Parameters
    ----------
    folder
        The folder of the event files.
    diagnostics
        What was measured.
    epochs
        The number of epochs trained.
    """
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for name, value in diagnostics.metrics.items():
            writer.add_scalar(_final_tag(name), value, epochs)
        kept = diagnostics.variance_kept("generated", within=True).clip(upper=MOST_SHOWN)
        if len(kept):
            writer.add_histogram("genes/variance_kept_within", kept.to_numpy(), epochs, bins=HISTOGRAM_BINS)


def _final_tag(metric: str) -> str:
    """Give the tag under which the HParams tab shows a metric of the validation part."""
    return f"best/{metric.removeprefix('val/')}"


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, bool | int | float | str]:
    flat: dict[str, bool | int | float | str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value if isinstance(value, bool | int | float | str) else str(value)
    return flat
