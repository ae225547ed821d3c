"""A training part made of tensors alone."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
import torch
from torch import Tensor

from gtexgen.data.training_part import TrainingPart


@pytest.fixture
def training_part() -> Callable[..., TrainingPart]:
    def make(
        expression: Tensor,
        condition: Tensor | None = None,
        zero: Tensor | None = None,
        block_size: int = 7,
        samples: pd.DataFrame | None = None,
    ) -> TrainingPart:
        return TrainingPart(
            samples=pd.DataFrame(index=range(len(expression))) if samples is None else samples,
            condition=torch.zeros(len(expression), 0) if condition is None else condition,
            zero=torch.zeros(expression.shape[1]) if zero is None else zero,
            blocks=lambda: iter(expression.split(block_size)),
        )

    return make
