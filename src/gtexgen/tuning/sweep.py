"""A study from start to end: what is searched, who runs the trials, what is left behind."""

from __future__ import annotations

import logging
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from gtexgen.config.study import StudySettings, study_settings
from gtexgen.errors import ConfigError, TrainingError
from gtexgen.tuning.best_config import Changes, changes_of
from gtexgen.tuning.check import SpaceFunction, check_space, find_space_function
from gtexgen.tuning.interrupts import interrupts_held, interrupts_kept
from gtexgen.tuning.objectives import MissingMetricError, read_bounds
from gtexgen.tuning.progress import StudyProgress
from gtexgen.tuning.quiet import quiet_optuna
from gtexgen.tuning.samplers import build_sampler, grid
from gtexgen.tuning.space import Value, as_override, read_arguments, read_space, suggest, values_of
from gtexgen.tuning.study import SharedStudy, define, open_study
from gtexgen.tuning.workers import WORKER, Workers, end_with_parent, usable_cores, visible_gpus, worker_environment

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

__all__ = ["run_sweep"]

FEWEST_FAILURES = 5
"""Trials that must have ended before too many failed ones stop a study."""

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Search:
    """What every trial has, and what each draws.

    Attributes
    ----------
    fixed
        Overrides of every trial, those of the study among them.
    distributions
        How each setting is searched.
    function
        Searches what depends on each other.
    defaults
        The settings as they are, of those that are searched.
    """

    fixed: list[str]
    distributions: dict[str, BaseDistribution]
    function: SpaceFunction | None
    defaults: dict[str, Value]

    def overrides(self, trial: optuna.Trial) -> list[str]:
        """Draw the settings of a trial, and give its command line."""
        if trial.user_attrs.get("defaults"):
            drawn: dict[str, object] = {**suggest(trial, {key: self.distributions[key] for key in self.defaults})}
        else:
            drawn = {**suggest(trial, self.distributions), **(self.function(trial) if self.function else {})}
        return [*self.fixed, *(as_override(key, value) for key, value in drawn.items()), f"sweep.trial={trial.number}"]


def run_sweep(config: DictConfig, arguments: Sequence[str], loader: ConfigLoader, launcher: Launcher) -> None:
    """Run the trials that a study still lacks, and write what it came to.

    Parameters
    ----------
    config
        What Hydra composed, with ``sweep`` and ``hydra``.
    arguments
        The command line, as Hydra splits it.
    loader, launcher
        Hydra's.

    Raises
    ------
    ConfigError
        If the study cannot be run as it is asked for.
    TrainingError
        If too many trials fail.
    KeyboardInterrupt
        At Ctrl-C; the results of the trials that came to their end are then written.
    """
    quiet_optuna()
    settings = study_settings(config)
    logging.getLogger(BasicLauncher.__module__).setLevel(logging.WARNING)
    told = read_arguments(arguments, loader)
    space = {key: how for key, how in read_space(settings.space, loader).items() if key not in told.fixed}
    distributions = space | told.searched
    function = find_space_function(settings.space_function)
    search = Search([*told.fixed.values(), *told.study], distributions, function, values_of(config, distributions))
    settings = _checked(settings, search, config, loader)
    shared = open_study(settings, Path(config.hydra.sweep.dir).resolve())
    first = search.defaults if settings.try_defaults and settings.sampler != "grid" else None
    define(shared, list(told.fixed.values()), distributions, first)
    if WORKER in os.environ:
        end_with_parent()
        _run_trials(shared, search, launcher, batch=1, after_each=lambda: None)
        return
    try:
        with StudyProgress(shared) as progress:
            if settings.workers > 1 and isinstance(launcher, BasicLauncher):
                _run_workers(shared, progress)
            else:
                _run_trials(shared, search, launcher, batch=settings.workers, after_each=progress.update)
    finally:
        _leave_results(shared, Path(config.outputs), lambda overrides: changes_of(overrides, config, loader))
    _stop_without_result(shared)


def _checked(settings: StudySettings, search: Search, config: DictConfig, loader: ConfigLoader) -> StudySettings:
    """Refuse what cannot work, and count the trials of a grid."""
    if not search.distributions and search.function is None:
        raise ConfigError("nothing is searched.\n  Remedy: sweep.space, sweep.space_function, or model.latent=16,32,64")
    read_bounds(settings.constraints)
    build_sampler(settings.sampler, settings.sampler_options, search.distributions, seed=settings.seed, draw=0)
    check_space(config, search.fixed, loader, search.distributions, search.function)
    if settings.sampler != "grid":
        return settings
    if search.function is not None:
        raise ConfigError("sweep.sampler=grid knows nothing of sweep.space_function: choose one of the two")
    combinations = math.prod(map(len, grid(search.distributions).values()))
    return replace(settings, trials=min(settings.trials, combinations))


def _run_trials(
    shared: SharedStudy, search: Search, launcher: Launcher, *, batch: int, after_each: Callable[[], None]
) -> None:
    """Take trials until there are none left, and give them to Hydra's launcher, `batch` at a time."""
    taken: list[optuna.Trial] = []
    try:
        while True:
            _stop_at_failures(shared)
            taken.clear()
            with interrupts_held():
                while len(taken) < batch and (trial := shared.take(search.distributions)) is not None:
                    taken.append(trial)
            if not taken:
                return
            _launch(shared, search, launcher, taken)
            after_each()
    except KeyboardInterrupt:
        for trial in shared.still_running(taken):
            shared.interrupted(trial)
        raise


def _launch(shared: SharedStudy, search: Search, launcher: Launcher, taken: Sequence[optuna.Trial]) -> None:
    """Run trials, and see to those that did not end by themselves."""
    errors: list[Exception] = []
    try:
        with interrupts_kept():
            jobs = launcher.launch([search.overrides(trial) for trial in taken], initial_job_idx=taken[0].number)
        errors = [job._return_value for job in jobs if isinstance(job._return_value, Exception)]
    except (HydraException, OmegaConfBaseException) as raised:
        errors = [raised]
    for trial in shared.still_running(taken):
        shared.fail(trial, str(errors[0]) if errors else "it ended without a result")
    for error in errors:
        if isinstance(error, MissingMetricError):
            raise error


def _run_workers(shared: SharedStudy, progress: StudyProgress) -> None:
    """Let processes run the trials, each with this very command."""
    settings = shared.settings
    gpus = visible_gpus(settings.gpus, os.environ)
    numbers = range(settings.workers)
    environments = [worker_environment(number, settings.workers, gpus, usable_cores()) for number in numbers]
    workers = Workers([sys.executable, *sys.argv], environments, shared.folder / "workers")
    try:
        workers.start()
        while workers.are_running():
            with interrupts_held():
                progress.update()
            time.sleep(POLL_SECONDS)
    finally:
        workers.interrupt()
        with shared.lock():
            shared.release_dead()


def _stop_at_failures(shared: SharedStudy) -> None:
    from optuna.trial import TrialState

    ended = [trial for trial in shared.trials() if trial.state.is_finished()]
    failed = [trial for trial in ended if trial.state == TrialState.FAIL]
    if len(ended) >= FEWEST_FAILURES and len(failed) > shared.settings.max_failure_rate * len(ended):
        raise TrainingError(
            f"{len(failed)} of {len(ended)} trials failed, more than sweep.max_failure_rate="
            f"{shared.settings.max_failure_rate:g}. The last one: {failed[-1].user_attrs.get('error', 'unknown')}\n"
            "  Remedy: narrow sweep.space to what works, or raise sweep.max_failure_rate to go on."
        )


def _stop_without_result(shared: SharedStudy) -> None:
    from optuna.trial import TrialState

    trials = shared.trials()
    if trials and all(trial.state == TrialState.FAIL for trial in trials):
        raise TrainingError(
            f"all {len(trials)} trials failed. The last one: {trials[-1].user_attrs.get('error', 'unknown')}\n"
            "  Remedy: the study again with settings that work: failed trials then do not count; or more sweep.trials."
        )


def _leave_results(shared: SharedStudy, outputs: Path, changes: Callable[[Sequence[str]], Changes]) -> None:
    """Write what the study came to so far, and say where it is."""
    from gtexgen.data.atomic import atomic_link
    from gtexgen.tuning.results import write_results
    from gtexgen.tuning.summary import print_summary

    results = write_results(shared.study, shared.folder, title=f"Study {shared.settings.name}", changes_of=changes)
    if (shared.folder / "best").exists():
        atomic_link(outputs / "latest", shared.folder / "best")
    print_summary(shared, results)
