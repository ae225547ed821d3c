"""What a model is given at each step, and the order of an epoch.

The order is made of positions in one part of a split (0 to n-1). It depends on seed and epoch alone: neither
on who reads the samples, nor on how many threads do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gtexgen.errors import ConfigError

__all__ = ["BatchPlan", "ExpressionBatch", "SamplePairs", "Window", "default_batch_size"]

MOST_SAMPLES = 64
FEWEST_SAMPLES = 16
FEWEST_BATCHES = 20

IndexArray = npt.NDArray[np.int64]


class SamplePairs(NamedTuple):
    r"""Pairs of samples drawn from a graph over the part of a batch.

    For any :math:`f`, :math:`\sum_k \mathrm{weight}_k f(\mathrm{pair}_k)` has the expectation
    :math:`\frac{1}{N} \sum_e w_e f(e)` over the edges of the graph, N being the part's number of samples.

    Attributes
    ----------
    expression
        On the model's scale, ``(pairs, 2, genes)`` float32.
    condition
        ``(pairs, 2, features)`` float32.
    weight
        ``(pairs,)`` float32.
    """

    expression: Tensor
    condition: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> SamplePairs:
        """Give the pairs on a device."""
        return SamplePairs(*(tensor.to(device, non_blocking=True) for tensor in self))


class ExpressionBatch(NamedTuple):
    """Samples of one step.

    Attributes
    ----------
    expression
        On the model's scale, ``(batch, genes)`` float32.
    condition
        ``(batch, features)`` float32.
    sample_index
        Row of each sample in the store, ``(batch,)`` int64.
    donor_index
        Number of each sample's donor, in the order in which donors first occur in the store, ``(batch,)``
        int64.
    pairs
        Pairs that the head's graph joins, where the head asks for any.
    negatives
        Pairs of any two samples of the part, where the head asks for any.
    """

    expression: Tensor
    condition: Tensor
    sample_index: Tensor
    donor_index: Tensor
    pairs: SamplePairs | None = None
    negatives: SamplePairs | None = None

    def to(self, device: torch.device) -> ExpressionBatch:
        """Give the batch on a device."""
        expression, condition, sample_index, donor_index = (tensor.to(device, non_blocking=True) for tensor in self[:4])
        pairs, negatives = (drawn if drawn is None else drawn.to(device) for drawn in self[4:])
        return ExpressionBatch(expression, condition, sample_index, donor_index, pairs, negatives)


class Window(NamedTuple):
    """Row groups that are shuffled together.

    Attributes
    ----------
    groups
        Which row groups, in the order in which they lie in the window.
    rows
        The order in which the window's rows are given out.
    positions
        The positions of those samples, in that order.
    """

    groups: list[int]
    rows: IndexArray
    positions: IndexArray


def default_batch_size(n_samples: int) -> int:
    """Give a batch size for so many training samples.

    It is `MOST_SAMPLES`; fewer, but not under `FEWEST_SAMPLES`, where an epoch would have less than `FEWEST_BATCHES`.
    """
    return max(FEWEST_SAMPLES, min(MOST_SAMPLES, n_samples // FEWEST_BATCHES))


class BatchPlan:
    r"""The order of each epoch, cut into batches and shared out over ranks.

    In training, row groups are permuted, and samples are permuted within windows of `window_groups` row
    groups (one row group that holds all samples is a full shuffle). The order is cut into :math:`\lceil n /
    (B R) \rceil` batches for each of R ranks, whose sizes differ by one sample at most; a rank's batches are
    next to each other, so that it reads only its share. Every sample is in one batch, every rank has as many
    batches, and no batch is empty or larger than B; only for B = 1 on several ranks are there batches of two,
    for the number of samples need not divide.

    Lightning calls ``loader.sampler.set_epoch``; a loader's plan is its sampler.

    Parameters
    ----------
    group_sizes
        Number of samples in each row group; positions count through them.
    batch_size
        Samples a batch and rank, at most.
    shuffle
        False: the order of the store, for validation.
    window_groups
        Row groups that are shuffled together.
    seed
        Of the order; each epoch has its own.
    rank, world_size
        Which share to give, of how many.

    Raises
    ------
    ConfigError
        A number is out of range, or there are fewer samples than ranks.
    """

    def __init__(
        self,
        group_sizes: Sequence[int],
        *,
        batch_size: int,
        shuffle: bool,
        window_groups: int = 1,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if batch_size < 1 or window_groups < 1:
            raise ConfigError(f"batch_size={batch_size} and shuffle_row_groups={window_groups} must be 1 or more")
        self.n_samples = int(sum(group_sizes))
        if self.n_samples < world_size:
            raise ConfigError(f"{self.n_samples} samples cannot be shared by {world_size} devices")
        self.shuffle = shuffle
        self.seed = seed
        self.epoch = 0
        stops = np.cumsum(group_sizes)
        self._groups = [np.arange(stop - size, stop) for stop, size in zip(stops, group_sizes, strict=True)]
        self._window_groups = window_groups
        steps = min(-(-self.n_samples // (batch_size * world_size)), self.n_samples // world_size)
        share, extra = divmod(self.n_samples, steps * world_size)
        batches = np.arange(steps * world_size + 1)
        cuts = share * batches + np.minimum(batches, extra)
        self.cuts: list[int] = cuts[rank * steps : (rank + 1) * steps + 1].tolist()

    def __len__(self) -> int:
        """Give the number of batches of an epoch; the same on all ranks."""
        return len(self.cuts) - 1

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next, counted from 0."""
        self.epoch = epoch

    def windows(self) -> list[Window]:
        """Give the order of the epoch over all ranks, window by window."""
        rng = np.random.default_rng([self.seed, self.epoch])
        n_groups = len(self._groups)
        order = (rng.permutation(n_groups) if self.shuffle else np.arange(n_groups)).tolist()
        windows = []
        for start in range(0, n_groups, self._window_groups):
            groups = order[start : start + self._window_groups]
            positions = np.concatenate([self._groups[group] for group in groups])
            rows = rng.permutation(len(positions)) if self.shuffle else np.arange(len(positions))
            windows.append(Window(groups, rows, positions[rows]))
        return windows

    def order(self) -> IndexArray:
        """Give the positions of the epoch over all ranks, shape ``(samples,)``."""
        return np.concatenate([window.positions for window in self.windows()])
