"""Training a small model on a small cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gtexgen.training.fit import FitOptions, FitResult, fit
from support.training_cohort import Cohort, Train, cohort_model


@pytest.fixture
def train(tmp_path: Path) -> Train:
    def run(
        folder: str = "run",
        *,
        resume: Path | None = None,
        kl_warmup_epochs: int = 0,
        tensorboard: bool = True,
        **options: Any,
    ) -> FitResult:
        settings: dict[str, Any] = {"max_epochs": 3, "accelerator": "cpu", "progress_bar": False} | options
        return fit(
            cohort_model(),
            Cohort().data(),
            tmp_path / folder,
            options=FitOptions(**settings),
            kl_warmup_epochs=kl_warmup_epochs,
            tensorboard=tensorboard,
            hyperparameters={"model": {"latent": 4, "hidden": [16, 8]}, "seed": 0},
            resume=resume,
        )

    return run
