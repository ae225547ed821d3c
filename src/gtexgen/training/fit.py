"""Training from start to best weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningDataModule, Trainer

from gtexgen.errors import TrainingError
from gtexgen.models.build import GenerativeModel
from gtexgen.models.module import GenerativeModule, LearningRateSchedule
from gtexgen.models.schedules import Schedule
from gtexgen.training.checkpoints import EpochCheckpoints, check_resumable, load_checkpoint
from gtexgen.training.early_stopping import Patience
from gtexgen.training.epoch_report import EpochReport, ReportEpochs
from gtexgen.training.figures import ComparisonFigures
from gtexgen.training.interrupt import StopOnInterrupt
from gtexgen.training.lightning_defaults import make_trainer, quiet_lightning
from gtexgen.training.progress import EpochProgressBar
from gtexgen.training.tensorboard import EpochTensorBoardLogger, LatentHistograms

__all__ = ["FitOptions", "FitResult", "StopReason", "fit"]

StopReason = Literal["early_stopping", "max_epochs", "interrupt", "pruned"]


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """How long, how fast and on what a model is trained; the keys of ``conf/trainer``, and their defaults.

    Parameters
    ----------
    max_epochs
        Epochs after which training ends in any case.
    patience, min_delta
        Epochs without a fall of the validation loss by more than `min_delta` nats after which training ends.
    learning_rate, weight_decay, schedule
        See `gtexgen.models.module.GenerativeModule`.
    gradient_clip
        Largest norm of the gradient of a step; None leaves it as it is.
    accelerator, devices, strategy, precision
        As Lightning's Trainer takes them.
    progress_bar
        Whether to show one.
    """

    max_epochs: int = 120
    patience: int = 25
    min_delta: float = 0.0
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    gradient_clip: float | None = None
    schedule: LearningRateSchedule = "cosine"
    accelerator: str = "auto"
    devices: int | str | list[int] = "auto"
    strategy: str = "auto"
    precision: str = "32-true"
    progress_bar: bool = True


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """What training came to.

    Attributes
    ----------
    metrics
        All that was logged in the best epoch, by name: ``train/elbo``, ``val/elbo``, ``active_latents``, ...
    best_epoch, epochs
        The epoch of the lowest validation loss, counted from 1, and the number trained, before and after resuming.
    stopped_by
        What ended training.
    best_checkpoint, last_checkpoint
        The weights of the best epoch; all that resuming needs.
    seconds
        Wall time of the epochs of this call, with validation and checkpoints, without the reading of data before.
    samples_per_second
        Training samples over that time.
    """

    metrics: dict[str, float]
    best_epoch: int
    epochs: int
    stopped_by: StopReason
    best_checkpoint: Path
    last_checkpoint: Path
    seconds: float
    samples_per_second: float


def fit(
    model: GenerativeModel,
    data: LightningDataModule,
    run_folder: Path,
    *,
    options: FitOptions | None = None,
    kl_schedule: Schedule | None = None,
    free_bits: float = 0.0,
    seed: int = 0,
    tensorboard: bool = True,
    figures_every_epochs: int = 0,
    hyperparameters: Mapping[str, Any] | None = None,
    resume: Path | None = None,
    report: EpochReport | None = None,
) -> FitResult:
    """Train a model until its validation loss stops falling and leave the best weights in it.

    Parameters
    ----------
    model
        The model, with its first weights; afterwards it holds those of the best epoch.
    data
        Gives training and validation batches, in epochs that are whole.
    run_folder
        Gets ``checkpoints/best.ckpt``, ``checkpoints/last.ckpt`` and ``tensorboard/``.
    options
        The keys of ``conf/trainer``; None takes their defaults.
    kl_schedule, free_bits
        What the KL costs from epoch to epoch; see `gtexgen.models.module.GenerativeModule`.
    seed
        Of the latent noise and of dropout in training.
    tensorboard
        Whether to write event files.
    figures_every_epochs
        How often these get figures of real beside generated validation samples; 0 is never.
    hyperparameters
        What the HParams tab shows, nested or flat.
    resume
        A ``last.ckpt`` to go on from, as if training had never stopped; best in the same `run_folder`.
    report
        Told of every epoch; training ends, pruned, where it says so.

    Raises
    ------
    ConfigError
        Where `resume` cannot be gone on from, or the device is not there.
    TrainingError
        Where a figure of an epoch is no longer finite; the checkpoints written before it stay.
    KeyboardInterrupt
        At the second Ctrl-C; the first one ends training as early stopping does.
    """
    options = options or FitOptions()
    module = GenerativeModule(
        model,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        schedule=options.schedule,
        kl_schedule=kl_schedule,
        free_bits=free_bits,
        seed=seed,
    )
    epochs_before = 0 if resume is None else check_resumable(resume, module)
    checkpoints = EpochCheckpoints(run_folder / "checkpoints")
    patience, interrupt = Patience(options.patience, options.min_delta), StopOnInterrupt()
    logger = None
    if tensorboard:
        logger = EpochTensorBoardLogger(run_folder / "tensorboard", hyperparameters or {}, epochs_before)
    pictures = [] if logger is None else [LatentHistograms(logger), ComparisonFigures(logger, figures_every_epochs)]
    bar = [EpochProgressBar(checkpoints)] if options.progress_bar else []
    reports = [] if report is None else [ReportEpochs(report)]
    with quiet_lightning():
        trainer = make_trainer(
            max_epochs=options.max_epochs,
            gradient_clip_val=options.gradient_clip,
            accelerator=options.accelerator,
            devices=options.devices,
            strategy=options.strategy,
            precision=options.precision,
            callbacks=[interrupt, patience, checkpoints, *pictures, *bar, *reports],
            logger=logger or False,
            default_root_dir=run_folder,
        )
        if logger is not None:
            logger.log_hyperparams()
        _run(trainer, module, data, resume, checkpoints)
    module.load_state_dict(load_checkpoint(checkpoints.best)["state_dict"])
    if logger is not None:
        logger.log_result(checkpoints.best_metrics, checkpoints.best_epoch, trainer.current_epoch)
    return FitResult(
        metrics=checkpoints.best_metrics,
        best_epoch=checkpoints.best_epoch,
        epochs=trainer.current_epoch,
        stopped_by=_stop_reason(interrupt, patience, pruned=any(callback.pruned for callback in reports)),
        best_checkpoint=checkpoints.best,
        last_checkpoint=checkpoints.last,
        seconds=module.seconds_trained,
        samples_per_second=module.samples_trained / max(module.seconds_trained, 1e-9),
    )


def _run(
    trainer: Trainer,
    module: GenerativeModule,
    data: LightningDataModule,
    resume: Path | None,
    checkpoints: EpochCheckpoints,
) -> None:
    try:
        trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
    except TrainingError as error:
        if not checkpoints.last.exists():
            raise
        raise TrainingError(f"{error}\n  {checkpoints.last} holds an epoch before it") from error
    except SystemExit as error:  # Lightning turns Ctrl-C into an exit
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        raise


def _stop_reason(interrupt: StopOnInterrupt, patience: Patience, *, pruned: bool) -> StopReason:
    if interrupt.requested:
        return "interrupt"
    if pruned:
        return "pruned"
    return "early_stopping" if patience.exhausted else "max_epochs"
