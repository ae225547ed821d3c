"""One trial, in whichever process and on whichever machine it runs: what it reports, and how it ends in the study."""

from __future__ import annotations

import logging
import shutil
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gtexgen.config.study import StudySettings
from gtexgen.tuning.interrupts import interrupts_kept
from gtexgen.tuning.objectives import MissingMetricError, objective_values, read_bounds
from gtexgen.tuning.processes import PROCESS, this_process
from gtexgen.tuning.quiet import quiet_optuna
from gtexgen.tuning.study import SharedStudy, open_study

if TYPE_CHECKING:
    import optuna

__all__ = ["EndedRun", "EpochReport", "TrialRun", "run_trial"]

log = logging.getLogger(__name__)

EpochReport = Callable[[int, Mapping[str, float]], bool]
"""Takes an epoch, counted from 1, and its metrics by name; gives whether the run is to be given up."""


class EndedRun(Protocol):
    """What a training run came to."""

    @property
    def metrics(self) -> Mapping[str, float]:
        """All that it was measured by."""
        ...

    @property
    def epochs(self) -> int:
        """How many were trained."""
        ...

    @property
    def stopped_by(self) -> str:
        """``"interrupt"``, ``"pruned"`` where it was given up, or anything else where it came to its end."""
        ...


@dataclass(frozen=True)
class TrialRun:
    """What is known of a trial before it begins.

    Attributes
    ----------
    study_folder, folder
        Of the study and of this run.
    overrides
        The command line of the run.
    """

    study_folder: Path
    folder: Path
    overrides: list[str]


def run_trial(settings: StudySettings, run: TrialRun, train: Callable[[EpochReport], EndedRun]) -> None:
    """Train as a trial of a study, and record there how it ended.

    An error of the run is the trial's, and is recorded; the study goes on.

    Parameters
    ----------
    settings
        Of the study, with the number of the trial.
    run
        The trial.
    train
        Trains and gives what it came to; it is to call the report after every epoch.

    Raises
    ------
    KeyboardInterrupt
        If the run was interrupted; the trial is then queued again.
    MissingMetricError
        If an objective or a constraint is not among the metrics: no trial can then be told apart.
    """
    quiet_optuna()
    shared = open_study(settings, run.study_folder)
    trial = _join(shared, settings.trial)
    if trial is None:
        log.warning("Trial %s was given up before it began: it is not run.", settings.trial)
        return
    try:
        with interrupts_kept():
            known = {"folder": str(run.folder), "overrides": run.overrides, "error": None}
            for key, value in {PROCESS: this_process(), **known}.items():
                trial.set_user_attr(key, value)
            with _sign_of_life(shared, trial):
                ended = train(_report(settings, trial))
            if ended.stopped_by == "interrupt":
                raise KeyboardInterrupt
            _end(shared, trial, ended)
    except KeyboardInterrupt:
        shared.interrupted(trial)
        raise
    except Exception as error:
        run.folder.mkdir(parents=True, exist_ok=True)
        (run.folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
        shared.fail(trial, str(error))
        if isinstance(error, MissingMetricError):
            raise
    finally:
        shutil.rmtree(
            run.folder / "checkpoints", ignore_errors=True
        )  # a trial is not resumed, and its generator is whole


def _end(shared: SharedStudy, trial: optuna.Trial, ended: EndedRun) -> None:
    """Record what the run was measured by, and how it ended."""
    from optuna.trial import TrialState

    settings = shared.settings
    trial.set_user_attr("metrics", dict(ended.metrics))
    trial.set_user_attr("epochs", ended.epochs)
    if ended.stopped_by == "pruned":
        shared.study.tell(trial, state=TrialState.PRUNED)
        return
    for bound in read_bounds(settings.constraints):
        trial.set_constraint(bound.metric, bound.violation(ended.metrics))
    shared.study.tell(trial, objective_values(ended.metrics, settings.objectives))


def _join(shared: SharedStudy, number: int | None) -> optuna.Trial | None:
    """Take up the trial that the study took for this run; None where another process has ended it."""
    import optuna

    assert number is not None
    shared.study.sampler = optuna.samplers.RandomSampler()  # nothing is drawn here
    frozen = shared.study.get_trials(deepcopy=False)[number]
    return None if frozen.state.is_finished() else optuna.Trial(shared.study, frozen._trial_id)


def _report(settings: StudySettings, trial: optuna.Trial) -> EpochReport:
    objective = settings.objectives[0]

    def report(epoch: int, metrics: Mapping[str, float]) -> bool:
        if settings.pruner == "none" and (len(settings.objectives) > 1 or objective not in metrics):
            return False
        if objective not in metrics:
            raise MissingMetricError(
                f"sweep.pruner={settings.pruner} judges by {objective} after every epoch, and an epoch has only: "
                f"{', '.join(sorted(metrics))}.\n  Remedy: one of these as sweep.objectives, or sweep.pruner=none."
            )
        trial.report(metrics[objective], epoch)
        return bool(trial.should_prune())

    return report


@contextmanager
def _sign_of_life(shared: SharedStudy, trial: optuna.Trial) -> Iterator[None]:
    """Tell a database at intervals that the trial is alive."""
    from optuna.storages import RDBStorage

    storage, ended = shared.storage, threading.Event()
    if not isinstance(storage, RDBStorage):
        yield
        return

    def beat() -> None:
        while not ended.is_set():
            storage.record_heartbeat(trial._trial_id)
            ended.wait(shared.settings.heartbeat)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
