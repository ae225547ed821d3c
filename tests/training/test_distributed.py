"""Two real processes on one machine, over gloo."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.training_cohort import Train

TESTS = Path(__file__).parents[1]


@pytest.mark.slow
def test_two_processes_agree_and_only_rank_zero_writes(train: Train, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "support.training_script", str(tmp_path / "two"), "2", "2"],
        cwd=TESTS,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    first, second = (json.loads(line) for line in run.stdout.splitlines() if line.startswith("{"))
    assert first == second
    assert first["epochs"] == 2
    written = sorted(path.relative_to(tmp_path / "two") for path in (tmp_path / "two").rglob("*") if path.is_file())
    assert [path.name for path in written[:2]] == ["best.ckpt", "last.ckpt"]
    assert len(written) == 3  # and one event file
    # An epoch of two ranks with batches of 16 has half the steps of one rank's, with as many samples in its means.
    alone = train("one", max_epochs=2)
    assert first["metrics"]["val/elbo"] == pytest.approx(alone.metrics["val/elbo"], rel=0.1)
