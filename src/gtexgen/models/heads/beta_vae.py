"""The beta-VAE: the latents cost something else than their KL."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gtexgen.errors import ConfigError
from gtexgen.models.decomposition import decompose_kl
from gtexgen.models.heads.base import NO_EXTRAS, Evidence, Head, LossTerms, Stage, weigh_evidence
from gtexgen.models.networks import Networks
from gtexgen.models.priors.standard_normal import StandardNormal
from gtexgen.models.schedules import LinearWarmup

if TYPE_CHECKING:
    from gtexgen.data.batches import ExpressionBatch
    from gtexgen.data.training_part import TrainingPart

__all__ = ["BetaVAE", "Capacity", "FixedBeta", "TotalCorrelation"]


class BetaVAE(Head):
    """Reconstruction plus a cost of the latents; each subclass is a cost, chosen by ``model/objective``."""

    @abstractmethod
    def cost(self, evidence: Evidence, stage: Stage) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Give what the latents cost in nats, ``(batch,)`` or one value for all, and the extras to log."""

    def forward(
        self,
        batch: ExpressionBatch,
        networks: Networks,
        *,
        stage: Stage = Stage(),  # noqa: B008 (immutable)
        generator: torch.Generator | None = None,
    ) -> LossTerms:
        """Weigh a batch; see `Head.forward`."""
        evidence = weigh_evidence(batch, networks, generator)
        cost, extras = self.cost(evidence, stage)
        return evidence.terms(evidence.reconstruction + cost, extras)


class FixedBeta(BetaVAE):
    r"""A constant factor on the KL.

    .. math:: \mathbb{E}_q[-\log p(x \mid z, c)] + \beta \, \mathrm{KL}

    Higgins et al. 2017, *beta-VAE: learning basic visual concepts with a constrained variational framework*.

    Parameters
    ----------
    beta
        More than 1 asks for fewer and more independent latents, less than 1 for better reconstruction.

    Raises
    ------
    ConfigError
        Where `beta` is negative.
    """

    def __init__(self, beta: float = 4.0) -> None:
        super().__init__()
        self.beta = _not_negative("beta", beta)

    def cost(self, evidence: Evidence, stage: Stage) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Give the multiple of the KL, ``(batch,)``."""
        return self.beta * stage.weigh(evidence.kl), NO_EXTRAS


class Capacity(BetaVAE):
    r"""A KL that is held to a capacity, which grows from 0 over the first epochs.

    .. math:: \mathbb{E}_q[-\log p(x \mid z, c)] + \gamma \, |\mathrm{KL} - C(t)|

    Burgess et al. 2018, *Understanding disentangling in beta-VAE* (arXiv 1804.03599). The KL is the mean of the batch,
    so that a sample may tell more than another; under distributed training of each rank's batch. Latents below the
    free bits count as these, and are not pushed.

    Parameters
    ----------
    capacity
        Nats that the latents of a sample carry on average in the end.
    capacity_epochs
        The first epoch of full capacity, to which it rises by equal steps.
    gamma
        How strongly the KL is held.

    Raises
    ------
    ConfigError
        Where one of them is negative.
    """

    def __init__(self, capacity: float = 25.0, capacity_epochs: int = 50, gamma: float = 10.0) -> None:
        super().__init__()
        self.capacity = _not_negative("capacity", capacity)
        self.gamma = _not_negative("gamma", gamma)
        self.rise = LinearWarmup(int(_not_negative("capacity_epochs", capacity_epochs)))
        self.warmup_epochs = self.rise.epochs

    def cost(self, evidence: Evidence, stage: Stage) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Give the batch's distance from the capacity of the epoch, and log that capacity."""
        capacity = self.capacity * self.rise(stage.epoch)
        distance = (stage.weigh(evidence.kl).mean() - stage.kl_weight * capacity).abs()
        return self.gamma * distance, {"capacity": torch.full_like(evidence.reconstruction, capacity)}


class TotalCorrelation(BetaVAE):
    r"""The KL with a factor on each of its parts (`gtexgen.models.decomposition.decompose_kl`), the beta-TCVAE.

    .. math:: \mathbb{E}_q[-\log p(x \mid z, c)] + \alpha \, \mathrm{MI} + \beta \, \mathrm{TC} + \gamma \, \mathrm{DW}

    Chen et al. 2018, *Isolating sources of disentanglement in variational autoencoders* (arXiv 1802.04942). The parts
    sum to the KL, so the whole of it enters in closed form, with schedule and free bits, and the estimates only where
    their factors differ from 1. The aggregate posterior is that of all samples whatever their condition: a latent that
    tells tissues apart, although the decoder is told them, counts as correlated with others that do. Under distributed
    training it is estimated from each rank's own batch.

    Parameters
    ----------
    alpha, beta, gamma
        The factors on mutual information, total correlation and dimension-wise KL.

    Raises
    ------
    ConfigError
        Where one of them is negative.
    """

    def __init__(self, alpha: float = 1.0, beta: float = 4.0, gamma: float = 1.0) -> None:
        super().__init__()
        self.alpha = _not_negative("alpha", alpha)
        self.beta = _not_negative("beta", beta)
        self.gamma = _not_negative("gamma", gamma)
        self.n_samples = 0

    def check(self, networks: Networks) -> None:
        """Refuse a prior that is not N(0, I) in training."""
        if not isinstance(networks.prior, StandardNormal):
            raise ConfigError(
                "model/objective=total_correlation compares the latents of all samples with N(0, I), "
                f"and {type(networks.prior).__name__} is another distribution for each condition.\n"
                "  Remedy: prior=standard_normal or fitted_gaussian, or model/objective=beta or capacity."
            )

    def prepare(self, part: TrainingPart) -> None:
        """Count the samples of which each batch is a part."""
        self.n_samples = len(part.samples)

    def cost(self, evidence: Evidence, stage: Stage) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Give the weighted parts, ``(batch,)``, and log each."""
        parts = decompose_kl(evidence.posterior, evidence.latent, self.n_samples)
        factors = (self.alpha - 1, self.beta - 1, self.gamma - 1)
        surplus = sum(factor * part for factor, part in zip(factors, parts, strict=True))
        return stage.weigh(evidence.kl) + stage.kl_weight * surplus, parts._asdict()


def _not_negative(name: str, value: float) -> float:
    if value < 0:
        raise ConfigError(f"model.head.{name} must be 0 or more, not {value}")
    return value
