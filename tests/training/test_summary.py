from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from gtexgen.training.fit import FitResult
from gtexgen.training.summary import print_summary


def test_table_names_epoch_reason_and_figures_of_both_parts() -> None:
    figures = {"elbo": -1234.567, "reconstruction": 1200.0, "kl": 34.567, "mse": 0.12345}
    result = FitResult(
        metrics={f"{part}/{name}": value for part in ("train", "val") for name, value in figures.items()}
        | {"active_latents": 17.0},
        best_epoch=12,
        epochs=15,
        stopped_by="early_stopping",
        best_checkpoint=Path("best.ckpt"),
        last_checkpoint=Path("last.ckpt"),
        seconds=83.4,
        samples_per_second=9876.5,
    )
    text = io.StringIO()
    print_summary(result, Console(file=text, width=100))
    for expected in (
        "Best epoch 12 of 15",
        "ended by early stopping after 1 min 23 s",
        "9,876 samples/s",
        "-1,234.57",
        "0.1235",
        "17",
    ):
        assert expected in text.getvalue()
