from __future__ import annotations

from pathlib import Path

import pytest
from torch.utils.tensorboard import SummaryWriter

from gtexgen.report.curves import read_curves


def write(folder: Path, scalars: dict[str, list[float]], first_epoch: int = 1) -> None:
    with SummaryWriter(str(folder / "tensorboard"), purge_step=first_epoch) as writer:
        for metric, values in scalars.items():
            for epoch, value in enumerate(values, start=first_epoch):
                writer.add_scalar(metric, value, epoch)


def test_curves_are_what_the_run_logged(tmp_path: Path) -> None:
    write(tmp_path, {"val/elbo": [-3.0, -2.0], "train/kl": [5.0, 4.0], "learning_rate": [0.1, 0.1]})
    curves = read_curves(tmp_path)
    assert curves is not None
    assert set(curves["metric"]) == {"val/elbo", "train/kl"}
    elbo = curves[curves["metric"] == "val/elbo"]
    assert elbo["epoch"].tolist() == [1, 2]
    assert elbo["value"].tolist() == [-3.0, -2.0]


def test_an_epoch_that_a_resumed_run_repeats_is_there_once(tmp_path: Path) -> None:
    write(tmp_path, {"val/mse": [3.0, 2.0, 9.0]})
    write(tmp_path, {"val/mse": [1.0, 0.5]}, first_epoch=3)
    curves = read_curves(tmp_path)
    assert curves is not None
    assert dict(zip(curves["epoch"], curves["value"], strict=True)) == {1: 3.0, 2: 2.0, 3: 1.0, 4: 0.5}


@pytest.mark.parametrize("scalars", [None, {"learning_rate": [0.1]}], ids=["no folder", "no curves"])
def test_a_run_without_curves_has_none(tmp_path: Path, scalars: dict[str, list[float]] | None) -> None:
    if scalars is not None:
        write(tmp_path, scalars)
    assert read_curves(tmp_path) is None
