"""A store, a split, a scaling and a condition encoder made into batches for Lightning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from lightning.pytorch import LightningDataModule

from gtexgen.data.batches import BatchPlan, default_batch_size
from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.loaders import (
    InMemoryLoader,
    Loader,
    RowGroupReader,
    RowGroups,
    SampleTensors,
    StreamingLoader,
)
from gtexgen.data.pairs import BatchPairs, PairedLoader
from gtexgen.data.scaling import Scaling
from gtexgen.data.splits import PARTS, Part, Split
from gtexgen.data.training_part import SamplePart, TrainingPart
from gtexgen.errors import DataError

__all__ = ["ExpressionDataModule", "LabelledRowGroups"]

GIB = 2**30


class LabelledRowGroups(RowGroups, Protocol):
    """What the data module needs of an expression store."""

    @property
    def samples(self) -> pd.DataFrame:
        """The samples table, in the order of the rows."""
        ...


class ExpressionDataModule(LightningDataModule):
    """Gives the batches of each part of a split.

    Parts are held in memory when the whole store fits the budget (on the GPU itself where one trains), and
    are streamed otherwise. Each rank gets its own share of every epoch, so Lightning has no sampler to put in
    place.

    Parameters
    ----------
    store
        An `gtexgen.data.store.ExpressionStore`.
    split
        Of its samples.
    scaling, encoder
        Fitted to the training part by `fit`, unless they are already.
    batch_size
        Samples a batch and rank, at most; None leaves it to `gtexgen.data.batches.default_batch_size`.
    memory_budget_bytes
        The most that the store's expression may take in memory; 0 streams always.
    shuffle_row_groups
        Streaming: row groups that are shuffled together.
    workers
        Streaming: threads that read ahead.
    seed
        Of the order of samples in training.

    Attributes
    ----------
    pairs
        The pairs of samples that go with each batch of a part, where the head wants any
        (`gtexgen.models.heads.base.Head.batch_pairs`); set it before the loaders are asked for.

    Raises
    ------
    DataError
        The split is of other samples than the store has.
    """

    def __init__(
        self,
        store: LabelledRowGroups,
        split: Split,
        scaling: Scaling,
        encoder: ConditionEncoder,
        *,
        batch_size: int | None = None,
        memory_budget_bytes: int = 4 * GIB,
        shuffle_row_groups: int = 4,
        workers: int = 2,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.store = store
        self.split = split
        self.scaling = scaling
        self.encoder = encoder
        self.batch_size = batch_size or default_batch_size(len(split.indices("train")))
        self.memory_budget_bytes = memory_budget_bytes
        self.shuffle_row_groups = shuffle_row_groups
        self.workers = workers
        self.seed = seed
        self._check_samples(store.samples["sample_id"].tolist(), split.sample_ids)
        donors, _ = pd.factorize(store.samples["donor_id"])
        self._donor_index: npt.NDArray[np.int64] = donors.astype(np.int64)
        self.pairs: Mapping[Part, BatchPairs] = {}
        self._resident: dict[Part, tuple[torch.Tensor, SampleTensors]] = {}

    @property
    def streams(self) -> bool:
        """Whether the store is too large for the budget."""
        return 4 * len(self.store.samples) * self.store.n_genes > self.memory_budget_bytes

    def samples(self, part: Part) -> pd.DataFrame:
        """Give the samples table of a part."""
        return self.store.samples.iloc[self.split.indices(part)]

    def fit(self) -> None:
        """Fit the scaling and the condition encoder to the training part, each unless it is fitted."""
        if not self.encoder.is_fitted:
            self.encoder.fit(self.samples("train"))
        if not self.scaling.is_fitted:
            self.scaling.fit(RowGroupReader(self.store, self.split.indices("train")).blocks())

    def parts(self) -> dict[Part, SamplePart]:
        """Give each part that has samples; call `fit` before."""
        return {part: SamplePart(**self._part(part)) for part in PARTS if len(self.split.indices(part))}

    def training_part(self) -> TrainingPart:
        """Give what a model may look at before it is trained; call `fit` before."""
        zero = self.scaling.scale(np.zeros(self.store.n_genes, dtype=np.float32))
        return TrainingPart(**self._part("train"), zero=torch.from_numpy(zero))

    def _part(self, part: Part) -> dict[str, Any]:
        reader, samples = self._reader(part), self.samples(part)
        return {
            "samples": samples,
            "condition": torch.from_numpy(self.encoder.encode(samples)),
            "blocks": lambda: map(torch.from_numpy, reader.blocks()),
        }

    def setup(self, stage: str) -> None:
        """Do what `fit` does; parts are read when their loader is asked for."""
        self.fit()

    def teardown(self, stage: str) -> None:
        """Release what is held."""
        self._resident.clear()

    def train_dataloader(self) -> Loader:
        """Give the training part, in another order each epoch."""
        return self.loader("train", shuffle=True)

    def val_dataloader(self) -> Loader:
        """Give the validation part, in the store's order."""
        return self.loader("validation")

    def test_dataloader(self) -> Loader:
        """Give the test part, in the store's order."""
        return self.loader("test")

    def loader(self, part: Part, *, shuffle: bool = False) -> Loader:
        """Give this rank's batches of a part.

        Raises
        ------
        ConfigError
            The part has fewer samples than there are ranks.
        DataError
            Samples of the part have a condition that training does not have.
        """
        if self.streams:
            loader: Loader = self._streaming_loader(part, shuffle=shuffle)
        else:
            plan = self._plan([len(self.split.indices(part))], shuffle=shuffle, window_groups=1)
            loader = InMemoryLoader(*self._held(part), plan)
        if part not in self.pairs:
            return loader
        return PairedLoader(loader, self.pairs[part], *self._held(part), seed=self.seed, rank=self._rank)

    def _streaming_loader(self, part: Part, *, shuffle: bool) -> StreamingLoader:
        reader = self._reader(part)
        window_groups = self.shuffle_row_groups if shuffle else 1
        plan = self._plan(reader.group_sizes, shuffle=shuffle, window_groups=window_groups)
        return StreamingLoader(reader, self._sample_tensors(part), plan, workers=self.workers)

    def _held(self, part: Part) -> tuple[torch.Tensor, SampleTensors]:
        """Give all of a part by position: from memory, or from a scratch file where the store is streamed."""
        if part not in self._resident:
            reader, samples = self._reader(part), self._sample_tensors(part)
            device = self._device
            expression = reader.map_all() if self.streams else reader.read_all().to(device)
            self._resident[part] = expression, SampleTensors(*(tensor.to(device) for tensor in samples))
        return self._resident[part]

    @property
    def _device(self) -> torch.device:
        """Where parts are held: on the GPU that trains, unless they are streamed."""
        device = self.trainer.strategy.root_device if self.trainer else torch.device("cpu")
        return device if device.type == "cuda" and not self.streams else torch.device("cpu")

    def _reader(self, part: Part) -> RowGroupReader:
        """Read a part on the model's scale."""
        return RowGroupReader(self.store, self.split.indices(part), self.scaling)

    def _sample_tensors(self, part: Part) -> SampleTensors:
        rows = self.split.indices(part)
        return SampleTensors(
            condition=torch.from_numpy(self.encoder.encode(self.samples(part))),
            sample_index=torch.from_numpy(rows),
            donor_index=torch.from_numpy(self._donor_index[rows]),
        )

    def _plan(self, group_sizes: Sequence[int], *, shuffle: bool, window_groups: int) -> BatchPlan:
        return BatchPlan(
            group_sizes,
            batch_size=self.batch_size,
            shuffle=shuffle,
            window_groups=window_groups,
            seed=self.seed,
            rank=self._rank,
            world_size=self.trainer.world_size if self.trainer else 1,
        )

    @property
    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer else 0

    @staticmethod
    def _check_samples(of_store: list[str], of_split: list[str]) -> None:
        if of_store != of_split:
            raise DataError(
                f"the split is of {len(of_split)} samples and the store has {len(of_store)}, with "
                f"{len(set(of_split) & set(of_store))} in common, or in another order",
                remedy="split the samples of this store",
            )
