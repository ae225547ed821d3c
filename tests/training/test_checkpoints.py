from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from gtexgen.training import checkpoints
from gtexgen.training.checkpoints import load_checkpoint
from gtexgen.training.fit import FitOptions, fit
from support.training_cohort import Cohort, Train, cohort_model


class FailingCohort(Cohort):
    """A store whose disk fails once it was read a number of times."""

    reads_left = 30

    def read_row_group(self, index: int) -> npt.NDArray[np.float32]:
        self.reads_left -= 1
        if self.reads_left < 0:
            raise OSError("the disk is gone")
        return super().read_row_group(index)


@pytest.mark.parametrize("seconds", [0.0, 1000.0])
def test_a_run_that_dies_leaves_what_was_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", seconds)
    options = FitOptions(max_epochs=50, accelerator="cpu", progress_bar=False)
    data = FailingCohort().data(memory_budget_bytes=0)
    with pytest.raises(OSError, match="the disk is gone"):
        fit(cohort_model(), data, tmp_path, options=options)
    last = tmp_path / "checkpoints" / "last.ckpt"
    assert last.exists() == (seconds == 0)
    if last.exists():
        data = Cohort().data(memory_budget_bytes=0)
        before = load_checkpoint(last)["epoch"] + 1
        options = FitOptions(max_epochs=before + 1, accelerator="cpu", progress_bar=False)
        assert fit(cohort_model(), data, tmp_path, options=options, resume=last).epochs == before + 1


def test_only_plain_values_and_tensors_are_stored(train: Train) -> None:
    # load_checkpoint refuses anything else, so that reading a checkpoint runs no code of its author.
    result = train(max_epochs=2)
    assert set(load_checkpoint(result.best_checkpoint)) == {"epoch", "state_dict"}
    assert {"epoch", "state_dict", "optimizer_states", "callbacks", "loops"} <= set(
        load_checkpoint(result.last_checkpoint)
    )
    assert [path.name for path in sorted(result.best_checkpoint.parent.iterdir())] == ["best.ckpt", "last.ckpt"]
