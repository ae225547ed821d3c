"""The console scripts: run as a user runs them, or in the test's process where a process is not what is tested."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import TextIO
from unittest.mock import patch

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

QUIET = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
"""Warnings that Python does not show by itself."""

SMALL_COHORT = ["data.donors=40", "data.samples=400", "data.genes=60"]
SMALL_MODEL = ["model.hidden=[32]", "model.latent=4", "trainer.progress_bar=false", "logger.figures_every_epochs=null"]


def run_script(
    command: str, arguments: Sequence[str], folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run ``gtexgen-<command>`` in `folder` and return what it printed and how it ended."""
    return subprocess.run(
        [script(command), *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


def run_well(command: str, arguments: Sequence[str], folder: Path, **environment: str) -> list[str]:
    """Run a script that must succeed and return the lines of its standard output."""
    return lines_of(run_script(command, arguments, folder, **environment))


def run_here(command: str, arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run what ``gtexgen-<command>`` runs in this process, which is spared its imports; otherwise as `run_script`.

    An error that the script would show with a traceback is raised.
    """
    main = import_module(f"gtexgen.commands.{command}").main
    out, err, status = StringIO(), StringIO(), 0
    argv = [script(command), *arguments]
    as_script = patch.object(sys, "argv", argv)
    with _process_left_as_it_was(), chdir(folder), as_script, redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            status = _status(end, err)
    return subprocess.CompletedProcess(argv, status, out.getvalue(), err.getvalue())


def run_here_well(command: str, arguments: Sequence[str], folder: Path) -> list[str]:
    """Run in this process what must succeed and return the lines of its standard output."""
    return lines_of(run_here(command, arguments, folder))


def lines_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def script(command: str) -> str:
    return str(Path(sys.executable).with_name(f"gtexgen-{command}"))


def _status(end: SystemExit, err: StringIO) -> int:
    """Give the status of a process that ends so; a message as its code goes to standard error, as Python sends it."""
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    err.write(f"{end.code}\n")
    return 1


@contextmanager
def _process_left_as_it_was() -> Iterator[None]:
    """Give back the environment, Hydra's global state, the root logger and the filters of warnings."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    GlobalHydra.instance().clear()
    try:
        with patch.dict(os.environ), warnings.catch_warnings():
            warnings.resetwarnings()
            for category in QUIET:
                warnings.simplefilter("ignore", category)
            warnings.showwarning = _print_warning
            yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        GlobalHydra.instance().clear()
        HydraConfig.instance().cfg = None


def _print_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))
