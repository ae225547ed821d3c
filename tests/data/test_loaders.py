from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gtexgen.data.batches import BatchPlan, ExpressionBatch
from gtexgen.data.loaders import InMemoryLoader, RowGroupReader, SampleTensors, StreamingLoader
from gtexgen.data.scaling import Scaling
from gtexgen.data.store import ExpressionStore
from gtexgen.errors import StoreError

N_SAMPLES = 137


def sample_tensors(rows: npt.NDArray[np.int64]) -> SampleTensors:
    index = torch.from_numpy(rows)
    return SampleTensors(condition=index[:, None].float() / 2, sample_index=index, donor_index=index % 40)


def streaming(
    store: ExpressionStore,
    rows: npt.NDArray[np.int64] | None = None,
    *,
    workers: int = 2,
    batch_size: int = 10,
    window: int = 3,
    shuffle: bool = True,
    rank: int = 0,
    ranks: int = 1,
) -> StreamingLoader:
    rows = np.arange(store.n_samples) if rows is None else rows
    reader = RowGroupReader(store, rows, Scaling("none", "none"))
    plan = BatchPlan(
        reader.group_sizes,
        batch_size=batch_size,
        shuffle=shuffle,
        window_groups=window,
        seed=3,
        rank=rank,
        world_size=ranks,
    )
    return StreamingLoader(reader, sample_tensors(rows), plan, workers=workers)


def in_memory(store: ExpressionStore, rows: npt.NDArray[np.int64], *, batch_size: int = 10) -> InMemoryLoader:
    plan = BatchPlan([len(rows)], batch_size=batch_size, shuffle=True, seed=3)
    return InMemoryLoader(RowGroupReader(store, rows).read_all(), sample_tensors(rows), plan)


def check_rows(batch: ExpressionBatch) -> None:
    """The store's sample i has 1000 i + g for gene g, so that every tensor tells whose row it is."""
    index = batch.sample_index
    assert index.dtype == batch.donor_index.dtype == torch.int64
    assert batch.expression.dtype == batch.condition.dtype == torch.float32
    expected = 1000 * index[:, None] + torch.arange(batch.expression.shape[1])
    assert torch.equal(batch.expression, expected.float())
    assert torch.equal(batch.condition, index[:, None].float() / 2)
    assert torch.equal(batch.donor_index, index % 40)


def reading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("gtexgen-read-ahead")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.sets(st.integers(0, N_SAMPLES - 1), min_size=4).map(lambda s: np.array(sorted(s), dtype=np.int64)),
    batch_size=st.integers(1, 40),
    ranks=st.integers(1, 4),
    workers=st.sampled_from([0, 1, 4]),
    window=st.integers(1, 14),
    shuffle=st.booleans(),
    epoch=st.integers(0, 3),
)
def test_every_sample_once_an_epoch(
    grouped_store: ExpressionStore,
    rows: npt.NDArray[np.int64],
    batch_size: int,
    ranks: int,
    workers: int,
    window: int,
    shuffle: bool,
    epoch: int,
) -> None:
    seen: list[int] = []
    n_batches = set()
    for rank in range(ranks):
        loader = streaming(
            grouped_store,
            rows,
            workers=workers,
            batch_size=batch_size,
            window=window,
            shuffle=shuffle,
            rank=rank,
            ranks=ranks,
        )
        loader.sampler.set_epoch(epoch)
        batches = list(loader)
        assert len(batches) == len(loader)
        n_batches.add(len(batches))
        for batch in batches:
            check_rows(batch)
            seen += batch.sample_index.tolist()
    assert sorted(seen) == rows.tolist()
    assert len(n_batches) == 1
    if not shuffle:
        assert seen == rows.tolist()


@pytest.mark.parametrize("workers", [1, 4])
def test_batches_do_not_depend_on_workers(grouped_store: ExpressionStore, workers: int) -> None:
    one, other = streaming(grouped_store, workers=0), streaming(grouped_store, workers=workers)
    for epoch in range(3):
        one.sampler.set_epoch(epoch)
        other.sampler.set_epoch(epoch)
        for a, b in zip(one, other, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_in_memory_gives_every_sample_once_and_its_own_rows(grouped_store: ExpressionStore) -> None:
    rows = np.arange(0, N_SAMPLES, 2)
    loader = in_memory(grouped_store, rows)
    orders = []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        batches = list(loader)
        assert len(batches) == len(loader) == 7
        for batch in batches:
            check_rows(batch)
        orders.append(torch.cat([batch.sample_index for batch in batches]).tolist())
    assert sorted(orders[0]) == sorted(orders[1]) == rows.tolist()
    assert orders[0] != orders[1]


@pytest.mark.parametrize("kind", ["in_memory", "streaming"])
def test_the_epoch_is_looked_up_at_the_first_batch(grouped_store: ExpressionStore, kind: str) -> None:
    rows = np.arange(N_SAMPLES)
    loader = in_memory(grouped_store, rows) if kind == "in_memory" else streaming(grouped_store)
    iterator = iter(loader)
    loader.sampler.set_epoch(5)
    first = next(iterator).sample_index
    assert torch.equal(first, next(iter(loader)).sample_index)
    loader.sampler.set_epoch(0)
    assert not torch.equal(first, next(iter(loader)).sample_index)


def test_a_changed_batch_does_not_change_the_data(grouped_store: ExpressionStore) -> None:
    loader = in_memory(grouped_store, np.arange(N_SAMPLES))
    for batch in loader:
        batch.expression.zero_()
    for batch in loader:
        check_rows(batch)


class BrokenStore:
    """A store whose row group 8 cannot be read."""

    def __init__(self, store: ExpressionStore) -> None:
        self._store = store
        self.n_genes = store.n_genes
        self.row_groups = store.row_groups

    def read_row_group(self, index: int) -> npt.NDArray[np.float32]:
        if index == 8:
            raise StoreError("the file is damaged", path="genes-00000.parquet")
        return self._store.read_row_group(index)


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_an_error_in_reading_reaches_the_consumer(grouped_store: ExpressionStore, workers: int) -> None:
    rows = np.arange(N_SAMPLES)
    reader = RowGroupReader(BrokenStore(grouped_store), rows)
    plan = BatchPlan(reader.group_sizes, batch_size=10, shuffle=False)
    loader = StreamingLoader(reader, sample_tensors(rows), plan, workers=workers)
    seen: list[ExpressionBatch] = []
    with pytest.raises(StoreError, match=r"genes-00000.parquet: the file is damaged"):
        seen.extend(loader)
    assert len(seen) == 8  # row group 8 starts with sample 88
    assert not reading_threads()


def gone_soon() -> bool:
    deadline = time.monotonic() + 5
    while reading_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not reading_threads()


def test_an_abandoned_iterator_leaves_no_thread(grouped_store: ExpressionStore) -> None:
    iterator: Iterator[ExpressionBatch] = iter(streaming(grouped_store, workers=4, window=2))
    next(iterator)
    assert reading_threads()
    del iterator
    assert not reading_threads()


def test_an_iterator_that_is_never_exhausted_leaves_no_thread(grouped_store: ExpressionStore) -> None:
    loader = streaming(grouped_store, workers=4)
    iterator = iter(loader)
    for _ in range(len(loader)):  # as Lightning does, which counts batches and does not ask for one more
        next(iterator)
    assert gone_soon()
    assert next(iterator, None) is None


class CountingStore(BrokenStore):
    """A store that notes what is read."""

    def __init__(self, store: ExpressionStore) -> None:
        super().__init__(store)
        self.read: list[int] = []

    def read_row_group(self, index: int) -> npt.NDArray[np.float32]:
        self.read.append(index)
        return self._store.read_row_group(index)


def test_a_rank_reads_its_share_once(grouped_store: ExpressionStore) -> None:
    rows = np.arange(N_SAMPLES)
    read = []
    for rank in range(2):
        store = CountingStore(grouped_store)
        reader = RowGroupReader(store, rows)
        plan = BatchPlan(reader.group_sizes, batch_size=10, shuffle=True, rank=rank, world_size=2)
        for _ in StreamingLoader(reader, sample_tensors(rows), plan, workers=2):
            pass
        assert len(set(store.read)) == len(store.read)
        read += store.read
    assert set(read) == set(range(13))
    assert len(read) <= 14  # the window in which one share ends and the other starts is read by both
