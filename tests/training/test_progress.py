from __future__ import annotations

import re

import pytest

from support.training_cohort import Train


def test_one_bar_counts_all_steps_and_ends_with_the_last_figures(
    train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    result = train(max_epochs=3, progress_bar=True)
    printed = capsys.readouterr().err
    last = printed.rstrip().rsplit("\r", 1)[-1]
    assert last.startswith("epoch 3/3: 100%")
    assert f"val {result.metrics['val/elbo']:.1f}" in last
    assert last.endswith(f"best epoch {result.best_epoch}]")
    assert printed.count("\n") == 1


def test_a_resumed_run_starts_its_bar_where_it_stopped(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    stopped = train(max_epochs=2)
    train(max_epochs=4, resume=stopped.last_checkpoint, progress_bar=True)
    steps = [int(n) for n in re.findall(r"(\d+)/\d+ \[", capsys.readouterr().err)]
    assert steps[0] * 2 == steps[-1]
