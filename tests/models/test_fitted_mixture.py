"""What the fitted mixture does beyond any fitted density."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from gtexgen.errors import ConfigError
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.exclusive_classes import exclusive_classes
from gtexgen.models.priors.fitted_mixture import FittedMixture

VARIANCE = 0.01


def posteriors(mean: Tensor, variance: float = VARIANCE) -> Posterior:
    return Posterior(mean, torch.full_like(mean, math.log(variance)))


def clouds(shares: list[float], counts: list[int], seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw each class from two clouds, at -2 and 2 along the first latent, in a share of its own: values, one-hot."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    place = torch.cat([torch.arange(n) / n for n in counts])
    values = 0.3 * torch.randn(len(label), 2, generator=generator)
    values[:, 0] += torch.where(place < torch.tensor(shares)[label], -2.0, 2.0)
    return values, torch.eye(len(counts))[label]


def fitted(values: Tensor, condition: Tensor, **options: float) -> FittedMixture:
    prior = FittedMixture(values.shape[1], condition.shape[1], **options)  # type: ignore[arg-type]
    prior.fit(posteriors(values), condition)
    return prior


def draw(prior: FittedMixture, condition: Tensor, n: int = 20_000) -> Tensor:
    return prior.sample(condition.expand(n, -1), torch.Generator().manual_seed(3))


def test_each_class_has_its_own_clouds() -> None:
    prior = fitted(*clouds([0.9, 0.2], [1_000, 1_000]), components=2)
    for number, share in enumerate((0.9, 0.2)):
        drawn = draw(prior, torch.eye(2)[number])
        assert (drawn[:, 0] < 0).float().mean().item() == pytest.approx(share, abs=0.02)
        near = (drawn[:, 0].abs() - 2).abs() < 1
        assert near.float().mean() > 0.98


def test_a_class_has_no_more_clouds_than_its_samples_carry() -> None:
    values, condition = clouds([0.5, 0.5], [400, 12])
    prior = fitted(values, condition, components=8, samples_per_component=8)
    used = (prior.log_weight > -20).sum(dim=1)
    assert used.tolist() == [8, 1]


def test_the_covariance_of_a_small_class_is_drawn_to_the_common_one() -> None:
    generator = torch.Generator().manual_seed(0)
    wide, narrow = torch.randn(2_000, 2, generator=generator), 0.1 * torch.randn(6, 2, generator=generator) + 5
    condition = torch.eye(2)[torch.cat([torch.zeros(2_000), torch.ones(6)]).long()]
    values = torch.cat([wide, narrow])
    drawn = [
        draw(
            fitted(values, condition, components=1, shrinkage=strength, class_shrinkage=strength), torch.eye(2)[1]
        ).std(dim=0)
        for strength in (1e-6, 20.0, 1e6)
    ]
    spread = [each.mean().item() for each in drawn]
    assert spread[0] < 0.2
    assert 0.7 < spread[1] < 0.95
    assert spread[2] == pytest.approx(math.sqrt(1 + 2 / 6), abs=0.05)


def test_the_variance_of_the_posteriors_counts() -> None:
    values = torch.zeros(500, 3)
    prior = FittedMixture(3, 0, components=1)
    prior.fit(posteriors(values, variance=0.49), torch.zeros(500, 0))
    assert draw(prior, torch.zeros(0)).std(dim=0).mean().item() == pytest.approx(0.7, abs=0.02)


def test_other_fields_shift_the_latents_of_every_class_alike() -> None:
    values, tissue = clouds([1.0, 0.0], [1_500, 1_500])
    age = torch.rand(3_000, 1, generator=torch.Generator().manual_seed(1))
    values[:, 1] += 4 * age[:, 0]
    prior = fitted(values, torch.cat([age, tissue], dim=1), components=2)
    for number in range(2):
        young, old = (draw(prior, torch.cat([torch.tensor([years]), torch.eye(2)[number]])) for years in (0.0, 1.0))
        torch.testing.assert_close((old - young).mean(dim=0), torch.tensor([0.0, 4.0]), atol=0.1, rtol=0)


def test_density_is_that_of_a_mixture_of_gaussians() -> None:
    prior = fitted(*clouds([0.7, 0.4], [300, 300]), components=2)
    condition = torch.eye(2)[torch.arange(50) % 2]
    values = 2 * torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    label = condition.argmax(dim=1)
    reference = MixtureSameFamily(
        Categorical(logits=prior.log_weight[label]),
        MultivariateNormal(prior.mean[label], covariance_matrix=rotated(prior)[label]),
    )
    torch.testing.assert_close(prior.log_prob(values, condition), reference.log_prob(values), rtol=1e-3, atol=1e-3)


def rotated(prior: FittedMixture) -> Tensor:
    """Give the covariances of all components."""
    return prior.axes @ prior.root @ prior.root.mT @ prior.axes.T


def test_the_noise_alone_decides_and_comes_back_whole() -> None:
    prior = fitted(*clouds([0.5], [1_000]), components=2)
    noise = torch.randn(5_000, 2, generator=torch.Generator().manual_seed(0))
    condition = torch.ones(5_000, 1)
    first, other = (prior.push(noise, condition, torch.Generator().manual_seed(seed)) for seed in (1, 2))
    assert torch.equal(first, other)
    torch.testing.assert_close(prior.pull(first, condition), noise, atol=1e-3, rtol=1e-3)  # the clouds do not touch
    assert ((first[:, 0] > 0) == (noise[:, 0] > 0)).float().mean() > 0.99 or (
        (first[:, 0] < 0) == (noise[:, 0] > 0)
    ).float().mean() > 0.99


def test_samples_with_like_noise_are_in_like_clouds_of_different_classes() -> None:
    prior = fitted(*clouds([0.5, 0.5], [1_000, 1_000]), components=2)
    generator = torch.Generator().manual_seed(0)
    shared, own = torch.randn(5_000, 2, generator=generator), torch.randn(2, 5_000, 2, generator=generator)
    noise = 0.9 * shared + math.sqrt(1 - 0.81) * own
    one, two = (prior.push(noise[number], torch.eye(2)[number].expand(5_000, 2)) for number in range(2))
    assert torch.corrcoef(torch.stack([one[:, 0], two[:, 0]]))[0, 1] > 0.6


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], slice(0, 3)),
        ([[1, 0, 1, 0, 0], [0, 1, 0, 1, 0], [0, 1, 0, 0, 1]], slice(2, 5)),
        ([[0.5, 1, 0], [0.1, 0, 1]], slice(1, 3)),
        ([[1, 0], [1, 1]], slice(0, 1)),
        ([[0.5], [0.2]], slice(0, 0)),
        ([[], []], slice(0, 0)),
    ],
)
def test_classes_are_the_longest_one_hot_field(features: list[list[float]], expected: slice) -> None:
    assert exclusive_classes(torch.tensor(features)) == expected


@pytest.mark.parametrize(
    "options", [{"components": 0}, {"samples_per_component": 0}, {"shrinkage": 0.0}, {"class_shrinkage": -1.0}]
)
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"prior.{next(iter(options))}"):
        FittedMixture(2, 2, **options)  # type: ignore[arg-type]
