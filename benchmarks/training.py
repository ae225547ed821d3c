"""Training throughput with every default on, beside a bare PyTorch loop.

The bare loop has the same networks, head, batch size and validation pass, fused Adam and a shuffling DataLoader; it
neither logs nor saves, shows nothing and keeps no figures. The two take turns epoch by epoch in one process: what
else the machine does slows both alike. All that training does between two epochs of the bare loop counts as ours.

usage: python benchmarks/training.py [--epochs 20] [--samples 10000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, TensorDataset

from gtexgen.data.batches import ExpressionBatch
from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.datamodule import ExpressionDataModule
from gtexgen.data.loaders import Loader
from gtexgen.data.scaling import Scaling
from gtexgen.data.splits import split_donors
from gtexgen.models.build import GenerativeModel, ModelSpec, build_model
from gtexgen.training.fit import FitOptions, fit

N_GENES, N_TISSUES, BATCH = 1000, 30, 128


class RandomStore:
    """Random expression in row groups of 1,024 samples, with the interface of an expression store."""

    def __init__(self, n_samples: int) -> None:
        rng = np.random.default_rng(0)
        self.expression = rng.gamma(2.0, 5.0, (n_samples, N_GENES)).astype(np.float32)
        self.n_genes = N_GENES
        self.row_groups = [range(start, min(start + 1024, n_samples)) for start in range(0, n_samples, 1024)]
        number = np.arange(n_samples)
        self.samples = pd.DataFrame(
            {
                "sample_id": [f"S{i}" for i in number],
                "donor_id": [f"D{i // 10}" for i in number],
                "tissue": [f"tissue {i}" for i in rng.integers(0, N_TISSUES, n_samples)],
            }
        )

    def read_row_group(self, index: int) -> npt.NDArray[np.float32]:
        """Read ``(samples, genes)``."""
        rows = self.row_groups[index]
        return self.expression[rows.start : rows.stop]


class BareLoop:
    """Networks, head, fused Adam and a DataLoader without a framework; `seconds` has the time of each epoch."""

    def __init__(self, data: ExpressionDataModule) -> None:
        self.model = make_model()
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)
        self.train, self.validation = (
            self._batches(loader) for loader in (data.loader("train"), data.val_dataloader())
        )
        self.seconds: list[float] = []

    @staticmethod
    def _batches(loader: Loader) -> DataLoader[tuple[torch.Tensor, ...]]:
        tensors = [torch.cat(column) for column in zip(*(batch[:4] for batch in loader), strict=True)]
        return DataLoader(TensorDataset(*tensors), batch_size=BATCH, shuffle=True)

    def epoch(self) -> None:
        """Train on every batch and weigh every held-out one."""
        started = time.perf_counter()
        self.model.train()
        for tensors in self.train:
            self.optimiser.zero_grad()
            self.model(ExpressionBatch(*tensors)).objective.mean().backward()
            self.optimiser.step()
        self.model.eval()
        with torch.inference_mode():
            for tensors in self.validation:
                self.model(ExpressionBatch(*tensors))
        self.seconds.append(time.perf_counter() - started)


class TakingTurns(Iterable[ExpressionBatch]):
    """A loader before each epoch of which the bare loop trains for one; `ours` has the seconds of ours between them."""

    batch_sampler = None

    def __init__(self, loader: Loader, bare: BareLoop) -> None:
        self.loader, self.bare, self.sampler = loader, bare, loader.sampler
        self.ours: list[float] = []
        self._since: float | None = None

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[ExpressionBatch]:
        self.finish()
        self.bare.epoch()
        self._since = time.perf_counter()
        yield from self.loader

    def finish(self) -> None:
        """Take down the epoch that is over."""
        if self._since is not None:
            self.ours.append(time.perf_counter() - self._since)


class TakingTurnsData(LightningDataModule):
    """The batches of a data module, in turns with the bare loop."""

    def __init__(self, data: ExpressionDataModule, bare: BareLoop) -> None:
        super().__init__()
        self.data = data
        self.turns = TakingTurns(data.train_dataloader(), bare)

    def train_dataloader(self) -> TakingTurns:
        """Give the training part."""
        return self.turns

    def val_dataloader(self) -> Loader:
        """Give the validation part."""
        return self.data.val_dataloader()


def make_data(store: RandomStore) -> ExpressionDataModule:
    split = split_donors(store.samples, validation=0.15, test=0.05, columns=["tissue"], seed=0)
    data = ExpressionDataModule(
        store, split, Scaling(), ConditionEncoder({"tissue": "one_hot"}), batch_size=BATCH, seed=0
    )
    data.fit()
    return data


def make_model() -> GenerativeModel:
    torch.manual_seed(0)
    return build_model(ModelSpec(latent=20, hidden=[512, 256]), N_GENES, N_TISSUES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--samples", type=int, default=10_000, help="samples in the store; 80 %% are trained on")
    arguments = parser.parse_args()
    data = make_data(RandomStore(arguments.samples))
    bare = BareLoop(data)
    turns = TakingTurnsData(data, bare)
    with tempfile.TemporaryDirectory() as folder:
        options = FitOptions(max_epochs=arguments.epochs, patience=arguments.epochs, accelerator="cpu")
        fit(make_model(), turns, Path(folder), options=options)
    turns.turns.finish()
    samples = len(data.samples("train"))
    ratios = sorted(theirs / ours for theirs, ours in zip(bare.seconds, turns.turns.ours, strict=True))
    for name, seconds in (("bare loop", bare.seconds), ("gtexgen", turns.turns.ours)):
        print(f"{name:>9}: {samples / median(seconds):,.0f} samples/s")
    print(
        f"    ratio: {sum(bare.seconds) / sum(turns.turns.ours):.3f} over all epochs, by epoch median "
        f"{median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}); {torch.get_num_threads()} threads"
    )


if __name__ == "__main__":
    main()
