"""The training of any model: optimiser, learning rate, KL weight and the figures of each epoch."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from gtexgen.errors import TrainingError
from gtexgen.models.build import GenerativeModel
from gtexgen.models.heads.base import LossTerms, Stage
from gtexgen.models.schedules import LinearWarmup, Schedule
from gtexgen.models.totals import LatentMoments, LatentTotals, LossTotals

if TYPE_CHECKING:
    from gtexgen.data.batches import ExpressionBatch

__all__ = ["GenerativeModule", "LearningRateSchedule", "noise_seed"]

LearningRateSchedule = Literal["constant", "cosine"]

FUSED_DEVICES = {"cpu", "cuda"}
VALIDATION_SEED = 0x6E61_7473


def noise_seed(seed: int, epoch: int, rank: int) -> int:
    """Give the seed of the noise that one rank draws in one epoch, both counted from 0."""
    return int(np.random.SeedSequence([seed, epoch, rank]).generate_state(1)[0])


class GenerativeModule(LightningModule):
    r"""Trains networks under a head; it knows neither by name.

    Nothing is read back from the device within an epoch. At its end the figures are reduced over the ranks and logged
    once: ``train/`` and ``val/`` each with ``loss``, ``elbo``, ``reconstruction``, ``kl`` (nats, means over samples),
    ``mse`` and the head's extras; ``active_latents`` and ``variance_law`` of the validation part; ``learning_rate`` and
    ``kl_weight``. Validation weighs each epoch as if all schedules were over, so that its ``loss`` can be compared over
    epochs, and draws the same latent noise in every one. The noise of training depends on the seed, the epoch and the
    rank alone, so a resumed run meets what an uninterrupted one does.

    Parameters
    ----------
    model
        Networks and head.
    learning_rate
        Adam's step size in the first epoch.
    weight_decay
        Decoupled decay of all weights (AdamW); 0 is plain Adam.
    schedule
        ``"constant"``, or ``"cosine"``: in epoch e = 1, 2, ... the rate is scaled by
        :math:`\frac{1}{2}(1 + \cos(\pi (e - 1) / E))`, E the trainer's maximum.
    kl_schedule
        The weight of the KL in each epoch of training, counted from 1; None is 1 throughout.
    free_bits
        Nats of each latent's mean KL that cost nothing (`gtexgen.models.heads.base.Stage`).
    seed
        Of the latent noise and of dropout.

    Attributes
    ----------
    samples_trained, seconds_trained
        Training samples seen, over all ranks, and the time that it took, with validation and checkpoints.
    latents
        What the last validation said about each latent; None before it.
    """

    def __init__(
        self,
        model: GenerativeModel,
        *,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        schedule: LearningRateSchedule = "constant",
        kl_schedule: Schedule | None = None,
        free_bits: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.model = model
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.kl_schedule: Schedule = LinearWarmup() if kl_schedule is None else kl_schedule
        self.free_bits = free_bits
        self.seed = seed
        self.samples_trained = 0
        self.seconds_trained = 0.0
        self.latents: LatentMoments | None = None
        self._train = LossTotals()
        self._validation = LossTotals()
        self._latents = LatentTotals()
        self._noise: torch.Generator | None = None

    @property
    def kl_weight(self) -> float:
        """The weight of the KL in the current epoch."""
        return self.kl_schedule(self.current_epoch + 1)

    @property
    def schedules_are_over(self) -> bool:
        """Whether the current epoch's objective is the one that all later epochs have."""
        return self.current_epoch + 1 >= max(self.kl_schedule.epochs, self.model.head.warmup_epochs)

    @property
    def current_learning_rate(self) -> float:
        """The learning rate of the current epoch."""
        if self.schedule == "constant":
            return self.learning_rate
        share = self.current_epoch / (self.trainer.max_epochs or 1)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Give AdamW, fused where the device and the precision allow it."""
        parameters = list(self.model.parameters())
        # A fused optimiser unscales float16 gradients itself, which rules out clipping them first.
        fused = self.trainer.precision != "16-mixed" and {p.device.type for p in parameters} <= FUSED_DEVICES
        return torch.optim.AdamW(parameters, lr=self.learning_rate, weight_decay=self.weight_decay, fused=fused)

    def __setattr__(self, name: str, value: Any) -> None:
        """Take the name of the hook, which Lightning sets 45 times a step, past Torch's search for parameters."""
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def transfer_batch_to_device(
        self,
        batch: ExpressionBatch,
        device: torch.device,
        dataloader_idx: int,
    ) -> ExpressionBatch:
        """Move the tensors of a batch that is elsewhere, without Lightning's search through collections."""
        return batch if batch.expression.device == device else batch.to(device)

    def on_train_start(self) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_end(self) -> None:
        """Stop the clock."""
        self.seconds_trained = time.monotonic() - self._started

    def on_train_epoch_start(self) -> None:
        """Set what depends on the epoch: the noise, the learning rate and the KL weight."""
        torch.manual_seed(noise_seed(self.seed, self.current_epoch, self.global_rank))
        self._train = LossTotals()
        self._stage = Stage(epoch=self.current_epoch + 1, kl_weight=self.kl_weight, free_bits=self.free_bits)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.current_learning_rate

    def training_step(self, batch: ExpressionBatch, batch_index: int) -> Tensor:
        """Give the mean objective of a batch."""
        terms: LossTerms = self.model(batch, stage=self._stage)
        self._train.add(terms)
        return terms.objective.mean()

    def on_train_epoch_end(self) -> None:
        """Log the epoch's training figures."""
        figures, n_samples = self._train.means(self._sum_over_ranks)
        self.samples_trained += n_samples
        self._report({f"train/{name}": value for name, value in figures.items()})
        self._report({"learning_rate": self.current_learning_rate, "kl_weight": self.kl_weight})

    def on_validation_epoch_start(self) -> None:
        """Start from the same latent noise in every epoch."""
        self._validation = LossTotals()
        self._latents = LatentTotals()
        self._noise = torch.Generator(self.device).manual_seed(VALIDATION_SEED + self.global_rank)

    def validation_step(self, batch: ExpressionBatch, batch_index: int) -> None:
        """Add a batch to the epoch's figures."""
        terms: LossTerms = self.model(batch, stage=Stage(free_bits=self.free_bits), generator=self._noise)
        self._validation.add(terms)
        self._latents.add(terms.posterior, terms.kl)

    def on_validation_epoch_end(self) -> None:
        """Log the epoch's validation figures."""
        figures, _ = self._validation.means(self._sum_over_ranks)
        self._report({f"val/{name}": value for name, value in figures.items()})
        self.latents = self._latents.moments(self._sum_over_ranks)
        self._report(self.latents.figures())

    def _sum_over_ranks(self, values: Tensor) -> Tensor:
        total: Tensor = self.trainer.strategy.reduce(values, reduce_op="sum")
        return total

    def _report(self, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            if not math.isfinite(value):
                raise TrainingError(
                    f"epoch {self.current_epoch + 1}: {name} is {value}\n"
                    f"  Remedy: a lower trainer.learning_rate (it is {self.learning_rate:g}), "
                    "trainer.gradient_clip=1, or more model.kl.epochs"
                )
        self.log_dict(figures)
