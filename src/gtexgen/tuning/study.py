"""A study that several processes share: opened, counted, and its trials taken one by one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gtexgen.config.study import StudySettings
from gtexgen.errors import ConfigError
from gtexgen.report.study_words import replaced_trials
from gtexgen.tuning.interrupts import interrupts_held
from gtexgen.tuning.processes import PROCESS, is_gone, this_process
from gtexgen.tuning.pruners import build_pruner
from gtexgen.tuning.samplers import build_sampler
from gtexgen.tuning.storage import open_storage, study_lock

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

__all__ = ["SharedStudy", "define", "open_study"]

log = logging.getLogger(__name__)

DEFINITION = "definition"
FIRST_TRIAL = "first_trial"
"""The number of the first trial that the definition holds for."""


@dataclass(frozen=True)
class SharedStudy:
    """A study, its storage and its folder.

    Attributes
    ----------
    settings
        What this process was told of it.
    study
        Optuna's.
    storage
        Where it is kept.
    folder
        Where its trials and results go.
    """

    settings: StudySettings
    study: optuna.Study
    storage: BaseStorage
    folder: Path

    def lock(self) -> AbstractContextManager[None]:
        """Keep every other process that takes part from taking trials."""
        return study_lock(self.storage, self.settings.name, self.folder)

    def trials(self) -> list[FrozenTrial]:
        """Give the trials that count: not those that others replace, nor those before the study was mended."""
        trials = self.study.get_trials(deepcopy=False)
        left_out = replaced_trials(self.study) | set(range(self.study.user_attrs.get(FIRST_TRIAL, 0)))
        return [trial for trial in trials if trial.number not in left_out]

    def begun(self) -> int:
        """Count the trials that run or have run."""
        from optuna.trial import TrialState

        return sum(trial.state != TrialState.WAITING for trial in self.trials())

    def take(self, distributions: Mapping[str, BaseDistribution]) -> optuna.Trial | None:
        """Take the next trial for this process; None where all are taken.

        A trial whose process has died is set free first, to be taken again.

        Parameters
        ----------
        distributions
            How each setting is searched.
        """
        with self.lock():
            self.release_dead()
            if self.begun() >= self.settings.trials:
                return None
            self.study.sampler = build_sampler(
                self.settings.sampler,
                self.settings.sampler_options,
                distributions,
                seed=self.settings.seed,
                draw=len(self.study.get_trials(deepcopy=False)),
            )
            trial = self.study.ask()
            trial.set_user_attr(PROCESS, this_process())
            return trial

    def still_running(self, taken: Sequence[optuna.Trial]) -> list[optuna.Trial]:
        """Give those of the trials `taken` that have not ended."""
        trials = self.study.get_trials(deepcopy=False)
        return [trial for trial in taken if not trials[trial.number].state.is_finished()]

    def release_dead(self) -> None:
        """Fail the trials whose process is gone, and queue each again as often as ``sweep.retries`` allows."""
        import optuna

        optuna.storages.fail_stale_trials(self.study)
        for trial in self.study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
            if is_gone(trial.user_attrs.get(PROCESS)):
                self.fail(trial, "its process was killed")
                self._queue_again(trial.number, most=self.settings.retries)

    def fail(self, trial: optuna.Trial | FrozenTrial, error: str) -> None:
        """Record that a trial failed, unless another process has already ended it."""
        import optuna

        with suppress(optuna.exceptions.UpdateFinishedTrialError):
            self.storage.set_trial_user_attr(trial._trial_id, "error", error)
            self.storage.set_trial_state_values(trial._trial_id, state=optuna.trial.TrialState.FAIL)

    def interrupted(self, trial: optuna.Trial) -> None:
        """Record that a trial was interrupted, and queue it again, unless it has come to its end."""
        with interrupts_held():
            if self.still_running([trial]):
                self.fail(trial, "interrupted")
                self._queue_again(trial.number, most=None)

    def _queue_again(self, number: int, *, most: int | None) -> None:
        """Queue a trial with the values of one that did not come to its end, which was tried `most` times at most."""
        from optuna.storages import RetryHeartbeatStaleTrialCallback

        copied = self.study.get_trials()[number]  # which the callback writes to
        RetryHeartbeatStaleTrialCallback(max_retry=most)(self.study, copied)


def open_study(settings: StudySettings, folder: Path) -> SharedStudy:
    """Open a study, and make it where there is none.

    Parameters
    ----------
    settings
        Its settings.
    folder
        Where its trials and results go.

    Raises
    ------
    ConfigError
        If its storage cannot be used, or it has other objectives.
    """
    import optuna
    from optuna.study import StudyDirection

    pruner = build_pruner(settings.pruner, settings.pruner_options)
    storage = open_storage(settings.storage, folder, heartbeat=settings.heartbeat, retries=settings.retries)
    study = optuna.create_study(
        study_name=settings.name,
        storage=storage,
        pruner=pruner,
        directions=[StudyDirection[direction.upper()] for direction in settings.directions],
        load_if_exists=True,
    )
    return SharedStudy(settings, study, storage, folder)


def define(
    shared: SharedStudy, fixed: Sequence[str], space: Mapping[str, BaseDistribution], first: Mapping[str, Any] | None
) -> None:
    """Write down what a new study is, or make sure that an old one is the same; one without a result may be mended.

    Parameters
    ----------
    shared
        The study.
    fixed
        The overrides that every trial has.
    space
        How each setting is searched.
    first
        The values of the first trial; None leaves them to the sampler.

    Raises
    ------
    ConfigError
        If the study has other objectives, another space or other fixed settings: its trials could not be compared.
    """
    settings = asdict(shared.settings)
    definition = {key: settings[key] for key in ("objectives", "directions", "space_function", "constraints")}
    definition |= {"space": {key: str(how) for key, how in sorted(space.items())}, "fixed": sorted(fixed)}
    with shared.lock():
        known = shared.study.user_attrs.get(DEFINITION)
        if known is None:
            _refuse_used_folder(shared)
            shared.study.set_metric_names(shared.settings.objectives)
            if first is not None:
                shared.study.enqueue_trial(dict(first), user_attrs={"defaults": True})
            shared.study.set_user_attr(DEFINITION, definition)
        elif known != definition:
            _mend(shared, known, definition)


def _mend(shared: SharedStudy, known: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
    """Begin the study anew where nothing has come of it, and refuse to otherwise."""
    from optuna.trial import TrialState

    if any(trial.state != TrialState.FAIL for trial in shared.trials()):
        _refuse(shared.settings.name, known, definition)
    shared.study.set_user_attr(FIRST_TRIAL, len(shared.study.get_trials(deepcopy=False)))
    shared.study.set_user_attr(DEFINITION, definition)


def _refuse(name: str, known: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
    changed = [
        f"  {key}: {known.get(key)} before, {value} now" for key, value in definition.items() if known.get(key) != value
    ]
    raise ConfigError(
        f"the study '{name}' exists, and its trials cannot be compared with what is asked for now:\n"
        + "\n".join(changed)
        + "\n  Remedy: the command line that it was begun with, or sweep.name=NEW for another study."
    )


def _refuse_used_folder(shared: SharedStudy) -> None:
    if any((shared.folder / "trials").glob("*")):
        raise ConfigError(
            f"{shared.folder / 'trials'} holds trials that the study '{shared.settings.name}' knows nothing of.\n"
            "  Remedy: sweep.name=NEW for another study, or move that folder away."
        )
