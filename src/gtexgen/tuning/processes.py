"""Which process runs a trial, and whether it is still there."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Any

__all__ = ["is_gone", "this_process"]


def this_process() -> dict[str, str | int | float]:
    """Describe this process so that it cannot be taken for a later one of the same number."""
    import psutil

    return {"host": socket.gethostname(), "pid": os.getpid(), "process_started": psutil.Process().create_time()}


def is_gone(process: Mapping[str, Any]) -> bool:
    """Say whether a process of this machine has ended; of one on another machine nothing is known.

    Parameters
    ----------
    process
        As `this_process` describes it; what says nothing of a process says nothing of its end.
    """
    import psutil

    if process.get("host") != socket.gethostname():
        return False
    try:
        found = psutil.Process(int(process["pid"]))
        return bool(found.create_time() != process["process_started"] or found.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
