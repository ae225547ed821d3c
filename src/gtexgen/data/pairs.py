"""Random pairs of samples that go with each batch, for heads whose objective has a term for pairs.

What is drawn depends on seed, epoch and rank alone, and not on who reads the samples of the batch. A part that is not
shuffled, such as the validation part, is given the same pairs in every epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gtexgen.data.batches import ExpressionBatch, SamplePairs
from gtexgen.data.loaders import Loader, SampleTensors

__all__ = ["BatchPairs", "PairDraws", "PairSource", "PairedLoader"]

PAIR_STREAM = 1  # tells these random numbers from those of the order, which have the same seed


class PairSource(Protocol):
    """A graph over the samples of a part whose edges have weights."""

    @property
    def n_samples(self) -> int:
        """Number of samples; an edge is a pair of positions below it."""
        ...

    @property
    def total_weight(self) -> float:
        """Sum of the weights of all edges."""
        ...

    def draw(self, n_batches: int, n_pairs: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Draw edges in proportion to their weights, ``(n_batches, n_pairs, 2)``; no pairs where there are no edges."""
        ...


class PairDraws(NamedTuple):
    """How many pairs of a graph go with each batch."""

    source: PairSource
    n_pairs: int


class BatchPairs(NamedTuple):
    """The pairs that go with each batch of a part; see `gtexgen.data.batches.ExpressionBatch`."""

    pairs: PairDraws
    negatives: PairDraws | None = None


class PairedLoader(Loader):
    """Gives the batches of another loader, each with its pairs.

    Parameters
    ----------
    loader
        Gives the batches.
    draws
        Which pairs.
    expression
        Of all samples of the part, by position, ``(samples, genes)``.
    samples
        What goes with it, on the same device.
    seed, rank
        Of the draws.
    """

    def __init__(
        self, loader: Loader, draws: BatchPairs, expression: Tensor, samples: SampleTensors, *, seed: int, rank: int
    ) -> None:
        super().__init__(loader.sampler)
        self._loader = loader
        self._draws = draws
        self._columns = expression, samples.condition
        self._seed = seed
        self._rank = rank

    def __iter__(self) -> Iterator[ExpressionBatch]:
        epoch = self.sampler.epoch if self.sampler.shuffle else 0
        rng = np.random.default_rng([self._seed, epoch, self._rank, PAIR_STREAM])
        streams = [self._pairs(draws, rng) for draws in self._draws]
        for batch, pairs, negatives in zip(self._loader, *streams, strict=True):
            yield batch._replace(pairs=pairs, negatives=negatives)

    def _pairs(self, draws: PairDraws | None, rng: np.random.Generator) -> Iterator[SamplePairs | None]:
        """Draw the pairs of an epoch, and give those of one batch after another."""
        if draws is None:
            return repeat(None, len(self))
        source, n_pairs = draws
        device = self._columns[0].device
        positions = torch.from_numpy(source.draw(len(self), n_pairs, rng)).to(device)
        weight = torch.full((positions.shape[1],), source.total_weight / (source.n_samples * n_pairs), device=device)
        return (self._select(of_batch, weight) for of_batch in positions)

    def _select(self, positions: Tensor, weight: Tensor) -> SamplePairs:
        """Give the pairs at ``(pairs, 2)`` positions."""
        rows = positions.flatten()
        expression, condition = (tensor.index_select(0, rows).unflatten(0, positions.shape) for tensor in self._columns)
        return SamplePairs(expression, condition, weight)
