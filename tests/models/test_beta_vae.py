"""The objectives of the beta-VAE against their formulas."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from gtexgen.data.batches import ExpressionBatch
from gtexgen.data.training_part import TrainingPart
from gtexgen.errors import ConfigError
from gtexgen.models.build import GenerativeModel, ModelSpec, build_model
from gtexgen.models.heads.base import Head, LossTerms, Stage
from gtexgen.models.heads.beta_vae import Capacity, FixedBeta, TotalCorrelation
from gtexgen.models.heads.cvae import CVAE

PARTS = ("mutual_information", "total_correlation", "dimension_wise_kl")


def small_model(head: str = "TotalCorrelation", prior: str = "standard_normal.StandardNormal") -> GenerativeModel:
    torch.manual_seed(0)
    spec = ModelSpec(
        latent=4,
        hidden=[16, 8],
        head={"_target_": f"gtexgen.models.heads.beta_vae.{head}"},
        prior={"_target_": f"gtexgen.models.priors.{prior}"},
    )
    return build_model(spec, n_genes=11, n_conditions=3)


def weigh(head: Head, batch: ExpressionBatch, stage: Stage = Stage()) -> LossTerms:  # noqa: B008
    """Weigh the batch with the same networks and noise for every head."""
    terms: LossTerms = head(batch, small_model().networks, stage=stage, generator=torch.Generator().manual_seed(5))
    return terms


def exact_kl(terms: LossTerms) -> torch.Tensor:
    posterior = Normal(terms.posterior.mean, torch.exp(0.5 * terms.posterior.log_variance))
    return kl_divergence(posterior, Normal(0.0, 1.0))


def test_beta_multiplies_the_kl(batch: ExpressionBatch) -> None:
    terms = weigh(FixedBeta(3.0), batch, Stage(kl_weight=0.5))
    torch.testing.assert_close(terms.objective, terms.reconstruction + 1.5 * exact_kl(terms).sum(dim=1))


@pytest.mark.parametrize(
    "head", [FixedBeta(1.0), TotalCorrelation(1.0, 1.0, 1.0)], ids=lambda head: type(head).__name__
)
@pytest.mark.parametrize("stage", [Stage(), Stage(kl_weight=0.3, free_bits=0.01)])
def test_factors_of_one_are_the_evidence_lower_bound(head: Head, stage: Stage, batch: ExpressionBatch) -> None:
    torch.testing.assert_close(weigh(head, batch, stage).objective, weigh(CVAE(), batch, stage).objective)


@pytest.mark.parametrize("capacity", [0.0, 0.05, 50.0])
def test_the_mean_kl_is_held_to_the_capacity(capacity: float, batch: ExpressionBatch) -> None:
    terms = weigh(Capacity(capacity, capacity_epochs=0, gamma=7.0), batch, Stage(kl_weight=0.5))
    distance = (exact_kl(terms).sum(dim=1).mean() - capacity).abs()
    cost = terms.objective - terms.reconstruction
    torch.testing.assert_close(cost, 0.5 * 7.0 * distance.expand_as(cost))


@pytest.mark.parametrize(("capacity", "direction"), [(0.0, 1), (50.0, -1)])
def test_a_kl_beside_the_capacity_is_pulled_towards_it(capacity: float, direction: int, batch: ExpressionBatch) -> None:
    terms = weigh(Capacity(capacity, gamma=7.0), batch)
    cost = (terms.objective - terms.reconstruction).mean()
    (gradient,) = torch.autograd.grad(cost, terms.kl)
    torch.testing.assert_close(gradient, torch.full_like(gradient, direction * 7.0 / len(gradient)))


def test_the_capacity_rises_by_equal_steps_and_stays(batch: ExpressionBatch) -> None:
    head = Capacity(capacity=8.0, capacity_epochs=4)
    path = [float(weigh(head, batch, Stage(epoch=epoch)).extras["capacity"][0]) for epoch in (1, 2, 3, 4, 5, math.inf)]
    assert path == [2.0, 4.0, 6.0, 8.0, 8.0, 8.0]
    assert head.warmup_epochs == 4


def test_each_part_of_the_kl_has_its_factor(batch: ExpressionBatch) -> None:
    factors = dict(zip(("alpha", "beta", "gamma"), PARTS, strict=True))
    plain = weigh(TotalCorrelation(1.0, 1.0, 1.0), batch)
    for option, part in factors.items():
        head = TotalCorrelation(**{**dict.fromkeys(factors, 1.0), option: 5.0})
        terms = weigh(head, batch, Stage(kl_weight=0.5))
        expected = terms.reconstruction + 0.5 * (plain.kl.sum(dim=1) + 4.0 * plain.extras[part])
        torch.testing.assert_close(terms.objective, expected)


def test_the_logged_parts_sum_to_the_kl_of_the_draw(batch: ExpressionBatch) -> None:
    terms = weigh(TotalCorrelation(), batch)
    posterior = Normal(terms.posterior.mean, torch.exp(0.5 * terms.posterior.log_variance))
    latent = terms.posterior.sample(torch.Generator().manual_seed(5))
    kl = (posterior.log_prob(latent) - Normal(0.0, 1.0).log_prob(latent)).sum(dim=1)
    assert tuple(terms.extras) == PARTS
    torch.testing.assert_close(torch.stack(tuple(terms.extras.values())).sum(dim=0), kl)


def test_a_batch_counts_as_a_part_of_the_training_samples(batch: ExpressionBatch) -> None:
    head = TotalCorrelation()
    alone = weigh(head, batch)
    part = TrainingPart(
        samples=pd.DataFrame(index=range(10_000)),
        condition=torch.zeros(10_000, 3),
        zero=torch.zeros(11),
        blocks=lambda: iter(()),
    )
    head.prepare(part)
    among_many = weigh(head, batch)
    assert not torch.allclose(among_many.extras["mutual_information"], alone.extras["mutual_information"])
    for terms, n_samples in ((alone, len(batch.expression)), (among_many, 10_000)):
        assert (terms.extras["mutual_information"] <= math.log(n_samples)).all()


@pytest.mark.parametrize("head", ["FixedBeta", "Capacity"])
def test_a_prior_for_each_condition_is_taken_where_the_kl_is_whole(head: str) -> None:
    assert small_model(head, "conditional_gaussian.ConditionalGaussian")


def test_parts_of_the_kl_need_one_prior_for_all() -> None:
    assert small_model(prior="fitted_gaussian.FittedGaussian")
    with pytest.raises(ConfigError, match=r"N\(0, I\), and ConditionalGaussian (.|\n)*Remedy: prior=standard_normal"):
        small_model(prior="conditional_gaussian.ConditionalGaussian")


@pytest.mark.parametrize(
    ("head", "options"),
    [
        (FixedBeta, {"beta": -1.0}),
        (Capacity, {"capacity": -1.0}),
        (Capacity, {"capacity_epochs": -1}),
        (Capacity, {"gamma": -1.0}),
        (TotalCorrelation, {"alpha": -1.0}),
        (TotalCorrelation, {"beta": -1.0}),
        (TotalCorrelation, {"gamma": -1.0}),
    ],
)
def test_a_negative_factor_is_refused(head: type[Head], options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(ConfigError, match=rf"model\.head\.{name} must be 0 or more, not -1"):
        head(**options)
