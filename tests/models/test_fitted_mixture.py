"""What the fitted mixture does beyond any fitted density."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from gtexgen.errors import ConfigError
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.base import log_density_of_noise
from gtexgen.models.priors.fitted_mixture import FittedMixture
from gtexgen.models.priors.gated_mixture import GatedMixture


def two_clusters(first_share: dict[int, float], counts: dict[int, int]) -> tuple[Tensor, Tensor]:
    """Draw values at -2 or 2 along the first latent, in shares of each class's own: values and one-hot classes."""
    generator = torch.Generator().manual_seed(0)
    label = torch.cat([torch.full((n,), key) for key, n in counts.items()])
    position = torch.cat([torch.arange(n) / n for n in counts.values()])
    share = torch.tensor([first_share[int(key)] for key in label])
    values = 0.3 * torch.randn(len(label), 2, generator=generator)
    values[:, 0] += torch.where(position < share, -2.0, 2.0)
    return values, torch.eye(len(counts))[label]


def share_below_zero(mixture: GatedMixture, condition: Tensor) -> Tensor:
    """Give the weight of what lies below zero along the first latent for each row of the condition."""
    drawn = mixture.push(
        torch.randn(4_000 * len(condition), 2, generator=torch.Generator().manual_seed(0)),
        condition.repeat_interleave(4_000, dim=0),
        torch.Generator().manual_seed(1),
    )
    return (drawn[:, 0] < 0).float().view(-1, 4_000).mean(dim=1)


def fitted(values: Tensor, condition: Tensor, shrinkage: float) -> GatedMixture:
    mixture = GatedMixture(2, condition.shape[1], n_components=2, shrinkage=shrinkage)
    mixture.fit(values[None], condition, torch.Generator().manual_seed(0))
    return mixture


def test_each_class_has_its_own_weights() -> None:
    mixture = fitted(*two_clusters({0: 0.9, 1: 0.2}, {0: 1_000, 1: 1_000}), shrinkage=1.0)
    torch.testing.assert_close(share_below_zero(mixture, torch.eye(2)), torch.tensor([0.9, 0.2]), atol=0.03, rtol=0)


def test_weights_of_a_small_class_are_drawn_to_the_common_ones() -> None:
    data = two_clusters({0: 0.5, 1: 1.0}, {0: 2_000, 1: 4})
    own, shrunk, common = (
        share_below_zero(fitted(*data, shrinkage=strength), torch.eye(2))[1] for strength in (0.0, 2.0, 1e4)
    )
    assert own > 0.95
    assert 0.55 < shrunk < 0.9
    assert abs(common - 0.5) < 0.03


def test_weights_of_a_number_are_logistic_in_it() -> None:
    number = torch.linspace(0, 1, 4_000)[:, None]
    truth = torch.sigmoid(6 * number - 3)
    below = torch.rand(4_000, 1, generator=torch.Generator().manual_seed(0)) < truth
    values = 0.3 * torch.randn(4_000, 2, generator=torch.Generator().manual_seed(1))
    values[:, :1] += torch.where(below, -2.0, 2.0)
    asked = torch.tensor([[0.1], [0.5], [0.9]])
    share = share_below_zero(fitted(values, number, shrinkage=0.0), asked)
    torch.testing.assert_close(share, torch.sigmoid(6 * asked[:, 0] - 3), atol=0.05, rtol=0)


def test_density_is_that_of_a_mixture_of_gaussians() -> None:
    mixture = fitted(*two_clusters({0: 0.7, 1: 0.4}, {0: 300, 1: 300}), shrinkage=1.0)
    condition = torch.eye(2)[torch.arange(50) % 2]
    values = 2 * torch.randn(50, 2)
    logits = mixture.gate[0] + condition @ mixture.gate[1:]
    reference = MixtureSameFamily(
        Categorical(logits=logits), MultivariateNormal(mixture.mean, scale_tril=mixture.root).expand((50, 2))
    )
    torch.testing.assert_close(mixture.log_prob(values, condition), reference.log_prob(values), rtol=1e-4, atol=1e-4)


def test_pull_draws_the_component_that_can_have_given_the_value() -> None:
    mixture = fitted(*two_clusters({0: 0.5}, {0: 1_000}), shrinkage=1.0)
    condition = torch.ones(5_000, 1)
    noise = torch.randn(5_000, 2, generator=torch.Generator().manual_seed(0))
    values = mixture.push(noise, condition, torch.Generator().manual_seed(1))
    again = mixture.pull(values, condition, torch.Generator().manual_seed(2))
    # The clusters are far apart, so the component is hardly in doubt.
    assert ((again - noise).abs() < 1e-3).all(dim=1).float().mean() > 0.99


def test_one_component_is_the_gaussian() -> None:
    torch.manual_seed(0)
    mean = torch.randn(2_000, 3)
    condition = torch.eye(2)[torch.arange(2_000) % 2]
    prior = FittedMixture(3, 2, components=1)
    prior.fit(Posterior(mean, torch.full_like(mean, math.log(0.01))), condition)
    noise = torch.randn(100, 3)
    values = prior.residual.push(noise, condition[:100], torch.Generator().manual_seed(0))
    torch.testing.assert_close(values, noise, atol=0.05, rtol=0.05)


@pytest.mark.parametrize(
    ("options", "reason"), [({"components": 0}, "components must be 1"), ({"shrinkage": -1.0}, "shrinkage must be 0")]
)
def test_options_out_of_range_are_refused(options: dict[str, float], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        FittedMixture(2, 2, **options)  # type: ignore[arg-type]


def test_few_samples_in_many_dimensions_are_not_learnt_by_heart() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(20, 10, generator=generator)
    mixture = GatedMixture(10, 0, n_components=16, shrinkage=1.0)
    mixture.fit(values[None], torch.zeros(20, 0), torch.Generator().manual_seed(0))
    fresh = torch.randn(5_000, 10, generator=generator)
    loss = log_density_of_noise(fresh) - mixture.log_prob(fresh, torch.zeros(5_000, 0))
    assert loss.mean() < 0.05
