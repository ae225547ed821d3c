"""The objective of the CVAE, put together by hand."""

from __future__ import annotations

import torch
from torch.distributions import Normal, kl_divergence

from gtexgen.data.batches import ExpressionBatch
from gtexgen.models.build import ModelSpec, build_model
from gtexgen.models.heads.base import Stage


def test_objective_is_the_weighted_negative_elbo(batch: ExpressionBatch) -> None:
    model = build_model(ModelSpec(latent=4, hidden=[8]), 11, 3)
    terms = model(batch, stage=Stage(kl_weight=0.3), generator=torch.Generator().manual_seed(5))

    mean, log_variance = model.networks.encoder(batch.expression, batch.condition)
    scale = (0.5 * log_variance).exp()
    latent = mean + scale * torch.randn(mean.shape, generator=torch.Generator().manual_seed(5))
    decoded, variance = model.networks.decode(latent, batch.condition)
    reconstruction = -Normal(decoded, variance.sqrt()).log_prob(batch.expression).sum(dim=1)
    kl = kl_divergence(Normal(mean, scale), Normal(0.0, 1.0))

    torch.testing.assert_close(terms.reconstruction, reconstruction)
    torch.testing.assert_close(terms.kl, kl)
    torch.testing.assert_close(terms.objective, reconstruction + 0.3 * kl.sum(dim=1))
    torch.testing.assert_close(terms.squared_error, (batch.expression - decoded).square().mean(dim=1))
