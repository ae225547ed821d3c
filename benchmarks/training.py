"""Training throughput with every default on, beside a bare PyTorch loop.

The bare loop has the same networks, head, batches and validation pass, and fused Adam; it neither logs nor saves, shows
nothing and keeps no figures. The two take turns batch by batch in one process, so whatever else the machine does slows
both alike. The reading of a batch counts for both; all else that training does besides the bare steps counts as ours.

usage: python benchmarks/training.py [--epochs 15] [--samples 10000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from lightning.pytorch import LightningDataModule

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
    """Networks, head and fused Adam without a framework; `seconds` is the time that all steps have taken."""

    def __init__(self) -> None:
        self.model = make_model()
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)
        self.seconds = 0.0

    def step(self, batch: ExpressionBatch) -> None:
        """Train on a batch."""
        started = time.perf_counter()
        self.model.train()
        self.optimiser.zero_grad()
        self.model(batch).objective.mean().backward()
        self.optimiser.step()
        self.seconds += time.perf_counter() - started

    def validate(self, batch: ExpressionBatch) -> None:
        """Weigh a batch."""
        started = time.perf_counter()
        self.model.eval()
        with torch.inference_mode():
            self.model(batch)
        self.seconds += time.perf_counter() - started


class Interleaved(Iterable[ExpressionBatch]):
    """A loader that hands each batch to the bare loop, and then to whoever reads it."""

    batch_sampler = None
    seconds = 0.0  # that the reading of batches has taken, by all loaders

    def __init__(self, loader: Loader, bare: Callable[[ExpressionBatch], None]) -> None:
        self.loader, self.bare, self.sampler = loader, bare, loader.sampler

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[ExpressionBatch]:
        batches = iter(self.loader)
        while True:
            started = time.perf_counter()
            batch = next(batches, None)
            Interleaved.seconds += time.perf_counter() - started
            if batch is None:
                return
            self.bare(batch)
            yield batch


class InterleavedData(LightningDataModule):
    """The batches of a data module, which the bare loop trains on as well."""

    def __init__(self, data: ExpressionDataModule, bare: BareLoop) -> None:
        super().__init__()
        self.data, self.bare = data, bare

    def train_dataloader(self) -> Interleaved:
        """Give the training part."""
        return Interleaved(self.data.train_dataloader(), self.bare.step)

    def val_dataloader(self) -> Interleaved:
        """Give the validation part."""
        return Interleaved(self.data.val_dataloader(), self.bare.validate)


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
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--samples", type=int, default=10_000, help="samples in the store; 80 %% are trained on")
    arguments = parser.parse_args()
    data, bare = make_data(RandomStore(arguments.samples)), BareLoop()
    with tempfile.TemporaryDirectory() as folder:
        options = FitOptions(max_epochs=arguments.epochs, accelerator="cpu")
        result = fit(make_model(), InterleavedData(data, bare), Path(folder), options=options)
    samples = len(data.samples("train")) * arguments.epochs
    bare_rate, our_rate = samples / (bare.seconds + Interleaved.seconds), samples / (result.seconds - bare.seconds)
    print(f"bare loop: {bare_rate:,.0f} samples/s")
    print(f"  gtexgen: {our_rate:,.0f} samples/s")
    print(f"    ratio: {our_rate / bare_rate:.3f} ({samples:,} samples, {torch.get_num_threads()} threads)")


if __name__ == "__main__":
    main()
