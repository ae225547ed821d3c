"""What the parts of a model may look at before they are trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd
from torch import Tensor

__all__ = ["SamplePart", "TrainingPart"]


@dataclass(frozen=True, eq=False)
class SamplePart:
    """The samples of one part of a split.

    Attributes
    ----------
    samples
        Their rows of the samples table, in the order of all that follows.
    condition
        ``(samples, conditions)`` float32.
    blocks
        Gives expression on the model's scale in blocks of rows, each ``(some samples, genes)`` float32; it reads the
        store anew at each call.
    """

    samples: pd.DataFrame
    condition: Tensor
    blocks: Callable[[], Iterator[Tensor]]

    def conditioned_blocks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Give each block with the condition of its rows, ``(some samples, conditions)``."""
        start = 0
        for block in self.blocks():
            yield block, self.condition[start : start + len(block)]
            start += len(block)


@dataclass(frozen=True, eq=False)
class TrainingPart(SamplePart):
    """The training samples, and nothing of the held-out ones.

    Attributes
    ----------
    zero
        Where an expression of 0 lies on the model's scale, ``(genes,)`` float32.
    """

    zero: Tensor
