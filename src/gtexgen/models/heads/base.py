"""What every head gives: an objective and its named terms, in nats."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from gtexgen.models.networks import Networks
from gtexgen.models.posterior import Posterior

if TYPE_CHECKING:
    from gtexgen.data.batches import ExpressionBatch
    from gtexgen.data.pairs import BatchPairs
    from gtexgen.data.splits import Part
    from gtexgen.data.training_part import SamplePart, TrainingPart

__all__ = ["Evidence", "Head", "LossTerms", "Posterior", "Stage", "weigh_evidence"]

NO_EXTRAS: Mapping[str, Tensor] = MappingProxyType({})


class Stage(NamedTuple):
    """Where training stands; the default is its end, and what validation is weighed by.

    Attributes
    ----------
    epoch
        The epoch, counted from 1; infinite at the end of every schedule.
    kl_weight
        The share of the KL that enters the objective in this epoch.
    free_bits
        Nats of each latent's mean KL that cost nothing.
    """

    epoch: float = math.inf
    kl_weight: float = 1.0
    free_bits: float = 0.0

    def weigh(self, kl: Tensor) -> Tensor:
        r"""Give what a KL of ``(batch, latents)`` costs each sample, ``(batch,)``.

        :math:`w \sum_k \max(\lambda, \overline{\mathrm{KL}}_k)`, the mean taken over the batch. Kingma et al. 2016,
        *Improving variational inference with inverse autoregressive flow*, appendix C.8.
        """
        if self.free_bits > 0:
            charged = kl.mean(dim=0) > self.free_bits
            kl = torch.where(charged, kl, self.free_bits)
        return self.kl_weight * kl.sum(dim=-1)


class LossTerms(NamedTuple):
    """What a head says about a batch; every tensor but the posterior has one value a sample.

    Attributes
    ----------
    objective
        What training minimises (its mean over the batch), ``(batch,)``.
    reconstruction
        -log p(x | z, c) in nats, summed over genes, ``(batch,)``.
    kl
        KL(q || p) in nats of each latent, ``(batch, latents)``.
    squared_error
        Mean over genes of (x - decoded mean)^2 on the model's scale, ``(batch,)``, without gradient.
    posterior
        The posterior the terms were taken at.
    extras
        Terms of this head alone by name, each ``(batch,)``; they are logged under that name.
    """

    objective: Tensor
    reconstruction: Tensor
    kl: Tensor
    squared_error: Tensor
    posterior: Posterior
    extras: Mapping[str, Tensor] = NO_EXTRAS

    @property
    def elbo(self) -> Tensor:
        """The evidence lower bound in nats, ``(batch,)``, whatever the objective weighs."""
        return -(self.reconstruction + self.kl.sum(dim=-1))


class Head(nn.Module, ABC):
    """An objective over the shared networks; it knows nothing of optimisers, logging or data files.

    Its constructor is given, by name, whichever of ``n_genes``, ``n_conditions`` and ``n_latents`` it asks
    for; the rest of its arguments are its config. It may own parameters, trained with the networks'.

    Attributes
    ----------
    warmup_epochs
        The epoch from which a schedule of its own (`Stage.epoch`) no longer changes the objective; 0 without one.
    """

    warmup_epochs = 0

    def check(self, networks: Networks) -> None:
        """Refuse networks that the objective has no meaning for; most heads train any.

        Raises
        ------
        ConfigError
            With the reason, and what to choose instead.
        """

    def prepare(self, part: TrainingPart) -> None:
        """Look at the training part once before training; most heads have no need to."""

    def batch_pairs(self, parts: Mapping[Part, SamplePart]) -> Mapping[Part, BatchPairs]:
        """Say which pairs of samples each batch of a part is to hold; most heads need none.

        Parameters
        ----------
        parts
            Every part of the split that has samples.
        """
        return {}

    @abstractmethod
    def forward(
        self,
        batch: ExpressionBatch,
        networks: Networks,
        *,
        stage: Stage = Stage(),  # noqa: B008 (immutable)
        generator: torch.Generator | None = None,
    ) -> LossTerms:
        """Weigh a batch.

        Parameters
        ----------
        batch
            Expression on the model's scale, with its condition.
        networks
            The networks to train.
        stage
            Where training stands: how much the KL costs. Reconstruction and KL are reported as they are.
        generator
            The source of the latent noise; None takes the default one of the device. Seed one to compare
            epochs at the same noise.
        """


class Evidence(NamedTuple):
    """The parts of the evidence lower bound of a batch, at one latent draw a sample.

    Attributes
    ----------
    posterior
        q(z | x, c).
    latent
        What was drawn from it, ``(batch, latents)``.
    reconstruction
        -log p(x | z, c) in nats, summed over genes, ``(batch,)``.
    kl
        KL(q || p) in nats of each latent, ``(batch, latents)``.
    squared_error
        As in `LossTerms`.
    """

    posterior: Posterior
    latent: Tensor
    reconstruction: Tensor
    kl: Tensor
    squared_error: Tensor

    def terms(self, objective: Tensor, extras: Mapping[str, Tensor] = NO_EXTRAS) -> LossTerms:
        """Give the terms of a head that minimises `objective`, ``(batch,)``."""
        return LossTerms(objective, self.reconstruction, self.kl, self.squared_error, self.posterior, extras)


def weigh_evidence(batch: ExpressionBatch, networks: Networks, generator: torch.Generator | None = None) -> Evidence:
    """Take a batch through encoder and decoder; what every head begins with."""
    posterior = networks.infer(batch.expression, batch.condition)
    latent = posterior.sample(generator)
    output = networks.decode(latent, batch.condition)
    with torch.no_grad():
        error = (batch.expression - networks.likelihood.reconstruct(output, batch.expression)).square().mean(dim=-1)
    return Evidence(
        posterior=posterior,
        latent=latent,
        reconstruction=-networks.likelihood.log_prob(output, batch.expression),
        kl=networks.prior.kl(posterior, batch.condition),
        squared_error=error,
    )
