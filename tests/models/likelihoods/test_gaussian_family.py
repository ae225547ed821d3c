"""The mean that all Gaussian likelihoods begin with: what sex and age do to each gene within a tissue."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
import torch
from sklearn.linear_model import Ridge
from torch import Tensor

from gtexgen.data.training_part import TrainingPart
from gtexgen.models.likelihoods.gaussian import GaussianLikelihood
from gtexgen.models.likelihoods.gaussian_family import GaussianFamily
from gtexgen.models.likelihoods.low_rank import LowRankGaussianLikelihood
from gtexgen.models.likelihoods.shared_scale import SharedScaleGaussian

FAMILY = [GaussianLikelihood, LowRankGaussianLikelihood, SharedScaleGaussian]
N_FEATURES, N_GENES = 2, 5


def mean_of(likelihood: GaussianFamily, condition: Tensor) -> Tensor:
    """Give the mean of features that say nothing."""
    with torch.no_grad():
        likelihood.location.bias.zero_()
        return likelihood.mean(likelihood(torch.zeros(len(condition), N_FEATURES), condition))


@pytest.mark.parametrize("kind", FAMILY)
def test_the_mean_begins_with_what_the_condition_does_within_sites(
    kind: type[GaussianFamily], training_part: Callable[..., TrainingPart]
) -> None:
    """The reference regresses on the sites too, at no cost: what is left to the condition is within them."""
    generator = torch.Generator().manual_seed(0)
    site = torch.randint(4, (200,), generator=generator)
    male = (torch.rand(200, generator=generator) < 0.2 + 0.2 * site).float()
    condition = torch.stack([1 - male, male, torch.rand(200, generator=generator)], dim=1)
    expression = 5 * site[:, None] + 3 * male[:, None] + torch.randn(200, N_GENES, generator=generator)
    samples = pd.DataFrame({"tissue": (site > 1).numpy(), "subtissue": site.numpy()})
    likelihood = kind(N_FEATURES, N_GENES, 3)  # type: ignore[call-arg]
    likelihood.prepare(training_part(expression, condition, samples=samples))
    cheap = 1e4
    regression = Ridge(alpha=10, fit_intercept=False).fit(
        torch.cat([condition, cheap * torch.eye(4)[site]], dim=1).double().numpy(), expression.double().numpy()
    )
    torch.testing.assert_close(
        mean_of(likelihood, torch.eye(3)), torch.from_numpy(regression.coef_[:, :3].T).float(), rtol=1e-3, atol=1e-3
    )


def test_what_a_site_alone_tells_is_left_to_the_decoder(training_part: Callable[..., TrainingPart]) -> None:
    tissue = torch.eye(2)[torch.arange(20) % 2]
    samples = pd.DataFrame({"tissue": ["Lung", "Liver"] * 10, "subtissue": None})
    likelihood = GaussianLikelihood(N_FEATURES, N_GENES, 2)
    likelihood.prepare(training_part(torch.randn(20, N_GENES), tissue, samples=samples))
    assert not mean_of(likelihood, torch.eye(2)).any()


def test_without_labels_all_samples_are_of_one_site(training_part: Callable[..., TrainingPart]) -> None:
    label = torch.arange(2_000) % 2
    likelihood = GaussianLikelihood(N_FEATURES, N_GENES, 2)
    likelihood.prepare(training_part(4.0 * label[:, None].expand(-1, N_GENES), torch.eye(2)[label]))
    difference = mean_of(likelihood, torch.tensor([[-1.0, 1.0]]))
    torch.testing.assert_close(difference, torch.full((1, N_GENES), 4.0), rtol=0.02, atol=0)


@pytest.mark.parametrize("kind", FAMILY)
def test_weights_of_before_the_means_had_a_start_still_load(kind: type[GaussianFamily]) -> None:
    likelihood = kind(N_FEATURES, N_GENES, 2)  # type: ignore[call-arg]
    weights = likelihood.state_dict()
    del weights["condition_weight"]
    likelihood.condition_weight.fill_(7.0)
    likelihood.load_state_dict(weights)
    assert not mean_of(likelihood, torch.eye(2)).any()
