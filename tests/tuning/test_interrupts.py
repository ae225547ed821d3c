from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest
from optuna.distributions import FloatDistribution

from gtexgen.tuning.interrupts import interrupts_held
from tuning.conftest import Opener


@pytest.fixture(autouse=True)
def _ctrl_c_raises() -> Iterator[None]:
    """Whatever ran before in this process may have left another handler."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_waits_until_a_trial_is_taken(opened: Opener) -> None:
    shared = opened()
    taken: list[optuna.Trial | None] = []

    def take() -> None:
        with interrupts_held():
            signal.raise_signal(signal.SIGINT)
            taken.append(shared.take({"x": FloatDistribution(0, 1)}))

    with pytest.raises(KeyboardInterrupt):
        take()
    assert [trial is not None and trial.number for trial in taken] == [0]


def test_a_second_ctrl_c_does_not_wait() -> None:
    steps = []

    def run() -> None:
        with interrupts_held():
            signal.raise_signal(signal.SIGINT)
            steps.append("after the first")
            signal.raise_signal(signal.SIGINT)
            steps.append("after the second")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert steps == ["after the first"]


def test_after_the_block_ctrl_c_acts_as_before() -> None:
    with interrupts_held():
        pass
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_in_a_thread_the_block_just_runs() -> None:
    def run() -> str:
        with interrupts_held():
            return "ran"

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(run).result() == "ran"
