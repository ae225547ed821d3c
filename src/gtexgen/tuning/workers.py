"""Processes that run trials side by side, each with its own GPU or its share of the cores."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gtexgen.errors import ConfigError, TrainingError

__all__ = ["WORKER", "Workers", "end_with_parent", "usable_cores", "visible_gpus", "worker_environment"]

WORKER = "GTEXGEN_SWEEP_WORKER"
"""Says a worker its number, from 0."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
MOST_DEATHS = 3
SECONDS_TO_END = 60.0
INTERRUPTS = 3
"""How often a process is interrupted until it ends: Python loses an interrupt that comes within a destructor."""
LAST_LINES = 15


def usable_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_gpus(gpus: Any, environment: Mapping[str, str]) -> list[str]:
    """List the GPUs that workers may have, by the names that ``CUDA_VISIBLE_DEVICES`` takes.

    Parameters
    ----------
    gpus
        ``sweep.gpus``: ``"auto"``, ``"none"`` or a list of ids.
    environment
        A ``CUDA_VISIBLE_DEVICES`` in it limits what ``"auto"`` finds.

    Raises
    ------
    ConfigError
        If `gpus` is anything else.
    """
    if gpus == "none" or gpus is None:
        return []
    if isinstance(gpus, list) and gpus and all(isinstance(gpu, int | str) for gpu in gpus):
        return [str(gpu) for gpu in gpus]
    if gpus != "auto":
        raise ConfigError(f"sweep.gpus = {gpus!r}: must be auto, none, or a list of ids such as [0,1]")
    if (visible := environment.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [gpu.strip() for gpu in visible.split(",") if gpu.strip() and gpu.strip() != "-1"]
    from torch.cuda import device_count

    return [str(gpu) for gpu in range(device_count())]


def worker_environment(worker: int, workers: int, gpus: Sequence[str], cores: int) -> dict[str, str]:
    """Give what a worker's environment has besides that of its parent.

    Parameters
    ----------
    worker, workers
        Its number, from 0, and how many there are.
    gpus
        The GPUs, which workers get in turn; without any, no worker sees one.
    cores
        The cores that the workers share; each has at least one thread.
    """
    share = str(max(1, cores // workers))
    return {
        WORKER: str(worker),
        "CUDA_VISIBLE_DEVICES": gpus[worker % len(gpus)] if gpus else "",
        **dict.fromkeys(THREADS, share),
    }


class Workers:
    """Runs one command in several processes until each has come to its end.

    A process that is killed is replaced. All of them end, as by Ctrl-C, when this one does.

    Parameters
    ----------
    command
        What each runs.
    environments
        What each has in its environment besides that of this process.
    logs
        The folder that gets what each prints, ``worker-<number>.log``.
    """

    def __init__(self, command: Sequence[str], environments: Sequence[Mapping[str, str]], logs: Path) -> None:
        self._command = list(command)
        self._environments = environments
        self._logs = logs
        self._deaths = [0] * len(environments)
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start them all."""
        self._logs.mkdir(parents=True, exist_ok=True)
        for worker in range(len(self._environments)):
            self._start(worker)

    def are_running(self) -> bool:
        """Look after the processes, and say whether any is left.

        Raises
        ------
        TrainingError
            If one of them ended with an error of its own, or was killed time and again.
        """
        for worker, process in list(self._running.items()):
            status = process.poll()
            if status is None:
                continue
            del self._running[worker]
            if status < 0 and self._deaths[worker] < MOST_DEATHS:
                self._deaths[worker] += 1
                self._start(worker)
            elif status != 0:
                how = f"was killed {MOST_DEATHS + 1} times" if status < 0 else f"ended with status {status}"
                raise TrainingError(
                    f"worker {worker} {how}:\n{self._last_lines(worker)}\n  All of it: {self._log(worker)}"
                )
        return bool(self._running)

    def interrupt(self, seconds: float = SECONDS_TO_END) -> None:
        """End them all as Ctrl-C does, and wait; kill what is left after some time."""
        for _ in range(INTERRUPTS):
            for process in self._running.values():
                process.send_signal(signal.SIGINT)
            self._wait(seconds / INTERRUPTS)
        for process in self._running.values():
            process.kill()
            process.wait()
        self._running.clear()

    def _wait(self, seconds: float) -> None:
        """Wait until all have ended, for some time at most."""
        until = time.monotonic() + seconds
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))

    def _start(self, worker: int) -> None:
        with self._log(worker).open("ab") as log:
            self._running[worker] = subprocess.Popen(
                self._command,
                env={**os.environ, **self._environments[worker]},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # the terminal's Ctrl-C is for this process, which passes it on once
            )

    def _log(self, worker: int) -> Path:
        return self._logs / f"worker-{worker}.log"

    def _last_lines(self, worker: int) -> str:
        return "\n".join(self._log(worker).read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])


def end_with_parent() -> None:
    """Interrupt this process, a worker, when the one that started it is gone: its end of our standard input closes.

    It can then be interrupted even if that one ignores Ctrl-C, as what a script runs in its background does.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        while True:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(SECONDS_TO_END / INTERRUPTS)

    threading.Thread(target=wait, daemon=True).start()
