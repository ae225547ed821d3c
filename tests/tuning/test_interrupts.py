from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution

from gtexgen.tuning.interrupts import interrupts_held, interrupts_kept
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


def test_a_ctrl_c_that_comes_as_the_block_begins_waits_too(monkeypatch: pytest.MonkeyPatch) -> None:
    steps, install = [], signal.signal

    def interrupted_install(*arguments: Any) -> None:
        monkeypatch.undo()
        install(*arguments)
        signal.raise_signal(signal.SIGINT)

    def run() -> None:
        with interrupts_held():
            steps.append("ran")

    monkeypatch.setattr(signal, "signal", interrupted_install)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert steps == ["ran"]


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


def test_an_interrupt_that_a_library_makes_an_error_of_its_own_stays_one() -> None:
    def run() -> None:
        with interrupts_kept():
            try:
                signal.raise_signal(signal.SIGINT)
            except BaseException:
                Path("what is no longer there").unlink()

    with pytest.raises(KeyboardInterrupt):
        run()


def test_an_interrupt_that_is_lost_comes_at_the_end_of_the_block() -> None:
    steps = []

    def run() -> None:
        with interrupts_kept():
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            steps.append("went on")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert steps == ["went on"]


def test_without_an_interrupt_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), interrupts_kept():
        raise ZeroDivisionError


def test_both_of_two_blocks_keep_an_interrupt() -> None:
    def run() -> None:
        with interrupts_kept(), suppress(KeyboardInterrupt), interrupts_kept(), suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run()


def test_where_signals_are_ignored_the_block_just_runs() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts_kept():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_ctrl_c_leaves_no_lock_of_the_journal_behind(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, unlink = opened(), os.unlink

    def interrupted_unlink(path: str) -> None:
        monkeypatch.undo()
        unlink(path)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(os, "unlink", interrupted_unlink)
    with pytest.raises(KeyboardInterrupt):
        shared.study.set_user_attr("what", "whole")
    assert opened().study.user_attrs["what"] == "whole"
    assert not list(tmp_path.glob("journal.log.lock*"))
