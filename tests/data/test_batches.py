from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtexgen.data.batches import BatchPlan, default_batch_size
from gtexgen.errors import ConfigError

group_sizes = st.lists(st.integers(1, 30), min_size=1, max_size=12)


def plans(sizes: list[int], batch_size: int, ranks: int, window: int, *, shuffle: bool) -> list[BatchPlan]:
    return [
        BatchPlan(
            sizes,
            batch_size=batch_size,
            shuffle=shuffle,
            window_groups=window,
            seed=7,
            rank=rank,
            world_size=ranks,
        )
        for rank in range(ranks)
    ]


@given(group_sizes, st.integers(1, 40), st.integers(1, 4), st.integers(1, 5), st.booleans())
def test_ranks_share_every_sample_in_equal_numbers_of_batches(
    sizes: list[int], batch_size: int, ranks: int, window: int, shuffle: bool
) -> None:
    n = sum(sizes)
    if n < ranks:
        with pytest.raises(ConfigError, match="cannot be shared"):
            plans(sizes, batch_size, ranks, window, shuffle=shuffle)
        return
    shares = plans(sizes, batch_size, ranks, window, shuffle=shuffle)
    assert len({len(plan) for plan in shares}) == 1
    assert sorted(shares[0].order().tolist()) == list(range(n))
    cuts = [plan.cuts for plan in shares]
    assert [c[-1] for c in cuts] == [*(c[0] for c in cuts[1:]), n]
    batches = np.concatenate([np.diff(c) for c in cuts])
    assert batches.min() >= 1
    assert batches.max() - batches.min() <= 1
    if batch_size > 1 or ranks == 1:
        assert batches.max() <= batch_size
        assert len(shares[0]) == math.ceil(n / (batch_size * ranks))
    else:
        assert batches.max() <= 2


@given(group_sizes, st.integers(1, 5))
def test_a_window_holds_whole_row_groups(sizes: list[int], window: int) -> None:
    (plan,) = plans(sizes, 8, 1, window, shuffle=True)
    starts = np.cumsum([0, *sizes])
    for groups, rows, positions in plan.windows():
        assert len(groups) <= window
        in_window = np.concatenate([np.arange(starts[g], starts[g + 1]) for g in groups])
        assert (in_window[rows] == positions).all()
        assert sorted(rows.tolist()) == list(range(len(rows)))


def test_epochs_and_seeds_differ_and_can_be_repeated() -> None:
    (plan,) = plans([50, 50], 16, 1, 2, shuffle=True)
    first = plan.order().tolist()
    plan.set_epoch(1)
    assert plan.order().tolist() != first
    plan.set_epoch(0)
    assert plan.order().tolist() == first
    other = BatchPlan([50, 50], batch_size=16, shuffle=True, window_groups=2, seed=8)
    assert other.order().tolist() != first


def test_without_shuffling_the_order_is_the_stores() -> None:
    (plan,) = plans([3, 4, 5], 5, 1, 2, shuffle=False)
    plan.set_epoch(4)
    assert plan.order().tolist() == list(range(12))


def test_every_order_of_a_full_shuffle_is_as_likely() -> None:
    (plan,) = plans([3], 3, 1, 1, shuffle=True)
    seen = []
    for epoch in range(600):
        plan.set_epoch(epoch)
        seen.append(tuple(plan.order().tolist()))
    counts = np.unique(seen, axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert ((counts - 100) ** 2 / 100).sum() < 20.5  # chi-squared, 5 degrees of freedom, p = 0.001


@pytest.mark.parametrize(("batch_size", "window"), [(0, 1), (1, 0)])
def test_numbers_out_of_range(batch_size: int, window: int) -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        plans([3], batch_size, 1, window, shuffle=True)


@given(st.integers(1, 100_000))
def test_a_small_cohort_has_small_batches_that_are_no_handful(n_samples: int) -> None:
    size = default_batch_size(n_samples)
    assert 16 <= size <= 64
    assert size == 16 or n_samples // size >= 20
    assert default_batch_size(n_samples + 1) >= size
