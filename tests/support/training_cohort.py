"""A cohort small enough to train on within a second, for the tests and for the scripts that they start."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.datamodule import ExpressionDataModule
from gtexgen.data.scaling import Scaling
from gtexgen.data.splits import split_donors
from gtexgen.models.build import GenerativeModel, ModelSpec, build_model
from gtexgen.models.schedules import Schedule
from gtexgen.training.fit import FitResult

__all__ = ["TISSUES", "Cohort", "Train", "cohort_model"]

TISSUES = ["Liver", "Lung", "Skin"]
N_GENES = 12


class Cohort:
    """40 donors who each give three tissues; every gene depends on tissue and on two hidden factors."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        donors = np.repeat(np.arange(40), len(TISSUES))
        tissue = np.tile(np.arange(len(TISSUES)), 40)
        self.samples = pd.DataFrame(
            {
                "sample_id": [f"GTEX-{d:03d}-{t}" for d, t in zip(donors, tissue, strict=True)],
                "donor_id": [f"GTEX-{d:03d}" for d in donors],
                "tissue": [TISSUES[t] for t in tissue],
            }
        )
        factors = rng.standard_normal((len(donors), 2)) @ rng.standard_normal((2, N_GENES))
        noise = 0.3 * rng.standard_normal((len(donors), N_GENES))
        programme = rng.standard_normal((len(TISSUES), N_GENES))
        self.expression = np.exp2(4 + programme[tissue] + factors + noise).astype(np.float32)
        self.n_genes = N_GENES
        self.row_groups = [range(start, min(start + 32, len(donors))) for start in range(0, len(donors), 32)]

    def read_row_group(self, index: int) -> npt.NDArray[np.float32]:
        """Read ``(samples, genes)``, as an expression store does."""
        rows = self.row_groups[index]
        return self.expression[rows.start : rows.stop]

    def data(self, *, memory_budget_bytes: int = 2**30, batch_size: int = 16) -> ExpressionDataModule:
        """Give the cohort's batches."""
        return ExpressionDataModule(
            self,
            split_donors(self.samples, validation=0.2, test=0.1, columns=["tissue"], seed=0),
            Scaling(),
            ConditionEncoder({"tissue": "one_hot"}),
            batch_size=batch_size,
            memory_budget_bytes=memory_budget_bytes,
            seed=0,
        )


def cohort_model() -> GenerativeModel:
    """Build a model of fixed weights for the cohort."""
    torch.manual_seed(0)
    return build_model(ModelSpec(latent=4, hidden=[16, 8], dropout=0.1), N_GENES, len(TISSUES))


class Train(Protocol):
    """Trains a model of fixed first weights in a folder; keywords beside these are `FitOptions`."""

    def __call__(
        self,
        folder: str = "run",
        *,
        resume: Path | None = None,
        kl_schedule: Schedule | None = None,
        free_bits: float = 0.0,
        tensorboard: bool = True,
        **options: Any,
    ) -> FitResult: ...
