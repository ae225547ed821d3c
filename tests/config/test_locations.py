"""An installed wheel carries conf/, sweeps/ and the sweeper, and its scripts work from any folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_wheel_carries_the_configuration(tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path / "dist"),
        str(ROOT),
    ]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next((tmp_path / "dist").glob("*.whl"))
    site = tmp_path / "site"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(site),
        str(wheel),
    ]
    subprocess.run(install, check=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    small = ["data.donors=20", "data.samples=200", "data.genes=40", "trainer.max_epochs=1"]
    done = subprocess.run(
        [sys.executable, str(site / "bin" / "gtexgen-train"), "--multirun", "sweep=demo", "sweep.trials=1", *small],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    generator = Path(done.stdout.splitlines()[-1])
    assert generator.resolve() == (elsewhere / "outputs" / "sweeps" / "demo" / "trials" / "0" / "generator").resolve()
    where = "import gtexgen.config.locations as l; print(l.conf_folder())"
    found = subprocess.run(
        [sys.executable, "-c", where],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()) == site / "gtexgen" / "conf"
