from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from gtexgen.data.batches import ExpressionBatch
from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.datamodule import ExpressionDataModule
from gtexgen.data.loaders import Loader
from gtexgen.data.scaling import Scaling
from gtexgen.data.splits import PARTS, split_donors
from gtexgen.data.store import ExpressionStore
from gtexgen.errors import DataError

STREAM, HOLD = 0, 2**30


def data_module(store: ExpressionStore, **settings: Any) -> ExpressionDataModule:
    split = split_donors(store.samples, columns=["age", "sex"], seed=0)
    encoder = ConditionEncoder({"tissue": "one_hot", "sex": "one_hot"})
    return ExpressionDataModule(store, split, Scaling(), encoder, batch_size=16, shuffle_row_groups=3, **settings)


def by_sample(loader: Loader) -> dict[int, tuple[Tensor, Tensor, int]]:
    found = {}
    for batch in loader:
        for row, index in enumerate(batch.sample_index.tolist()):
            assert index not in found
            found[index] = batch.expression[row], batch.condition[row], int(batch.donor_index[row])
    return found


def test_memory_and_stream_give_the_same_rows_for_each_sample(grouped_store: ExpressionStore) -> None:
    held = data_module(grouped_store, memory_budget_bytes=HOLD)
    streamed = data_module(grouped_store, memory_budget_bytes=STREAM)
    assert (held.streams, streamed.streams) == (False, True)
    held.setup("fit")
    streamed.setup("fit")
    seen = 0
    for part in PARTS:
        one = by_sample(held.loader(part, shuffle=part == "train"))
        other = by_sample(streamed.loader(part, shuffle=part == "train"))
        assert one.keys() == other.keys() == set(held.split.indices(part).tolist())
        for index, (expression, condition, donor) in one.items():
            assert torch.equal(expression, other[index][0])
            assert torch.equal(condition, other[index][1])
            assert donor == other[index][2]
        seen += len(one)
    assert seen == grouped_store.n_samples


def test_batches_hold_what_the_store_says(grouped_store: ExpressionStore) -> None:
    data = data_module(grouped_store)
    data.fit()
    samples = grouped_store.samples
    donors = list(dict.fromkeys(samples["donor_id"]))
    for index, (expression, condition, donor) in by_sample(data.val_dataloader()).items():
        values = data.scaling.unscale(expression.numpy()[None])[0]
        np.testing.assert_allclose(values, 1000 * index + np.arange(5), rtol=1e-4, atol=1e-3)
        decoded = data.encoder.decode(condition.numpy()[None]).iloc[0]
        assert (decoded == samples.loc[index, ["tissue", "sex"]]).all()
        assert donors[donor] == samples.loc[index, "donor_id"]


def test_only_training_samples_are_fitted_to(grouped_store: ExpressionStore) -> None:
    data = data_module(grouped_store)
    data.fit()
    train = grouped_store.read(data.split.indices("train")).astype(np.float64)
    assert data.scaling.shift is not None
    assert data.scaling.factor is not None
    np.testing.assert_allclose(data.scaling.shift, np.log2(train + 1).mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(data.scaling.factor, np.log2(train + 1).std(axis=0), rtol=1e-10)


def test_what_is_fitted_stays(grouped_store: ExpressionStore) -> None:
    data = data_module(grouped_store)
    data.scaling.fit([np.array([[1, 1, 1, 1, 1], [3, 3, 3, 3, 3]], dtype=np.float32)])
    data.fit()
    assert data.scaling.shift is not None
    assert data.scaling.shift.tolist() == [1.5] * 5


def test_a_split_of_other_samples_is_refused(grouped_store: ExpressionStore) -> None:
    split = split_donors(grouped_store.samples.iloc[1:], seed=0)
    with pytest.raises(DataError, match="136 samples and the store has 137"):
        ExpressionDataModule(grouped_store, split, Scaling(), ConditionEncoder({}))


def test_no_condition(grouped_store: ExpressionStore) -> None:
    split = split_donors(grouped_store.samples, seed=0)
    data = ExpressionDataModule(grouped_store, split, Scaling(), ConditionEncoder({}))
    data.fit()
    assert {batch.condition.shape[1] for batch in data.train_dataloader()} == {0}


class Recorder(LightningModule):
    """Notes the samples of every step, by epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 1)
        self.trained: dict[int, list[int]] = {}
        self.validated: dict[int, list[int]] = {}

    def training_step(self, batch: ExpressionBatch, batch_index: int) -> Tensor:
        assert isinstance(batch, ExpressionBatch)
        assert batch.expression.device == self.device
        self.trained.setdefault(self.current_epoch, []).extend(batch.sample_index.tolist())
        loss: Tensor = self.layer(batch.expression).square().mean()
        return loss

    def validation_step(self, batch: ExpressionBatch, batch_index: int) -> None:
        if not self.trainer.sanity_checking:
            self.validated.setdefault(self.current_epoch, []).extend(batch.sample_index.tolist())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-3)


def trainer(folder: Path, **settings: Any) -> Trainer:
    return Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **settings,
    )


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.parametrize("budget", [STREAM, HOLD])
def test_lightning_trains_on_every_sample_and_resumes_in_order(
    grouped_store: ExpressionStore, tmp_path: Path, budget: int
) -> None:
    whole, first, second = Recorder(), Recorder(), Recorder()
    trainer(tmp_path, max_epochs=4, enable_checkpointing=False).fit(
        whole, data_module(grouped_store, memory_budget_bytes=budget)
    )
    data = data_module(grouped_store, memory_budget_bytes=budget)
    train = data.split.indices("train").tolist()
    assert all(sorted(whole.trained[epoch]) == train for epoch in range(4))
    assert all(whole.validated[epoch] == data.split.indices("validation").tolist() for epoch in range(4))
    assert len({tuple(order) for order in whole.trained.values()}) == 4

    stopped = trainer(tmp_path, max_epochs=2, enable_checkpointing=False)
    stopped.fit(first, data)
    stopped.save_checkpoint(tmp_path / "two.ckpt")
    trainer(tmp_path, max_epochs=4, enable_checkpointing=False).fit(
        second,
        data_module(grouped_store, memory_budget_bytes=budget),
        ckpt_path=tmp_path / "two.ckpt",
        weights_only=True,
    )
    assert first.trained | second.trained == whole.trained


def ddp_rank(rank: int, port: int, store: Path, out: Path, budget: int) -> None:
    """Train as one of two processes, and write down which samples came when."""
    import os

    os.environ |= {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "LOCAL_RANK": str(rank),
        "NODE_RANK": "0",
        "GROUP_RANK": "0",
        "RANK": str(rank),
        "LOCAL_WORLD_SIZE": "2",
        "TORCHELASTIC_RUN_ID": "test",
    }
    torch.set_num_threads(1)
    module = Recorder()
    data = data_module(ExpressionStore.open(store), memory_budget_bytes=budget)
    run = trainer(out, max_epochs=2, devices=2, strategy="ddp", enable_checkpointing=False, num_sanity_val_steps=0)
    run.fit(module, data)
    assert torch.distributed.get_backend() == "gloo"
    assert (run.global_rank, run.world_size) == (rank, 2)
    rows = [
        {"rank": rank, "epoch": epoch, "stage": stage, "sample": sample}
        for stage, record in (("train", module.trained), ("validation", module.validated))
        for epoch, samples in record.items()
        for sample in samples
    ]
    pd.DataFrame(rows).to_csv(out / f"{rank}.csv", index=False)
    (out / f"{rank}.steps").write_text(str(run.global_step))


def free_port() -> int:
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize("budget", [STREAM, HOLD])
def test_two_processes_share_every_epoch(grouped_store_path: Path, tmp_path: Path, budget: int) -> None:
    from torch.multiprocessing.spawn import spawn

    spawn(ddp_rank, (free_port(), grouped_store_path, tmp_path, budget), nprocs=2)
    seen = pd.concat([pd.read_csv(tmp_path / f"{rank}.csv") for rank in range(2)])
    split = data_module(ExpressionStore.open(grouped_store_path)).split
    for part in ("train", "validation"):
        for _, epoch in seen[seen["stage"] == part].groupby("epoch"):
            assert sorted(epoch["sample"]) == split.indices(part).tolist()
            assert set(epoch["rank"]) == {0, 1}
    steps = [int((tmp_path / f"{rank}.steps").read_text()) for rank in range(2)]
    assert steps[0] == steps[1] == 2 * -(-len(split.indices("train")) // 32)
