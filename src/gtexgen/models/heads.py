"""What every head gives: an objective and its named terms, in nats."""

from __future__ import annotations

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

__all__ = ["Head", "LossTerms", "Posterior"]

NO_EXTRAS: Mapping[str, Tensor] = MappingProxyType({})


class LossTerms(NamedTuple):
    """What a head says about a batch; every tensor but the posterior has one value a sample.

    Attributes
    ----------
    objective
        What training minimises (its mean over the batch), ``(batch,)``.
    reconstruction
        -log p(x | z, c) in nats, summed over genes, ``(batch,)``.
    kl
        KL(q || p) in nats, summed over latents, ``(batch,)``.
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
        return -(self.reconstruction + self.kl)


class Head(nn.Module, ABC):
    """An objective over the shared networks; it knows nothing of optimisers, logging or data files.

    Its constructor is given, by name, whichever of ``n_genes``, ``n_conditions`` and ``n_latents`` it asks
    for; the rest of its arguments are its config. It may own parameters, trained with the networks'.
    """

    @abstractmethod
    def forward(
        self,
        batch: ExpressionBatch,
        networks: Networks,
        *,
        kl_weight: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> LossTerms:
        """Weigh a batch.

        Parameters
        ----------
        batch
            Expression on the model's scale, with its condition.
        networks
            The networks to train.
        kl_weight
            The share of the KL that enters the objective during warm-up; the other terms do not see it.
        generator
            The source of the latent noise; None takes the default one of the device. Seed one to compare
            epochs at the same noise.
        """


def squared_error(expression: Tensor, mean: Tensor) -> Tensor:
    """Give the mean squared error over genes of each sample, ``(batch,)``, outside the gradient."""
    with torch.no_grad():
        return (expression - mean).square().mean(dim=-1)
