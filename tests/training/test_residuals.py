from __future__ import annotations

import torch
from torch import Tensor

from gtexgen.models.build import ModelSpec, build_networks
from gtexgen.models.networks import Networks
from gtexgen.training.residuals import fit_residual_factors
from support.training_cohort import TISSUES, Cohort

N_GENES = 12


def networks(residual_factors: int) -> Networks:
    torch.manual_seed(0)
    return build_networks(
        ModelSpec(latent=4, hidden=[8], residual_factors=residual_factors), N_GENES, len(TISSUES)
    ).eval()


def residual_correlation(model: Networks, expression: Tensor, condition: Tensor) -> Tensor:
    with torch.inference_mode():
        latent = model.infer(expression, condition).sample(torch.Generator().manual_seed(3))
        return torch.corrcoef(model.likelihood.pull(model.decode(latent, condition), expression).T)


def test_what_genes_share_of_the_residuals_is_in_the_noise_of_samples() -> None:
    data = Cohort().data()
    data.fit()
    part = data.training_part()
    model = networks(8)
    before = model.sample(part.condition, torch.Generator().manual_seed(1))
    fit_residual_factors(model, part)
    assert not torch.equal(model.sample(part.condition, torch.Generator().manual_seed(1)), before)
    wanted = residual_correlation(model, torch.cat(list(part.blocks())), part.condition)
    found = torch.corrcoef(model.residual_factors.draw(20_000, torch.Generator().manual_seed(0)).T)  # type: ignore[union-attr]
    off = ~torch.eye(N_GENES, dtype=torch.bool)
    assert torch.corrcoef(torch.stack([wanted[off], found[off]]))[0, 1] > 0.8


def test_a_model_without_factors_keeps_its_likelihood_s_noise() -> None:
    data = Cohort().data()
    data.fit()
    model = networks(0)
    before = model.sample(data.training_part().condition, torch.Generator().manual_seed(1))
    fit_residual_factors(model, data.training_part())
    assert torch.equal(model.sample(data.training_part().condition, torch.Generator().manual_seed(1)), before)
