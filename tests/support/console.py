"""The console scripts, run as a user runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SMALL_COHORT = ["data.donors=40", "data.samples=400", "data.genes=60"]
SMALL_MODEL = ["model.hidden=[32]", "model.latent=4", "trainer.progress_bar=false", "logger.figures_every_epochs=null"]


def run_script(
    command: str, arguments: Sequence[str], folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run ``gtexgen-<command>`` in `folder` and return what it printed and how it ended."""
    return subprocess.run(
        [str(Path(sys.executable).with_name(f"gtexgen-{command}")), *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


def run_well(command: str, arguments: Sequence[str], folder: Path, **environment: str) -> list[str]:
    """Run a script that must succeed and return the lines of its standard output."""
    done = run_script(command, arguments, folder, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
