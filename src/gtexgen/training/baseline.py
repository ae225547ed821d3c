"""The training run of a baseline: no epochs, and otherwise what a run of networks leaves behind."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gtexgen.baselines import BASELINES
from gtexgen.config.schema import BaselineTrainSettings
from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.datamodule import ExpressionDataModule
from gtexgen.data.scaling import Scaling
from gtexgen.data.splits import split_donors
from gtexgen.data.store import ExpressionStore
from gtexgen.errors import GtexgenError
from gtexgen.generator import BaselineGenerator
from gtexgen.generator.counts import combination_numbers, count_combinations
from gtexgen.provenance import write_record
from gtexgen.training.diagnostics import Diagnostics, diagnose
from gtexgen.training.record import open_record
from gtexgen.training.tensorboard import log_diagnostics

__all__ = ["BaselineResult", "run_baseline"]


@dataclass(frozen=True, kw_only=True)
class BaselineResult:
    """What fitting a baseline came to.

    Attributes
    ----------
    title
        What the baseline is called.
    metrics
        Those of the diagnostics.
    classes, samples
        Numbers of combinations of conditions and of samples that it learnt from.
    seconds
        Wall time of the fit, without the reading of data before.
    """

    title: str
    metrics: dict[str, float]
    classes: int
    samples: int
    seconds: float

    @property
    def epochs(self) -> int:
        """None: it is fitted in one step."""
        return 0

    @property
    def stopped_by(self) -> str:
        """What ended it: it was fitted."""
        return "fitted"


def run_baseline(settings: BaselineTrainSettings, store: ExpressionStore, folder: Path) -> BaselineResult:
    """Fit a baseline to `store` and write records, ``diagnostics/`` and ``generator/`` into `folder`.

    It learns all training samples at once, on log2(x + 1) of store units.

    Parameters
    ----------
    settings
        All that the command was told.
    store
        The expression to learn.
    folder
        Output folder of the run.

    Raises
    ------
    ConfigError
        If `folder` holds another run.
    DataError
        If no combination of conditions has two training samples.
    """
    data = _data_module(settings, store)
    data.fit()
    record = open_record(settings, store, folder)
    try:
        generator, seconds = _fitted(settings, store, data)
        diagnostics = diagnose(generator, data.parts()["validation"])
    except GtexgenError as error:
        write_record(folder / "run.json", record | {"status": "failed", "error": str(error)})
        raise
    _write(settings, generator, diagnostics, folder)
    measured = {"metrics": diagnostics.metrics, "diagnostics": diagnostics.summary()}
    write_record(folder / "run.json", record | {"status": "fitted", "fit_seconds": round(seconds, 3)} | measured)
    classes, _ = generator.baseline.shape
    samples = int(generator.training_counts["n"].sum())
    return BaselineResult(
        title=generator.title, metrics=diagnostics.metrics, classes=classes, samples=samples, seconds=seconds
    )


def _data_module(settings: BaselineTrainSettings, store: ExpressionStore) -> ExpressionDataModule:
    fields = {column: field.encoding for column, field in settings.condition.items()}
    split = split_donors(store.samples, **asdict(settings.split), columns=list(fields), seed=settings.seed)
    return ExpressionDataModule(store, split, Scaling("log2", "none"), ConditionEncoder(fields))


def _fitted(
    settings: BaselineTrainSettings, store: ExpressionStore, data: ExpressionDataModule
) -> tuple[BaselineGenerator, float]:
    """Fit the baseline, and say how many seconds that took."""
    samples = data.samples("train")
    counts = count_combinations(samples, list(settings.condition))
    options = {key: value for key, value in asdict(settings.model).items() if key not in {"name", "baseline"}}
    expression = _training_expression(data)
    start = time.monotonic()
    baseline = BASELINES[settings.model.baseline](**options).fit(expression, combination_numbers(samples, counts))
    seconds = time.monotonic() - start
    generator = BaselineGenerator(
        baseline=baseline,
        encoder=data.encoder,
        scaling=data.scaling,
        genes=store.genes[["label", "gene_id", "version", "symbol"]],
        units=store.units,
        fingerprint=store.fingerprint,
        training_counts=counts,
        split=data.split,
        metrics={},
        settings=asdict(settings),
    )
    return generator, seconds


def _training_expression(data: ExpressionDataModule) -> npt.NDArray[np.float32]:
    """Read all training samples, log2(x + 1)."""
    part = data.training_part()
    return np.concatenate([block.numpy() for block in part.blocks()])


def _write(
    settings: BaselineTrainSettings, generator: BaselineGenerator, diagnostics: Diagnostics, folder: Path
) -> None:
    diagnostics.write(folder / "diagnostics")
    if settings.logger.tensorboard:
        log_diagnostics(folder / "tensorboard", diagnostics, epochs=0)
    replace(generator, metrics=diagnostics.metrics).save(folder / "generator")
