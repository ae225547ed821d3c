"""Whether a store fits in memory must not show in what is learnt."""

from __future__ import annotations

from pathlib import Path

import pytest

from gtexgen.training.fit import FitOptions, FitResult, fit
from support.training_cohort import Cohort, cohort_model

TOLERANCE = 1.0
"""Nats, of about 8.5. The two orders differ (a shuffle of all samples, or of windows of row groups), so the two runs
are as alike as runs of two seeds: over eight seeds the difference had mean 0.09 and standard deviation 0.35 nats. The
tolerance is three of these; an untrained model is 8 nats away."""


def validation_elbo(folder: Path, memory_budget_bytes: int) -> FitResult:
    data = Cohort().data(memory_budget_bytes=memory_budget_bytes)
    assert data.streams == (memory_budget_bytes == 0)
    options = FitOptions(max_epochs=60, learning_rate=0.01, accelerator="cpu", progress_bar=False)
    return fit(cohort_model(), data, folder, options=options, tensorboard=False)


def test_in_memory_and_streaming_reach_the_same_validation_elbo(tmp_path: Path) -> None:
    in_memory = validation_elbo(tmp_path / "memory", 2**30)
    streaming = validation_elbo(tmp_path / "streaming", 0)
    assert streaming.metrics["val/elbo"] == pytest.approx(in_memory.metrics["val/elbo"], abs=TOLERANCE)


def test_a_streaming_run_resumes_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    def run(folder: str, max_epochs: int, resume: Path | None = None) -> FitResult:
        options = FitOptions(max_epochs=max_epochs, schedule="constant", accelerator="cpu", progress_bar=False)
        data = Cohort().data(memory_budget_bytes=0)
        return fit(cohort_model(), data, tmp_path / folder, options=options, tensorboard=False, resume=resume)

    straight = run("straight", 4)
    stopped = run("stopped", 2)
    resumed = run("stopped", 4, stopped.last_checkpoint)
    assert resumed.metrics == pytest.approx(straight.metrics, rel=1e-5)
