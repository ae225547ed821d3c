"""The conditional variational autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gtexgen.models.heads import Head, LossTerms, squared_error
from gtexgen.models.networks import Networks

if TYPE_CHECKING:
    from gtexgen.data.batches import ExpressionBatch

__all__ = ["CVAE"]


class CVAE(Head):
    r"""Minus the evidence lower bound, estimated with one latent draw a sample.

    .. math:: \mathbb{E}_q[-\log p(x \mid z, c)] + w \, \mathrm{KL}(q(z \mid x, c) \,\|\, p(z \mid c))

    Sohn, Lee and Yan 2015, *Learning structured output representation using deep conditional generative
    models*. The weight :math:`w` is 1 but for the KL warm-up.
    """

    def forward(
        self,
        batch: ExpressionBatch,
        networks: Networks,
        *,
        kl_weight: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> LossTerms:
        """Weigh a batch; see `Head.forward`."""
        posterior = networks.infer(batch.expression, batch.condition)
        output = networks.decode(posterior.sample(generator), batch.condition)
        reconstruction = -networks.likelihood.log_prob(output, batch.expression)
        kl = networks.prior.kl(posterior, batch.condition).sum(dim=-1)
        return LossTerms(
            objective=torch.add(reconstruction, kl, alpha=kl_weight),
            reconstruction=reconstruction,
            kl=kl,
            squared_error=squared_error(batch.expression, networks.likelihood.mean(output)),
            posterior=posterior,
        )
