"""Loaders of expression batches: from memory, or streamed from the store row group by row group.

Their iterators are generators, so the epoch is looked up at the first batch: on resuming, Lightning calls
``iter`` before ``set_epoch``.
"""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gtexgen.data.batches import BatchPlan, ExpressionBatch, Window
from gtexgen.data.scaling import Scaling

__all__ = ["InMemoryLoader", "Loader", "RowGroupReader", "RowGroups", "SampleTensors", "StreamingLoader"]

FloatArray = npt.NDArray[np.float32]


class RowGroups(Protocol):
    """The part of an expression store that a loader needs; several threads read at once."""

    @property
    def n_genes(self) -> int:
        """Number of genes."""
        ...

    @property
    def row_groups(self) -> list[range]:
        """Samples of each row group, in order."""
        ...

    def read_row_group(self, index: int) -> FloatArray:
        """Read ``(samples, genes)`` in store units."""
        ...


class SampleTensors(NamedTuple):
    """What goes with the expression of each sample of a part; see `gtexgen.data.batches.ExpressionBatch`."""

    condition: Tensor
    sample_index: Tensor
    donor_index: Tensor

    def select(self, positions: Tensor) -> SampleTensors:
        """Give the samples at `positions`."""
        return SampleTensors(*(tensor.index_select(0, positions) for tensor in self))

    def cut(self, here: slice) -> SampleTensors:
        """Give a stretch of the samples."""
        return SampleTensors(*(tensor[here] for tensor in self))


class RowGroupReader:
    """Reads one part of a store, row group by row group.

    Parameters
    ----------
    store
        Where from.
    sample_index
        Rows of the part in the store, ascending, shape ``(samples,)``.
    scaling
        Brings what is read to the model's scale; None leaves store units.

    Attributes
    ----------
    group_sizes
        Samples of the part in each row group that holds any.
    """

    def __init__(self, store: RowGroups, sample_index: npt.NDArray[np.int64], scaling: Scaling | None = None) -> None:
        self._store = store
        self._scaling = scaling
        self._groups: list[tuple[int, npt.NDArray[np.int64]]] = []
        for index, rows in enumerate(store.row_groups):
            first, last = np.searchsorted(sample_index, (rows.start, rows.stop))
            if last > first:
                self._groups.append((index, sample_index[first:last] - rows.start))
        self.group_sizes = [len(rows) for _, rows in self._groups]

    def read(self, group: int) -> FloatArray:
        """Give ``(samples, genes)`` of one of the `group_sizes`, in the store's order."""
        index, rows = self._groups[group]
        expression = self._store.read_row_group(index)
        if len(rows) < len(expression):
            expression = expression[rows]
        return expression if self._scaling is None else self._scaling.scale(expression)

    def read_into(self, target: FloatArray, group: int) -> None:
        """Write what `read` gives to `target`."""
        target[:] = self.read(group)

    def blocks(self) -> Iterator[FloatArray]:
        """Give the whole part, a row group at a time."""
        return map(self.read, range(len(self.group_sizes)))

    def empty(self, groups: Iterable[int]) -> tuple[FloatArray, list[FloatArray]]:
        """Give room for some row groups, and each one's share of it."""
        stops = np.cumsum([0, *(self.group_sizes[group] for group in groups)])
        room = np.empty((stops[-1], self._store.n_genes), dtype=np.float32)
        return room, [room[start:stop] for start, stop in pairwise(stops)]

    def read_all(self) -> Tensor:
        """Give the whole part, shape ``(samples, genes)``, with one row group of memory beside it."""
        room, _ = self.empty(range(len(self.group_sizes)))
        return self._fill(room)

    def map_all(self) -> Tensor:
        """Give the whole part as `read_all` does, on disk: in a file without a name, gone once the tensor is."""
        shape = (sum(self.group_sizes), self._store.n_genes)
        with tempfile.TemporaryFile() as file:
            return self._fill(np.memmap(file, dtype=np.float32, mode="w+", shape=shape))

    def _fill(self, room: FloatArray) -> Tensor:
        stops = np.cumsum(self.group_sizes)
        for group, share in enumerate(np.split(room, stops[:-1])):
            self.read_into(share, group)
        return torch.from_numpy(room)


class Loader(Iterable[ExpressionBatch]):
    """Gives the batches of one epoch after another.

    Attributes
    ----------
    sampler
        The order; Lightning tells it each epoch.
    batch_sampler
        None: Lightning asks for it wherever there is a sampler.
    """

    batch_sampler: None = None

    def __init__(self, plan: BatchPlan) -> None:
        self.sampler = plan

    def __len__(self) -> int:
        return len(self.sampler)

    @abstractmethod
    def __iter__(self) -> Iterator[ExpressionBatch]: ...


class InMemoryLoader(Loader):
    """Gives batches of a tensor that is resident, in host memory or on the device that trains.

    Parameters
    ----------
    expression
        On the model's scale, ``(samples, genes)``.
    samples
        What goes with it, on the same device.
    plan
        The order, over one group of all samples.
    """

    def __init__(self, expression: Tensor, samples: SampleTensors, plan: BatchPlan) -> None:
        super().__init__(plan)
        self._expression = expression
        self._samples = samples

    def __iter__(self) -> Iterator[ExpressionBatch]:
        cuts = self.sampler.cuts
        share = torch.from_numpy(self.sampler.order()[cuts[0] : cuts[-1]]).to(self._expression.device)
        samples = self._samples.select(share)
        for start, stop in pairwise(cuts):
            here = slice(start - cuts[0], stop - cuts[0])
            expression = self._expression.index_select(0, share[here])
            yield ExpressionBatch(expression, *samples.cut(here))


class StreamingLoader(Loader):
    """Gives batches of a store that is larger than memory; two windows of row groups are held at a time.

    The batches do not depend on `workers`. An error in a thread is raised when its samples are wanted, and no
    thread outlives the iterator.

    Parameters
    ----------
    reader
        Of the part, on the model's scale.
    samples
        What goes with it.
    plan
        The order, over the reader's `group_sizes`.
    workers
        Threads that read the next window while one is used; 0 reads each window when it is wanted.
    """

    def __init__(self, reader: RowGroupReader, samples: SampleTensors, plan: BatchPlan, *, workers: int) -> None:
        super().__init__(plan)
        self._reader = reader
        self._samples = samples
        self._workers = workers

    def __iter__(self) -> Iterator[ExpressionBatch]:
        cuts = self.sampler.cuts
        windows = self.sampler.windows()
        order = np.concatenate([window.positions for window in windows])
        samples = self._samples.select(torch.from_numpy(order[cuts[0] : cuts[-1]]))
        pieces = self._pieces(windows, cuts)
        for start, stop in pairwise(cuts):
            taken = [next(pieces)]
            while sum(map(len, taken)) < stop - start:
                taken.append(next(pieces))
            here = slice(start - cuts[0], stop - cuts[0])
            expression = taken[0] if len(taken) == 1 else torch.cat(taken)
            yield ExpressionBatch(expression, *samples.cut(here))

    def _pieces(self, windows: list[Window], cuts: list[int]) -> Iterator[Tensor]:
        """Give expression from the first cut to the last, in pieces that end at every cut and window."""
        ends = np.cumsum([len(window.rows) for window in windows]).tolist()
        wanted = [
            (window, end - len(window.rows), end)
            for window, end in zip(windows, ends, strict=True)
            if end > cuts[0] and end - len(window.rows) < cuts[-1]
        ]
        expressions = self._read_ahead([window for window, _, _ in wanted])
        for (window, start, end), expression in zip(wanted, expressions, strict=True):
            bounds = np.unique(np.clip(cuts, start, end)) - start
            rows = torch.from_numpy(window.rows)
            for first, last in pairwise(bounds.tolist()):
                yield expression.index_select(0, rows[first:last])

    def _read_ahead(self, windows: list[Window]) -> Iterator[Tensor]:
        if self._workers == 0:
            for window in windows:
                room, shares = self._reader.empty(window.groups)
                for share, group in zip(shares, window.groups, strict=True):
                    self._reader.read_into(share, group)
                yield torch.from_numpy(room)
            return
        executor = ThreadPoolExecutor(self._workers, thread_name_prefix="gtexgen-read-ahead")
        try:
            coming = self._submit(executor, windows[0])
            for window in windows[1:]:
                here, coming = coming, self._submit(executor, window)
                yield _finished(*here)
            executor.shutdown(wait=False)
            yield _finished(*coming)
        finally:
            executor.shutdown(cancel_futures=True)

    def _submit(self, executor: ThreadPoolExecutor, window: Window) -> tuple[FloatArray, list[Future[None]]]:
        room, shares = self._reader.empty(window.groups)
        jobs = [
            executor.submit(self._reader.read_into, share, group)
            for share, group in zip(shares, window.groups, strict=True)
        ]
        return room, jobs


def _finished(room: FloatArray, jobs: list[Future[None]]) -> Tensor:
    """Wait for a window, and raise what went wrong in reading it."""
    for job in jobs:
        job.result()
    return torch.from_numpy(room)
