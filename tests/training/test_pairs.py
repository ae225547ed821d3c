"""Training on pairs of samples beside the samples."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gtexgen.models.build import ModelSpec, build_model
from gtexgen.training.fit import FitOptions, FitResult, fit
from support.training_cohort import TISSUES, Cohort

HEAD = {
    "_target_": "gtexgen.models.heads.correlated_vae.CorrelatedVAE",
    "graph": {"_target_": "gtexgen.models.graph.same_donor.SameDonor"},
    "posterior": "correlated",
    "negative_weight": 0.1,
}


def train(folder: Path, epochs: int, *, budget: int = 2**30, resume: Path | None = None) -> FitResult:
    cohort = Cohort()
    data = cohort.data(memory_budget_bytes=budget)
    data.fit()
    torch.manual_seed(0)
    model = build_model(ModelSpec(latent=4, hidden=[16], head=HEAD), cohort.n_genes, len(TISSUES))
    data.pairs = model.head.batch_pairs(data.parts())
    options = FitOptions(max_epochs=epochs, schedule="constant", accelerator="cpu", progress_bar=False)
    return fit(model, data, folder, options=options, tensorboard=False, resume=resume)


@pytest.mark.parametrize("budget", [2**30, 0], ids=["held", "streamed"])
def test_a_resumed_run_meets_the_pairs_of_an_uninterrupted_one(tmp_path: Path, budget: int) -> None:
    whole = train(tmp_path / "whole", 3, budget=budget)
    first = train(tmp_path / "resumed", 2, budget=budget)
    second = train(tmp_path / "resumed", 3, budget=budget, resume=first.last_checkpoint)
    assert whole.best_epoch == second.best_epoch == 3
    for name in ("train/pair_term", "train/negative_term", "val/pair_term", "val/negative_term", "val/loss"):
        assert whole.metrics[name] == pytest.approx(second.metrics[name], rel=1e-5), name


def test_the_loss_of_validation_counts_the_pairs(tmp_path: Path) -> None:
    metrics = train(tmp_path, 1).metrics
    expected = -metrics["val/elbo"] + metrics["val/pair_term"] + 0.1 * metrics["val/negative_term"]
    assert metrics["val/loss"] == pytest.approx(expected, rel=1e-5)
    assert metrics["val/pair_term"] != 0
