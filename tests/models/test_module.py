"""What the module does beyond what `tests/training` sees from outside."""

from __future__ import annotations

import math

import pytest
import torch
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

from gtexgen.data.batches import ExpressionBatch
from gtexgen.errors import TrainingError
from gtexgen.models.build import GenerativeModel, ModelSpec, build_model
from gtexgen.models.heads.base import Stage
from gtexgen.models.module import GenerativeModule, LearningRateSchedule, noise_seed
from gtexgen.models.schedules import LinearWarmup

N_GENES, N_CONDITIONS = 11, 3


@pytest.fixture
def model() -> GenerativeModel:
    torch.manual_seed(0)
    return build_model(ModelSpec(latent=2, hidden=[8]), N_GENES, N_CONDITIONS)


def run(module: GenerativeModule, batch: ExpressionBatch, epochs: int = 1) -> Trainer:
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    loader: DataLoader[ExpressionBatch] = DataLoader([batch], batch_size=None)  # type: ignore[arg-type]
    trainer.fit(module, loader, loader)
    return trainer


def test_optimiser_is_fused_adam(model: GenerativeModel, batch: ExpressionBatch) -> None:
    trainer = run(GenerativeModule(model, learning_rate=0.02, weight_decay=0.1), batch)
    (group,) = trainer.optimizers[0].param_groups
    assert (group["lr"], group["weight_decay"], group["fused"]) == (0.02, 0.1, True)
    assert len(group["params"]) == len(list(model.parameters()))


def test_a_step_is_adams_on_the_mean_objective(model: GenerativeModel, batch: ExpressionBatch) -> None:
    twin = build_model(ModelSpec(latent=2, hidden=[8]), N_GENES, N_CONDITIONS)
    twin.load_state_dict(model.state_dict())
    module = GenerativeModule(model, learning_rate=0.02, kl_schedule=LinearWarmup(4), seed=5)
    run(module, batch)
    torch.manual_seed(noise_seed(5, 0, 0))
    optimiser = torch.optim.Adam(twin.parameters(), lr=0.02)
    twin(batch, stage=Stage(kl_weight=0.25)).objective.mean().backward()
    optimiser.step()
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1.0, 1.0, 1.0, 1.0]),
        ("cosine", [0.5 * (1 + math.cos(math.pi * epoch / 4)) for epoch in range(4)]),
    ],
)
def test_learning_rate_follows_its_schedule(
    model: GenerativeModel, batch: ExpressionBatch, schedule: LearningRateSchedule, expected: list[float]
) -> None:
    rates: list[float] = []

    class Recording(GenerativeModule):
        def on_train_epoch_end(self) -> None:
            rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])
            super().on_train_epoch_end()

    run(Recording(model, learning_rate=1.0, schedule=schedule), batch, epochs=4)
    assert rates == pytest.approx(expected)


def test_validation_draws_the_same_noise_in_every_epoch(model: GenerativeModel, batch: ExpressionBatch) -> None:
    elbos = []
    for _ in range(2):
        trainer = run(GenerativeModule(model, learning_rate=0.0), batch, epochs=2)
        elbos.append(float(trainer.callback_metrics["val/elbo"]))
    assert elbos[0] == elbos[1]


def test_a_figure_that_is_not_finite_is_an_error_with_a_remedy(model: GenerativeModel, batch: ExpressionBatch) -> None:
    broken = batch._replace(expression=batch.expression * math.nan)
    with pytest.raises(TrainingError, match=r"epoch 1: .* is nan\n  Remedy: a lower trainer.learning_rate"):
        run(GenerativeModule(model), broken)
