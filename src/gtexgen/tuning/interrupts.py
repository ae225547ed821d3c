"""Ctrl-C that waits for a step of a study to be whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["interrupts_held"]


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
    came = False

    def hold(_signum: int, _frame: FrameType | None) -> None:
        nonlocal came
        came = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, hold) or signal.SIG_DFL
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)
