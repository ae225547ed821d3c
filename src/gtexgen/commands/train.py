"""``gtexgen-train``: learn a generator from an expression store."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from gtexgen.commands.stores import find_or_prepare
from gtexgen.config.application import run_application
from gtexgen.config.baselines import baseline_config, is_baseline
from gtexgen.config.resume import resumed_config
from gtexgen.config.schema import BaselineTrainSettings, TrainSettings
from gtexgen.config.validation import validate
from gtexgen.errors import GtexgenError

if TYPE_CHECKING:
    from gtexgen.training.fit import FitResult

__all__ = ["main", "train"]

INTERRUPTED = 130


def train(config: DictConfig) -> None:
    """Train the model that `config` describes and print where its generator is."""
    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir).resolve()
    with _no_empty_folder(folder):
        if config.resume is not None:
            config = resumed_config(folder, hydra.overrides.task)
        if is_baseline(config):
            _train_baseline(baseline_config(config, hydra.overrides.task), folder)
            return
        result = _train_networks(config, folder)
    if result.stopped_by == "interrupt":
        sys.exit(INTERRUPTED)


def _train_baseline(config: DictConfig, folder: Path) -> None:
    settings = validate(config, BaselineTrainSettings)
    from gtexgen.training.baseline import run_baseline
    from gtexgen.training.summary import baseline_table, print_table

    result = run_baseline(settings, find_or_prepare(settings), folder)
    print_table(baseline_table(result))
    print(folder / "generator")


def _train_networks(config: DictConfig, folder: Path) -> FitResult:
    settings = validate(config, TrainSettings)
    from gtexgen.training.experiment import check_parts, run_experiment
    from gtexgen.training.latest import on_first_rank
    from gtexgen.training.summary import print_table, summary_table

    check_parts(settings)
    result = run_experiment(settings, find_or_prepare(settings), folder)
    if on_first_rank():
        print_table(summary_table(result))
        print(folder / "generator")
    return result


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
