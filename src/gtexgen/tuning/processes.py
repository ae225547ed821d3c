"""Which process runs a trial, and whether it is still there."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

__all__ = ["PROCESS", "is_gone", "this_process"]

PROCESS = "process"
"""The user attribute of a trial that says which process runs it."""


def this_process() -> dict[str, str | int | float]:
    """Describe this process so that it cannot be taken for a later one of the same number."""
    import psutil

    return {"host": socket.gethostname(), "pid": os.getpid(), "started": psutil.Process().create_time()}


def is_gone(process: Mapping[str, Any] | None) -> bool:
    """Say whether a process of this machine has ended; of one on another machine nothing is known.

    Parameters
    ----------
    process
        As `this_process` describes it. None is gone: who takes a trial says so before it lets go of the study's lock.
    """
    import psutil

    if process is None:
        return True
    if process["host"] != socket.gethostname():
        return False
    try:
        found = psutil.Process(int(process["pid"]))
        return bool(found.create_time() != process["started"] or found.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
