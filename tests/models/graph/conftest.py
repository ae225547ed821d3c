"""Parts to join the samples of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from gtexgen.data.splits import Part
from gtexgen.data.training_part import SamplePart

Parts = dict[Part, SamplePart]


def part(first: int, donors: list[str], conditions: list[int], expression: torch.Tensor | None = None) -> SamplePart:
    n = len(donors)
    values = torch.zeros(n, 4) if expression is None else expression
    return SamplePart(
        samples=pd.DataFrame({"sample_id": [f"S{first + i}" for i in range(n)], "donor_id": donors}),
        condition=torch.eye(3)[torch.tensor(conditions)],
        blocks=lambda: iter(values.split(7)),
    )


@pytest.fixture
def parts() -> Parts:
    """S0 to S5 of donors A, B and C are trained on, S6 to S8 of D and E are held out."""
    return {
        "train": part(0, ["A", "B", "A", "C", "A", "B"], [0, 0, 1, 1, 2, 0]),
        "validation": part(6, ["D", "E", "D"], [0, 0, 1]),
    }


@pytest.fixture
def clustered() -> Callable[[int], SamplePart]:
    """Two clusters of samples in 30 genes, far apart; a seed gives each part."""

    def draw(seed: int) -> SamplePart:
        rng = np.random.default_rng(seed)
        cluster = np.arange(40) % 2
        expression = rng.normal(size=(40, 30)) * np.linspace(2, 0.1, 30) + 20 * cluster[:, None] + 5
        return part(100 * seed, ["A"] * 40, cluster.tolist(), torch.from_numpy(expression).float())

    return draw
