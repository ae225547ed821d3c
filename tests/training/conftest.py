"""Training a small model on a small cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gtexgen.models.schedules import Schedule
from gtexgen.training.fit import FitOptions, FitResult, fit
from support.training_cohort import Cohort, Train, cohort_model


@pytest.fixture
def train(tmp_path: Path) -> Train:
    def run(
        folder: str = "run",
        *,
        resume: Path | None = None,
        kl_schedule: Schedule | None = None,
        free_bits: float = 0.0,
        tensorboard: bool = True,
        **options: Any,
    ) -> FitResult:
        settings: dict[str, Any] = {"max_epochs": 3, "accelerator": "cpu", "progress_bar": False} | options
        return fit(
            cohort_model(),
            Cohort().data(),
            tmp_path / folder,
            options=FitOptions(**settings),
            kl_schedule=kl_schedule,
            free_bits=free_bits,
            tensorboard=tensorboard,
            hyperparameters={"model": {"latent": 4, "hidden": [16, 8]}, "seed": 0},
            resume=resume,
        )

    return run
