"""A real SIGINT to a real process, as the terminal sends it at Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from support.training_cohort import Train

TESTS = Path(__file__).parents[1]


def start(folder: Path) -> subprocess.Popen[str]:
    """Start a training of more epochs than anyone waits for, and wait until it has finished one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "support.training_script", str(folder), "100000", "1"],
        cwd=TESTS,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    layout = 1  # the tag also stands in the layout, which is written before the first epoch
    while sum(path.read_bytes().count(b"val/elbo") for path in folder.glob("tensorboard/*")) <= layout:
        time.sleep(0.05)
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
    return process


def test_ctrl_c_ends_training_with_the_best_weights_and_a_run_to_resume(train: Train, tmp_path: Path) -> None:
    process = start(tmp_path / "run")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    result = json.loads(out)
    assert result["stopped_by"] == "interrupt"
    assert "Ctrl-C: training ends after this epoch" in err
    assert "Warning" not in err
    resumed = train("run", max_epochs=result["epochs"] + 2, resume=Path(result["last_checkpoint"]))
    assert resumed.epochs == result["epochs"] + 2
    assert resumed.metrics["val/elbo"] >= result["metrics"]["val/elbo"]


def test_a_second_ctrl_c_aborts(tmp_path: Path) -> None:
    process = start(tmp_path / "run")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "Ctrl-C" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT, err
    assert "KeyboardInterrupt" in err
    assert out == ""


def test_sigint_is_given_back(train: Train) -> None:
    before = signal.getsignal(signal.SIGINT)
    train(max_epochs=1)
    assert signal.getsignal(signal.SIGINT) is before
