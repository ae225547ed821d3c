"""What the correlated VAE adds to the contract of every head."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from gtexgen.data.batches import BatchPlan, ExpressionBatch, SamplePairs
from gtexgen.data.loaders import InMemoryLoader, SampleTensors
from gtexgen.data.pairs import PairedLoader
from gtexgen.data.training_part import SamplePart
from gtexgen.errors import ConfigError
from gtexgen.models.build import GenerativeModel, ModelSpec, build_model
from gtexgen.models.heads.base import LossTerms, Stage
from gtexgen.models.heads.correlated_vae import CorrelatedVAE
from gtexgen.models.pair_term import mutual_information, pair_term
from gtexgen.models.posterior import Posterior

N_SAMPLES, N_GENES, TAU = 20, 11, 0.6
SAME_DONOR = {"_target_": "gtexgen.models.graph.same_donor.SameDonor"}
DONORS = np.arange(N_SAMPLES) % 6  # cliques of 4, 4 and 3, 3, 3, 3
STANDARD_NORMAL = "gtexgen.models.priors.standard_normal.StandardNormal"
CONDITIONAL = "gtexgen.models.priors.conditional_gaussian.ConditionalGaussian"


def correlated_model(prior: str = STANDARD_NORMAL, **options: Any) -> GenerativeModel:
    torch.manual_seed(0)
    head = {
        "_target_": "gtexgen.models.heads.correlated_vae.CorrelatedVAE",
        "graph": SAME_DONOR,
        "tau": TAU,
        "posterior": "correlated",
    }
    return build_model(
        ModelSpec(latent=2, hidden=[8], head=head | options, prior={"_target_": prior}), N_GENES, 3
    ).eval()


@pytest.fixture
def part() -> SamplePart:
    expression = torch.randn(N_SAMPLES, N_GENES, generator=torch.Generator().manual_seed(2))
    return SamplePart(
        samples=pd.DataFrame({"sample_id": [f"S{i}" for i in range(N_SAMPLES)], "donor_id": DONORS}),
        condition=torch.eye(3)[torch.arange(N_SAMPLES) % 3],
        blocks=lambda: iter([expression]),
    )


def epochs(model: GenerativeModel, part: SamplePart, n_epochs: int) -> Iterator[ExpressionBatch]:
    """Give the batches of some epochs, as the data module makes them."""
    expression = next(part.blocks())
    samples = SampleTensors(part.condition, torch.arange(N_SAMPLES), torch.from_numpy(DONORS))
    plan = BatchPlan([N_SAMPLES], batch_size=8, shuffle=True)
    draws = model.head.batch_pairs({"train": part})["train"]
    loader = PairedLoader(InMemoryLoader(expression, samples, plan), draws, expression, samples, seed=0, rank=0)
    for epoch in range(n_epochs):
        plan.set_epoch(epoch)
        yield from loader


def weigh(model: GenerativeModel, batch: ExpressionBatch, stage: Stage = Stage()) -> LossTerms:  # noqa: B008
    terms: LossTerms = model(batch, stage=stage, generator=torch.Generator().manual_seed(5))
    return terms


def all_pairs(model: GenerativeModel, part: SamplePart) -> tuple[Posterior, Posterior, Tensor, Tensor]:
    """Give both posteriors and Fisher's z of every two samples, and whether they are of one donor."""
    q = model.networks.infer(next(part.blocks()), part.condition)
    one, other = torch.tensor(list(combinations(range(N_SAMPLES), 2))).T
    first, second = (Posterior(q.mean[ends], q.log_variance[ends]) for ends in (one, other))
    assert isinstance(model.head, CorrelatedVAE)
    assert model.head.correlation is not None
    return first, second, model.head.correlation(first, second), torch.from_numpy(DONORS[one] == DONORS[other])


@torch.no_grad()
def test_the_pair_term_of_batches_averages_to_the_sum_over_all_edges(part: SamplePart) -> None:
    model = correlated_model(pairs=60)
    estimates = torch.stack([weigh(model, batch).extras["pair_term"][0] for batch in epochs(model, part, 50)])

    first, second, fisher_z, joined = all_pairs(model, part)
    clique = torch.tensor([4.0 if DONORS[one] < 2 else 3.0 for one, _ in combinations(range(N_SAMPLES), 2)])
    costs = pair_term(first, second, fisher_z, TAU).sum(dim=1)
    whole = (joined * 2 / clique * costs).sum() / N_SAMPLES

    error = estimates.std() / len(estimates) ** 0.5
    assert abs(whole) > 20 * error
    assert abs(estimates.mean() - whole) < 4 * error


@torch.no_grad()
def test_the_negative_term_of_batches_averages_to_the_whole_regulariser(part: SamplePart) -> None:
    """Tang et al. 2019: the mean KL, and the mutual information over the complete graph, each edge at 2 / N."""
    model = correlated_model(negatives=60, negative_weight=0.5)
    assert isinstance(model.head, CorrelatedVAE)
    assert model.head.correlation is not None
    for parameter in model.head.correlation.parameters():
        parameter.mul_(3)
    terms = [weigh(model, batch) for batch in epochs(model, part, 50)]
    information = torch.stack([(each.extras["negative_term"] - each.kl.sum(dim=1))[0] for each in terms])

    *_, fisher_z, _ = all_pairs(model, part)
    whole = 2 / N_SAMPLES * mutual_information(fisher_z).sum() / N_SAMPLES

    error = information.std() / len(information) ** 0.5
    assert whole > 20 * error
    assert abs(information.mean() - whole) < 4 * error


def test_the_objective_is_the_sum_of_its_terms(batch: ExpressionBatch) -> None:
    model = correlated_model(negative_weight=0.5)
    terms = weigh(model, batch, Stage(kl_weight=0.3))
    cost = terms.kl.sum(dim=1) + terms.extras["pair_term"] + 0.5 * terms.extras["negative_term"]
    torch.testing.assert_close(terms.objective, terms.reconstruction + 0.3 * cost)


def test_a_pair_term_is_the_weighted_sum_over_the_pairs_of_a_batch(batch: ExpressionBatch) -> None:
    model = correlated_model(posterior="independent")
    assert batch.pairs is not None
    first, second = (
        model.networks.infer(batch.pairs.expression[:, end], batch.pairs.condition[:, end]) for end in (0, 1)
    )
    costs = pair_term(first, second, torch.zeros(3, 2), TAU).sum(dim=1)
    expected = (batch.pairs.weight * costs).sum().expand(len(batch.expression))
    torch.testing.assert_close(weigh(model, batch).extras["pair_term"], expected)


def test_a_gradient_reaches_the_network_of_correlations(batch: ExpressionBatch) -> None:
    model = correlated_model(negative_weight=0.5)
    weigh(model, batch).objective.mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    ("options", "wanted"),
    [({"negative_weight": 0.5}, True), ({}, False), ({"negative_weight": 0.5, "posterior": "independent"}, False)],
)
def test_only_correlated_posteriors_with_a_weight_ask_for_negative_pairs(
    part: SamplePart, options: dict[str, Any], wanted: bool
) -> None:
    draws = correlated_model(**options).head.batch_pairs({"train": part})["train"]
    assert (draws.negatives is not None) is wanted


def test_independent_negative_pairs_leave_a_heavier_kl(batch: ExpressionBatch) -> None:
    model = correlated_model(negative_weight=0.5, posterior="independent")
    terms = weigh(model, batch._replace(negatives=None))
    torch.testing.assert_close(terms.extras["negative_term"], terms.kl.sum(dim=1))


def test_a_part_without_pairs_has_no_pair_term(batch: ExpressionBatch) -> None:
    assert batch.pairs is not None
    pairs = batch.pairs
    none = SamplePairs(pairs.expression[:0], pairs.condition[:0], pairs.weight[:0])
    assert (weigh(correlated_model(), batch._replace(pairs=none)).extras["pair_term"] == 0).all()


def test_a_graph_that_joins_nobody_is_refused(part: SamplePart) -> None:
    samples = part.samples.assign(donor_id=range(N_SAMPLES))
    lonely = SamplePart(samples=samples, condition=part.condition, blocks=part.blocks)
    with pytest.raises(ConfigError, match=r"SameDonor joins no two training samples\.\n  Remedy: another model/graph"):
        correlated_model().head.batch_pairs({"train": lonely})


def test_a_batch_without_pairs_is_an_error(batch: ExpressionBatch) -> None:
    with pytest.raises(ValueError, match="needs batches with pairs"):
        weigh(correlated_model(), batch._replace(pairs=None))


def test_a_prior_that_is_not_standard_normal_in_training_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"N\(0, I\).* ConditionalGaussian is not(.|\n)*Remedy: prior=standard_normal"
    ):
        correlated_model(prior=CONDITIONAL)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"tau": 0.0}, "tau must lie between 0 and 1"),
        ({"tau": 1.0}, "tau must lie between 0 and 1"),
        ({"posterior": "joint"}, "'joint'; the choices are: independent, correlated"),
        ({"pairs": 0}, "must be 1 or more"),
        ({"negatives": 0}, "must be 1 or more"),
        ({"negative_weight": -1.0}, "must be 0 or more"),
        ({"graph": {"_target_": "gtexgen.models.heads.cvae.CVAE"}}, "is not a GraphBuilder"),
        ({"graph": {**SAME_DONOR, "k": 3}}, "unknown option 'k'"),
    ],
)
def test_options_out_of_range_are_refused(option: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        correlated_model(**option)
