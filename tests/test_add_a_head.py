"""The tutorial's head is trained, generated from without its class, and logged."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile
from pathlib import Path

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from support.console import SMALL_COHORT, SMALL_MODEL, run_well

TUTORIAL = (Path(__file__).resolve().parents[1] / "docs" / "add_a_head.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`(\S+)`:\n\n```\w+\n(.*?)```", TUTORIAL, flags=re.DOTALL | re.MULTILINE))
COMMANDS = re.findall(r"```bash\n(.*?)```", TUTORIAL, flags=re.DOTALL)[0].splitlines()
SMALL = [*SMALL_COHORT, *SMALL_MODEL, "trainer.max_epochs=2"]


def run_line(line: str, folder: Path, *more: str) -> list[str]:
    """Run a line of the tutorial, variables before the command with it."""
    words = shlex.split(line)
    variables = dict(word.split("=", 1) for word in takewhile(lambda word: "=" in word, words))
    script, *arguments = words[len(variables) :]
    return run_well(script.removeprefix("gtexgen-"), [*arguments, *more], folder, **variables)


@pytest.mark.slow
def test_the_tutorials_head_trains_and_generates(tmp_path: Path) -> None:
    assert set(FILES) == {"mine/mmd_vae.py", "mine/model/mmd_vae.yaml"}
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    train, generate = COMMANDS
    run_line(train, tmp_path, *SMALL)
    run_line(generate, tmp_path)
    assert len(pd.read_parquet(tmp_path / "synthetic.parquet")) > 100
    curves = EventAccumulator(str(tmp_path / "outputs" / "latest" / "tensorboard")).Reload()
    for part in ("train", "val"):
        mmd = [point.value for point in curves.Scalars(f"{part}/mmd")]
        assert len(mmd) == 2
        assert all(0 < value < 2 for value in mmd)
