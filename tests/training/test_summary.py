from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console

from gtexgen.training.baseline import BaselineResult
from gtexgen.training.fit import FitResult
from gtexgen.training.summary import print_table, summary_table


def result() -> FitResult:
    figures = {"elbo": -1234.567, "reconstruction": 1200.0, "kl": 34.567, "mse": 0.12345}
    return FitResult(
        metrics={f"{part}/{name}": value for part in ("train", "val") for name, value in figures.items()}
        | {"active_latents": 17.0, "val/variance_kept": 0.957, "val/variance_kept_within": 1.034}
        | {"val/coverage": 0.912, "val/precision": 0.931, "val/recall": 0.873, "val/adversarial_accuracy": 0.581},
        best_epoch=12,
        epochs=15,
        stopped_by="early_stopping",
        best_checkpoint=Path("best.ckpt"),
        last_checkpoint=Path("last.ckpt"),
        seconds=83.4,
        samples_per_second=9876.5,
    )


def printed(result: FitResult) -> str:
    text = io.StringIO()
    print_table(summary_table(result), Console(file=text, width=100))
    return text.getvalue()


def test_table_names_epoch_reason_and_figures_of_both_parts() -> None:
    text = printed(result())
    for expected in (
        "Best epoch 12 of 15",
        "ended by early stopping",
        "epochs took 1 min 23 s, 9,876 samples/s",
        "-1,234.57",
        "0.1235",
        "17",
        "95.7%",
        "103.4%",
        "91.2%",
        "58.1%",
    ):
        assert expected in text


@pytest.mark.parametrize("left_out", ["variance_kept_within", "coverage", "adversarial_accuracy"])
def test_what_too_few_samples_leave_undefined_is_called_so(left_out: str) -> None:
    metrics = {name: value for name, value in result().metrics.items() if left_out not in name}
    text = printed(dataclasses.replace(result(), metrics=metrics))
    assert text.count("undefined") == 1


def test_the_table_of_a_baseline_says_what_it_learnt_from_and_what_it_keeps() -> None:
    kept = {"val/variance_kept": 0.957, "val/variance_kept_within": 1.034}
    fitted = BaselineResult(title="class Gaussian", metrics=kept, classes=30, samples=4290, seconds=1.66)
    text = io.StringIO()
    print_table(summary_table(fitted), Console(file=text, width=100))
    for expected in ("class Gaussian: 30 classes, 4,290 samples", "fitted in 1.7 s", "95.7%", "103.4%"):
        assert expected in text.getvalue()
