from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import TrialState

from gtexgen.errors import ConfigError
from gtexgen.tuning.processes import this_process
from gtexgen.tuning.study import SharedStudy, define
from tuning.conftest import Opener

SPACE: dict[str, BaseDistribution] = {"x": FloatDistribution(0, 1)}

TAKE_ALL = """
import sys, time
from pathlib import Path
from gtexgen.config.study import StudySettings
from gtexgen.tuning.quiet import quiet_optuna
from gtexgen.tuning.study import open_study
from optuna.distributions import FloatDistribution
quiet_optuna()
shared = open_study(StudySettings(**{settings!r}), Path({folder!r}))
while (trial := shared.take({{"x": FloatDistribution(0, 1)}})) is not None:
    print(trial.number, flush=True)
    time.sleep({seconds})
    shared.study.tell(trial, trial.suggest_float("x", 0, 1))
"""


def process_that_takes(shared: SharedStudy, seconds: float) -> subprocess.Popen[str]:
    script = TAKE_ALL.format(settings=vars(shared.settings), folder=str(shared.folder), seconds=seconds)
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)


def finish(shared: SharedStudy) -> list[int]:
    """Take and complete what is left."""
    numbers = []
    while (trial := shared.take(SPACE)) is not None:
        shared.study.tell(trial, trial.suggest_float("x", 0, 1))
        numbers.append(trial.number)
    return numbers


def test_processes_that_share_a_study_run_its_total_together(opened: Opener) -> None:
    shared = opened(trials=25)
    processes = [process_that_takes(shared, 0.01) for _ in range(3)]
    numbers = [int(line) for process in processes for line in process.communicate(timeout=120)[0].split()]
    assert sorted(numbers) == list(range(25))
    assert {trial.state for trial in shared.study.trials} == {TrialState.COMPLETE}
    values = [trial.params["x"] for trial in shared.study.trials]
    assert len(set(values)) == 25


def test_a_study_goes_on_up_to_its_total(opened: Opener) -> None:
    assert finish(opened(trials=2)) == [0, 1]
    assert finish(opened(trials=5)) == [2, 3, 4]
    assert finish(opened(trials=5)) == []


def test_a_trial_whose_process_was_killed_is_run_again_with_its_values(opened: Opener) -> None:
    shared = opened(trials=3)
    process = process_that_takes(shared, 60)
    assert process.stdout is not None
    assert process.stdout.readline() == "0\n"
    assert finish(shared) == [1, 2]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert finish(shared) == [3]
    killed, *_, again = shared.study.trials
    assert (killed.state, killed.user_attrs["error"]) == (TrialState.FAIL, "its process was killed")
    assert again.system_attrs["retry_history"] == [0]
    assert [trial.number for trial in shared.trials()] == [1, 2, 3]


def test_a_trial_that_was_taken_by_nobody_who_says_so_is_run_again(opened: Opener) -> None:
    shared = opened(trials=1)
    shared.study.ask().suggest_float("x", 0, 1)  # a process that is killed before it can say who it is
    assert finish(shared) == [1]
    assert [trial.state for trial in shared.study.trials] == [TrialState.FAIL, TrialState.COMPLETE]


def test_a_trial_is_given_up_after_its_retries(opened: Opener) -> None:
    shared = opened(trials=1, retries=1)
    for _ in range(2):
        process = process_that_takes(shared, 60)
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
        process.wait()
    assert finish(shared) == []
    assert [trial.state for trial in shared.study.trials] == [TrialState.FAIL, TrialState.FAIL]
    assert len(shared.trials()) == 1


def test_an_interrupted_trial_is_run_again_however_often(opened: Opener) -> None:
    shared = opened(trials=1, retries=0)
    values = set()
    for _ in range(3):
        trial = shared.take(SPACE)
        assert trial is not None
        values.add(trial.suggest_float("x", 0, 1))
        shared.interrupted(trial)
    assert finish(shared) == [3]
    assert values == {shared.study.trials[-1].params["x"]}


def test_a_trial_that_is_interrupted_at_its_very_end_is_not_run_again(opened: Opener) -> None:
    shared = opened(trials=1)
    trial = shared.take(SPACE)
    assert trial is not None
    shared.study.tell(trial, trial.suggest_float("x", 0, 1))
    shared.interrupted(trial)
    assert finish(shared) == []
    assert [trial.state for trial in shared.study.trials] == [TrialState.COMPLETE]


def test_a_database_notices_a_dead_trial_of_another_machine(opened: Opener, tmp_path: Path) -> None:
    shared = opened(trials=1, heartbeat=1, storage=f"sqlite:///{tmp_path / 'study.db'}")
    trial = shared.take(SPACE)
    assert trial is not None
    trial.set_user_attr("process", {**this_process(), "host": "another"})
    shared.storage.record_heartbeat(trial._trial_id)  # type: ignore[attr-defined]
    assert finish(shared) == []
    time.sleep(4.5)
    assert finish(shared) == [1]
    assert [trial.state for trial in shared.study.trials] == [TrialState.FAIL, TrialState.COMPLETE]


def test_the_settings_as_they_are_come_first(opened: Opener) -> None:
    shared = opened()
    define(shared, [], SPACE, {"x": 0.25})
    define(shared, [], SPACE, {"x": 0.25})
    finish(shared)
    first, *others = shared.study.trials
    assert first.params == {"x": 0.25}
    assert [trial.user_attrs.get("defaults") for trial in (first, *others)] == [True, None, None, None]


@pytest.mark.parametrize(
    ("changed", "fixed", "space", "reason"),
    [
        ({"objectives": ["val/kl"]}, ["seed=1"], SPACE, "objectives"),
        ({"constraints": {"active_latents": ">=3"}}, ["seed=1"], SPACE, "constraints"),
        ({}, ["seed=2"], SPACE, "fixed: .'seed=1'. before, .'seed=2'. now"),
        ({}, ["seed=1"], {"x": FloatDistribution(0, 2)}, "high=2"),
    ],
)
def test_a_study_that_is_asked_for_something_else_is_refused(
    changed: dict[str, object], fixed: list[str], space: dict[str, BaseDistribution], reason: str, opened: Opener
) -> None:
    define(opened(), ["seed=1"], SPACE, None)
    finish(opened(trials=1))
    with pytest.raises(ConfigError, match=rf"(?s)'demo' exists.*{reason}.*sweep.name=NEW"):
        define(opened(**changed), fixed, space, None)


def test_a_study_all_of_whose_trials_failed_may_be_mended(opened: Opener) -> None:
    shared = opened(trials=2)
    define(shared, ["store=nowhere"], SPACE, None)
    while (trial := shared.take(SPACE)) is not None:
        shared.fail(trial, "there is no store")
    define(shared, ["store=here"], SPACE, None)
    assert finish(shared) == [2, 3]
    with pytest.raises(ConfigError, match=r"'demo' exists"):
        define(shared, ["store=elsewhere"], SPACE, None)


def test_more_trials_workers_or_another_sampler_are_no_other_study(opened: Opener) -> None:
    define(opened(), ["seed=1"], SPACE, None)
    define(opened(trials=9, workers=3, sampler="tpe", pruner="median"), ["seed=1"], SPACE, None)


def test_trials_of_a_study_that_is_gone_are_not_overwritten(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "trials" / "0").mkdir(parents=True)
    with pytest.raises(ConfigError, match="knows nothing of"):
        define(opened(), [], SPACE, None)


def test_a_database_that_cannot_be_reached_is_named(opened: Opener) -> None:
    with pytest.raises(ConfigError, match=r"sweep.storage.*cannot be used"):
        opened(storage="sqlite:////nowhere/study.db")
    with pytest.raises(ConfigError, match=r"sweep.storage"):
        opened(storage="oracle://host/db")


def test_the_lock_of_a_killed_process_is_free(opened: Opener) -> None:
    shared = opened()
    hold = f"""
import time
from filelock import FileLock
FileLock({str(shared.folder / "study.lock")!r}).acquire()
print("held", flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert isinstance(shared.take(SPACE), optuna.Trial)
