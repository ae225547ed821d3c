"""The conditional variational autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gtexgen.models.heads.base import Head, LossTerms, Stage, weigh_evidence
from gtexgen.models.networks import Networks

if TYPE_CHECKING:
    from gtexgen.data.batches import ExpressionBatch

__all__ = ["CVAE"]


class CVAE(Head):
    r"""Minus the evidence lower bound, estimated with one latent draw a sample.

    .. math:: \mathbb{E}_q[-\log p(x \mid z, c)] + w \, \mathrm{KL}(q(z \mid x, c) \,\|\, p(z \mid c))

    Sohn, Lee and Yan 2015, *Learning structured output representation using deep conditional generative
    models*. The weight :math:`w` is 1 but where a schedule lowers it (`gtexgen.models.schedules`).
    """

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
        return evidence.terms(evidence.reconstruction + stage.weigh(evidence.kl))
