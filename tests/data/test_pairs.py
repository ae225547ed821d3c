"""The pairs that go with each batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from gtexgen.data.batches import BatchPlan, ExpressionBatch, SamplePairs
from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.datamodule import ExpressionDataModule
from gtexgen.data.loaders import InMemoryLoader, Loader, SampleTensors
from gtexgen.data.pairs import BatchPairs, PairDraws, PairedLoader
from gtexgen.data.scaling import Scaling
from gtexgen.data.splits import split_donors
from gtexgen.data.store import ExpressionStore

HOLD, STREAM = 2**30, 0


class Chain:
    """A graph that joins each sample to the next, with a weight of 1."""

    def __init__(self, n_samples: int) -> None:
        self.n_samples = n_samples
        self.total_weight = float(n_samples - 1)

    def draw(self, n_batches: int, n_pairs: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        first = rng.integers(self.n_samples - 1, size=(n_batches, n_pairs))
        return np.stack([first, first + 1], axis=-1)


def data_module(store: ExpressionStore, budget: int = HOLD) -> ExpressionDataModule:
    split = split_donors(store.samples, validation=0.2, test=0.1, columns=["tissue"], seed=0)
    data = ExpressionDataModule(
        store,
        split,
        Scaling(transform="none", method="none"),
        ConditionEncoder({"tissue": "one_hot"}),
        batch_size=32,
        memory_budget_bytes=budget,
    )
    data.fit()
    chains = {part: Chain(len(split.indices(part))) for part in ("train", "validation")}
    data.pairs = {
        "train": BatchPairs(PairDraws(chains["train"], 7), PairDraws(chains["train"], 3)),
        "validation": BatchPairs(PairDraws(chains["validation"], 7)),
    }
    return data


def positions(pairs: SamplePairs | None) -> npt.NDArray[np.int64]:
    """Read from the expression which rows of the store the pairs are of; see `grouped_store`."""
    assert pairs is not None
    return (pairs.expression[..., 0] / 1000).round().long().numpy()


@pytest.mark.parametrize("budget", [HOLD, STREAM], ids=["held", "streamed"])
def test_each_batch_has_pairs_of_its_own_part(grouped_store: ExpressionStore, budget: int) -> None:
    data = data_module(grouped_store, budget)
    condition = torch.from_numpy(data.encoder.encode(grouped_store.samples))
    rows = data.split.indices("train")
    batches = list(data.train_dataloader())
    assert sorted(np.concatenate([batch.sample_index for batch in batches])) == rows.tolist()
    for batch in batches:
        for pairs, n_pairs in ((batch.pairs, 7), (batch.negatives, 3)):
            assert pairs is not None
            ends = positions(pairs)
            place = np.searchsorted(rows, ends)
            np.testing.assert_array_equal(rows[place], ends)
            np.testing.assert_array_equal(place[:, 1] - place[:, 0], np.ones(n_pairs))
            assert torch.equal(pairs.condition, condition[torch.from_numpy(ends)])
            assert pairs.weight.sum() == pytest.approx((len(rows) - 1) / len(rows))


def test_pairs_do_not_depend_on_how_the_samples_are_read(grouped_store: ExpressionStore) -> None:
    held, streamed = (data_module(grouped_store, budget).train_dataloader() for budget in (HOLD, STREAM))
    for one, other in zip(held, streamed, strict=True):
        torch.testing.assert_close(one.pairs, other.pairs, rtol=0, atol=0)
        torch.testing.assert_close(one.negatives, other.negatives, rtol=0, atol=0)


def epoch_of(loader: Loader, epoch: int) -> npt.NDArray[np.int64]:
    loader.sampler.set_epoch(epoch)
    return np.concatenate([positions(batch.pairs) for batch in loader])


def test_each_epoch_of_training_has_pairs_of_its_own(grouped_store: ExpressionStore) -> None:
    loader, again = (data_module(grouped_store).train_dataloader() for _ in range(2))
    np.testing.assert_array_equal(epoch_of(loader, 1), epoch_of(again, 1))
    assert not np.array_equal(epoch_of(loader, 1), epoch_of(loader, 2))


def test_every_epoch_of_validation_has_the_same_pairs(grouped_store: ExpressionStore) -> None:
    loader = data_module(grouped_store).val_dataloader()
    np.testing.assert_array_equal(epoch_of(loader, 1), epoch_of(loader, 2))
    assert all(batch.negatives is None for batch in loader)


def test_ranks_and_seeds_draw_for_themselves() -> None:
    n = 40
    expression = 1000 * torch.arange(n).float()[:, None]
    samples = SampleTensors(torch.zeros(n, 0), torch.arange(n), torch.arange(n))
    loader = InMemoryLoader(expression, samples, BatchPlan([n], batch_size=8, shuffle=True))
    draws = BatchPairs(PairDraws(Chain(n), 7))
    first, again, rank_1, seed_1 = (
        epoch_of(PairedLoader(loader, draws, expression, samples, seed=seed, rank=rank), 0)
        for seed, rank in ((0, 0), (0, 0), (0, 1), (1, 0))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, rank_1)
    assert not np.array_equal(first, seed_1)


def test_a_part_that_no_head_asks_about_has_no_pairs(grouped_store: ExpressionStore) -> None:
    batch = next(iter(data_module(grouped_store).test_dataloader()))
    assert batch.pairs is batch.negatives is None


def test_a_streamed_part_leaves_no_scratch_file(
    grouped_store: ExpressionStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    loader = data_module(grouped_store, STREAM).train_dataloader()
    assert next(iter(loader)).pairs is not None
    assert list(tmp_path.iterdir()) == []


def test_a_batch_moves_with_its_pairs(grouped_store: ExpressionStore) -> None:
    meta = torch.device("meta")
    for loader in (data_module(grouped_store).train_dataloader(), data_module(grouped_store).test_dataloader()):
        batch: ExpressionBatch = next(iter(loader))
        moved = batch.to(meta)
        assert moved.expression.device == moved.donor_index.device == meta
        assert (moved.pairs is None) == (batch.pairs is None)
        if moved.pairs is not None:
            assert {tensor.device for tensor in moved.pairs} == {meta}
