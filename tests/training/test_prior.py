from __future__ import annotations

import torch

from gtexgen.models.build import ModelSpec, build_model
from gtexgen.training.prior import fit_prior
from support.training_cohort import TISSUES, Cohort

FITTED = {"_target_": "gtexgen.models.priors.fitted_gaussian.FittedGaussian"}


def test_a_prior_is_fitted_to_all_training_samples_whatever_the_blocks() -> None:
    data = Cohort().data()
    data.fit()
    part = data.training_part()
    assert len(list(part.blocks())) > 1
    torch.manual_seed(0)
    networks = build_model(ModelSpec(latent=4, hidden=[8], prior=FITTED), 12, len(TISSUES)).networks.eval()
    with torch.inference_mode():
        posterior = networks.infer(torch.cat(list(part.blocks())), part.condition)
        networks.prior.fit(posterior, part.condition)
        expected = networks.prior.log_prob(posterior.mean, part.condition).clone()
        networks.prior.fit(posterior._replace(mean=posterior.mean + 1), part.condition)
        assert not torch.allclose(networks.prior.log_prob(posterior.mean, part.condition), expected)
        fit_prior(networks, part)
        torch.testing.assert_close(networks.prior.log_prob(posterior.mean, part.condition), expected)
