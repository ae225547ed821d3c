"""Training samples of several tissues, whose condition is the tissue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from gtexgen.data.training_part import TrainingPart

__all__ = ["part_of_tissues"]


def part_of_tissues(samples: pd.DataFrame, expression: np.ndarray, tissues: Sequence[str]) -> TrainingPart:
    """Give the part of a samples table with a column ``tissue``; an expression of 0 lies at 0."""
    condition = torch.from_numpy((samples["tissue"].to_numpy()[:, None] == np.array(tissues)).astype(np.float32))

    def blocks() -> Iterator[Tensor]:
        yield from torch.from_numpy(expression).split(123)

    return TrainingPart(samples, condition, blocks, torch.zeros(expression.shape[1]))
