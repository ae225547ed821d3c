"""One training run: from settings and a store to a folder with a generator and its record."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from gtexgen.config.schema import LoggerSettings, TrainSettings
from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.datamodule import ExpressionDataModule
from gtexgen.data.scaling import Scaling
from gtexgen.data.splits import Split, split_donors
from gtexgen.data.store import ExpressionStore
from gtexgen.errors import ConfigError, GtexgenError
from gtexgen.generator import NetworkGenerator
from gtexgen.generator.calibration import Calibration, fit_calibration
from gtexgen.generator.counts import count_combinations
from gtexgen.generator.donor_fit import fit_donors
from gtexgen.models.build import GenerativeModel, ModelSpec, build_model
from gtexgen.models.components import find_class
from gtexgen.models.likelihoods.base import Likelihood
from gtexgen.models.schedules import Schedule, kl_schedule
from gtexgen.provenance import write_record
from gtexgen.training.diagnostics import Diagnostics, diagnose
from gtexgen.training.epoch_report import EpochReport
from gtexgen.training.figures import log_figures
from gtexgen.training.fit import FitOptions, FitResult, fit
from gtexgen.training.prior import fit_prior
from gtexgen.training.ranks import on_first_rank
from gtexgen.training.record import open_record
from gtexgen.training.residuals import fit_residual_factors
from gtexgen.training.tensorboard import log_diagnostics

__all__ = ["check_parts", "check_store", "model_spec", "run_experiment"]

GIB = 2**30

log = logging.getLogger(__name__)


def model_spec(settings: TrainSettings) -> ModelSpec:
    """Return what decides the networks, out of all settings."""
    model = settings.model
    return ModelSpec(
        latent=model.latent,
        hidden=model.hidden,
        activation=model.activation,
        dropout=model.dropout,
        normalisation=model.normalisation,
        residual_factors=model.residual_factors,
        head=model.head,
        likelihood=settings.likelihood,
        prior=settings.prior,
    )


def check_parts(settings: TrainSettings) -> None:
    """Build a tiny model, so that an option which no schema knows fails before any work.

    Raises
    ------
    ConfigError
        If a part of the model, or the schedule of its KL, cannot be built, or the likelihood cannot explain what
        the scaling gives.
    """
    _kl_schedule(settings)
    likelihood = build_model(model_spec(settings), n_genes=2, n_conditions=1).networks.likelihood
    scaling = settings.scaling
    if likelihood.support == "unit_interval" and scaling.method != "min_max":
        raise ConfigError(
            f"{type(likelihood).__name__} explains values from 0 to 1, and scaling.method is {scaling.method}.\n"
            "  Remedy: scaling=log_min_max (or min_max), or likelihood=gaussian."
        )
    if likelihood.support == "counts" and (scaling.transform, scaling.method) != ("none", "none"):
        raise ConfigError(
            f"{type(likelihood).__name__} explains counts as they are, and scaling.transform is {scaling.transform}, "
            f"scaling.method {scaling.method}.\n"
            "  Remedy: scaling=none, or likelihood=gaussian."
        )


def check_store(settings: TrainSettings, store: ExpressionStore) -> None:
    """Refuse a store in units that the likelihood cannot explain, before any of it is read.

    Raises
    ------
    ConfigError
        If the likelihood is of counts, and the store holds something else.
    """
    likelihood = find_class(settings.likelihood["_target_"], Likelihood)  # type: ignore[type-abstract]
    if likelihood.support == "counts" and store.units != "counts":
        raise ConfigError(
            f"{likelihood.__name__} explains counts, and {store.path} is in {store.units}.\n"
            "  Remedy: a store of counts (data.units=counts makes the demo cohort one, and says of data=files that "
            "its expression is counts), or likelihood=gaussian with scaling=log_standard."
        )


def run_experiment(
    settings: TrainSettings, store: ExpressionStore, folder: Path, *, report: EpochReport | None = None
) -> FitResult:
    """Train on `store` and write checkpoints, curves, records, ``diagnostics/`` and ``generator/`` into `folder`.

    Parameters
    ----------
    settings
        All that the command was told; with ``resume`` they are those of the run in `folder`.
    store
        The expression to learn.
    folder
        Output folder of the run.
    report
        Told of every epoch; a run that it gives up leaves checkpoints and curves, and no generator.

    Returns
    -------
    FitResult
        Its metrics are those of the best epoch and, on the first rank, those of the diagnostics.

    Raises
    ------
    ConfigError
        If `folder` holds another run, the run it holds was trained on other data, or the likelihood cannot explain
        the units of `store`.
    TrainingError
        If training diverges.
    """
    check_store(settings, store)
    data = _data_module(settings, store)
    data.fit()
    torch.manual_seed(settings.seed)
    model = build_model(model_spec(settings), store.n_genes, data.encoder.n_features)
    _warn_of_schedules(model, settings)
    model.prepare(data.training_part())
    data.pairs = model.head.batch_pairs(data.parts())
    record = open_record(settings, store, folder, resume=settings.resume)
    try:
        result = _fit(settings, model, data, folder, report)
        if result.stopped_by == "pruned":
            write_record(folder / "run.json", record | _ending(result) | {"metrics": result.metrics})
            return result
        if on_first_rank():
            log.info("Fitting the prior to the latents")
            fit_prior(model.networks.eval().cpu(), data.training_part())
            log.info("Finding the noise that genes share")
            fit_residual_factors(model.networks, data.training_part())
            log.info("Learning what the samples of a donor share, and the distribution of each gene")
            generator = _generator(settings, store, data, model, result)
            log.info("Judging by validation samples")
            diagnostics = _diagnose(generator, data, folder, result, settings.logger)
    except GtexgenError as error:
        if on_first_rank():
            write_record(folder / "run.json", record | {"status": "failed", "error": str(error)})
        raise
    if on_first_rank():
        result = replace(result, metrics=result.metrics | diagnostics.metrics)
        replace(generator, metrics=result.metrics).save(folder / "generator", overwrite=settings.resume is not None)
        measured = {"metrics": result.metrics, "diagnostics": diagnostics.summary()}
        write_record(folder / "run.json", record | _ending(result) | measured)
    return result


def _ending(result: FitResult) -> dict[str, Any]:
    return {"status": result.stopped_by, "epochs": result.epochs, "best_epoch": result.best_epoch}


def _fit(
    settings: TrainSettings,
    model: GenerativeModel,
    data: ExpressionDataModule,
    folder: Path,
    report: EpochReport | None,
) -> FitResult:
    return fit(
        model,
        data,
        folder,
        options=FitOptions(**asdict(settings.trainer)),
        kl_schedule=_kl_schedule(settings),
        free_bits=settings.model.kl.free_bits,
        seed=settings.seed,
        tensorboard=settings.logger.tensorboard,
        figures_every_epochs=settings.logger.figures_every_epochs or 0,
        hyperparameters=_hyperparameters(settings),
        resume=folder / "checkpoints" / "last.ckpt" if settings.resume else None,
        report=report,
    )


def _warn_of_schedules(model: GenerativeModel, settings: TrainSettings) -> None:
    """Say so where training may end before the objective is whole."""
    needed = max(_kl_schedule(settings).epochs, model.head.warmup_epochs)
    if needed > settings.trainer.max_epochs and on_first_rank():
        log.warning(
            "Training ends after %d epochs (trainer.max_epochs), and only from epoch %d on does its loss count in full "
            "(model.kl, model.head): enough to try things out.",
            settings.trainer.max_epochs,
            needed,
        )


def _kl_schedule(settings: TrainSettings) -> Schedule:
    kl = settings.model.kl
    return kl_schedule(kl.schedule, epochs=kl.epochs, cycles=kl.cycles)


def _data_module(settings: TrainSettings, store: ExpressionStore) -> ExpressionDataModule:
    fields = {column: field.encoding for column, field in settings.condition.items()}
    split: Split = split_donors(store.samples, **asdict(settings.split), columns=list(fields), seed=settings.seed)
    return ExpressionDataModule(
        store,
        split,
        Scaling(**asdict(settings.scaling)),
        ConditionEncoder(fields),
        batch_size=settings.loader.batch_size,
        memory_budget_bytes=int(settings.loader.memory_budget_gib * GIB),
        shuffle_row_groups=settings.loader.shuffle_row_groups,
        workers=settings.loader.workers,
        seed=settings.seed,
    )


def _diagnose(
    generator: NetworkGenerator, data: ExpressionDataModule, folder: Path, result: FitResult, logger: LoggerSettings
) -> Diagnostics:
    """Measure the generator on the validation part, and write and draw what was found."""
    part = data.parts()["validation"]
    diagnostics = diagnose(generator, part)
    diagnostics.write(folder / "diagnostics")
    if logger.tensorboard:
        log_diagnostics(folder / "tensorboard", diagnostics, result.epochs)
    if logger.tensorboard and logger.figures_every_epochs is not None:
        log_figures(folder / "tensorboard", generator, part, result.epochs)
    return diagnostics


def _hyperparameters(settings: TrainSettings) -> dict[str, Any]:
    """Return the settings that tell runs apart: not where files are."""
    everything = asdict(settings)
    return {key: value for key, value in everything.items() if key not in {"store", "outputs", "resume", "data"}}


def _generator(
    settings: TrainSettings,
    store: ExpressionStore,
    data: ExpressionDataModule,
    model: GenerativeModel,
    result: FitResult,
) -> NetworkGenerator:
    return NetworkGenerator(
        networks=model.networks,
        spec=model_spec(settings),
        encoder=data.encoder,
        scaling=data.scaling,
        genes=store.genes[["label", "gene_id", "version", "symbol"]],
        units=store.units,
        fingerprint=store.fingerprint,
        training_counts=count_combinations(data.samples("train"), list(settings.condition)),
        split=data.split,
        metrics=result.metrics,
        settings=asdict(settings),
        donors=fit_donors(model.networks, data.training_part(), list(settings.condition), seed=settings.seed),
        calibration=_calibration(settings, model, data),
    )


def _calibration(settings: TrainSettings, model: GenerativeModel, data: ExpressionDataModule) -> Calibration | None:
    calibration, fields = settings.calibration, list(settings.condition)
    if calibration.levels is None or model.networks.likelihood.support == "counts":
        return None
    return fit_calibration(
        model.networks, data.training_part(), fields, levels=calibration.levels, min_samples=calibration.min_samples
    )
