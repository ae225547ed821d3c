"""``gtexgen-train``: learn a generator from an expression store, alone or as a trial of a study."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from gtexgen.commands.stores import find_or_prepare
from gtexgen.config.application import run_application
from gtexgen.config.baselines import baseline_config, is_baseline
from gtexgen.config.resume import resumed_config
from gtexgen.config.schema import BaselineTrainSettings, TrainSettings
from gtexgen.config.study import is_trial, study_settings, without_study
from gtexgen.config.validation import validate
from gtexgen.errors import GtexgenError

if TYPE_CHECKING:
    from gtexgen.training.baseline import BaselineResult
    from gtexgen.training.epoch_report import EpochReport
    from gtexgen.training.fit import FitResult

__all__ = ["main", "train"]

INTERRUPTED = 130


def train(config: DictConfig) -> None:
    """Train the model that `config` describes and print where its generator is."""
    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir).resolve()
    with _no_empty_folder(folder):
        if is_trial(config, hydra.mode):
            _train_as_trial(config, hydra, folder)
            return
        if config.resume is not None:
            config = resumed_config(folder, hydra.overrides.task)
        result = _train(config, hydra, folder)
    _present(result, config, folder)


def _train_as_trial(config: DictConfig, hydra: HydraConf, folder: Path) -> None:
    from gtexgen.tuning.trial import TrialRun, run_trial

    settings = without_study(config)
    if not is_baseline(settings):
        settings.trainer.progress_bar = False
    run = TrialRun(Path(hydra.sweep.dir).resolve(), folder, list(hydra.overrides.task))
    run_trial(study_settings(config), run, lambda report: _train(settings, hydra, folder, report))


def _train(
    config: DictConfig, hydra: HydraConf, folder: Path, report: EpochReport | None = None
) -> FitResult | BaselineResult:
    """Train networks or fit a baseline, whichever `config` chooses."""
    if is_baseline(config):
        from gtexgen.training.baseline import run_baseline

        baseline = validate(baseline_config(config, hydra.overrides.task), BaselineTrainSettings)
        return run_baseline(baseline, find_or_prepare(baseline), folder)
    settings = validate(config, TrainSettings)
    from gtexgen.training.experiment import check_parts, run_experiment

    check_parts(settings)
    return run_experiment(settings, find_or_prepare(settings), folder, report=report)


def _present(result: FitResult | BaselineResult, config: DictConfig, folder: Path) -> None:
    """Say what a run came to, and make it the latest unless it was interrupted."""
    from gtexgen.data.atomic import atomic_link
    from gtexgen.training.ranks import on_first_rank
    from gtexgen.training.summary import print_table, summary_table

    if on_first_rank():
        print_table(summary_table(result))
        print(folder / "generator")
    if result.stopped_by == "interrupt":
        sys.exit(INTERRUPTED)
    if on_first_rank():
        atomic_link(Path(config.outputs) / "latest", folder)


@contextmanager
def _no_empty_folder(folder: Path) -> Iterator[None]:
    """Take away the output folder that Hydra made, where an error left nothing in it."""
    try:
        yield
    except GtexgenError:
        with suppress(OSError):
            folder.rmdir()
        raise


def main() -> None:
    """Run ``gtexgen-train``."""
    run_application("train", train)
