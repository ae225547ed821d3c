"""Ctrl-C that waits for a step of a study to be whole, and that nothing in between can lose."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["interrupts_held", "interrupts_kept"]


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Keep the first Ctrl-C until the end of the block; a second one, meant for a block that hangs, acts at once.

    Python raises an interrupt between any two steps, so that a trial could be taken and nobody know of it. In a thread
    other than the main one, which signals do not interrupt, the block just runs.

    Raises
    ------
    KeyboardInterrupt
        At the end of the block, or at the second Ctrl-C.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT) or signal.SIG_DFL
    came = False

    def hold(_signum: int, _frame: FrameType | None) -> None:
        nonlocal came
        came = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """Let Ctrl-C act at once, and see that its interrupt leaves the block whatever libraries make of it.

    One that comes while a library puts something in order can leave it as an error of the library's, and one that comes
    within a destructor is lost. In a thread other than the main one, or where signals are ignored, the block just runs.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C came, at the end of the block at the latest.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    came = False

    def note(signum: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        before(signum, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    except Exception as error:
        if came:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
