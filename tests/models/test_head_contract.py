"""What every head that ``conf/`` ships must do, and a CVAE with every likelihood and every prior."""

from __future__ import annotations

import pytest
import torch

from gtexgen.data.batches import ExpressionBatch
from gtexgen.models.build import GenerativeModel, ModelSpec, build_model
from gtexgen.models.heads.base import LossTerms, Stage

N_GENES, N_CONDITIONS = 11, 3


@pytest.fixture
def model(spec: ModelSpec) -> GenerativeModel:
    torch.manual_seed(0)
    return build_model(spec, N_GENES, N_CONDITIONS)


def weigh(model: GenerativeModel, batch: ExpressionBatch, stage: Stage = Stage()) -> LossTerms:  # noqa: B008
    terms: LossTerms = model(batch, stage=stage, generator=torch.Generator().manual_seed(5))
    return terms


def test_terms_have_one_finite_value_a_sample(model: GenerativeModel, batch: ExpressionBatch) -> None:
    terms = weigh(model, batch)
    per_sample = {**terms._asdict(), **terms.extras, "elbo": terms.elbo}
    for name in ("objective", "reconstruction", "squared_error", "elbo", *terms.extras):
        assert per_sample[name].shape == (len(batch.expression),), name
        assert per_sample[name].isfinite().all(), name
    assert terms.posterior.mean.shape == terms.posterior.log_variance.shape == (len(batch.expression), 4)


def test_terms_mean_what_they_say(model: GenerativeModel, batch: ExpressionBatch) -> None:
    terms = weigh(model, batch)
    torch.testing.assert_close(terms.elbo, -(terms.reconstruction + terms.kl.sum(dim=1)))
    torch.testing.assert_close(terms.kl, model.networks.prior.kl(terms.posterior, batch.condition))
    assert (terms.squared_error >= 0).all()
    assert not terms.squared_error.requires_grad


def test_kl_weight_changes_the_objective_only(model: GenerativeModel, batch: ExpressionBatch) -> None:
    model.eval()
    full, half = weigh(model, batch), weigh(model, batch, Stage(kl_weight=0.5))
    assert not torch.equal(full.objective, half.objective)
    assert torch.equal(full.elbo, half.elbo)


def test_a_gradient_reaches_every_parameter(model: GenerativeModel, batch: ExpressionBatch) -> None:
    weigh(model, batch).objective.mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_eval_is_deterministic_given_a_generator(model: GenerativeModel, batch: ExpressionBatch) -> None:
    model.eval()
    first, again = weigh(model, batch), weigh(model, batch)
    assert torch.equal(first.objective, again.objective)
    assert torch.equal(first.elbo, again.elbo)


def test_state_dict_round_trip(spec: ModelSpec, model: GenerativeModel, batch: ExpressionBatch) -> None:
    torch.manual_seed(1)
    other = build_model(ModelSpec.from_dict(spec.to_dict()), N_GENES, N_CONDITIONS)
    assert not torch.equal(weigh(other, batch).elbo, weigh(model, batch).elbo)
    other.load_state_dict(model.state_dict())
    assert torch.equal(weigh(other, batch).elbo, weigh(model, batch).elbo)


@pytest.mark.parametrize("noise", [True, False])
def test_a_seed_reproduces_synthetic_samples(model: GenerativeModel, batch: ExpressionBatch, noise: bool) -> None:
    model.eval()
    first, again, other = (
        model.networks.sample(batch.condition, torch.Generator().manual_seed(seed), noise=noise) for seed in (3, 3, 4)
    )
    assert first.shape == batch.expression.shape
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_model_without_condition_trains_and_samples(spec: ModelSpec, batch: ExpressionBatch) -> None:
    model = build_model(spec, N_GENES, 0)
    assert batch.pairs is not None
    pairs = batch.pairs._replace(condition=batch.pairs.condition[..., :0])
    batch = batch._replace(condition=batch.condition[:, :0], pairs=pairs, negatives=pairs)
    assert weigh(model, batch).objective.isfinite().all()
    assert model.networks.sample(batch.condition).shape == batch.expression.shape


def test_training_lowers_the_objective(model: GenerativeModel, batch: ExpressionBatch) -> None:
    optimiser = torch.optim.Adam(model.parameters(), lr=0.03)
    before = weigh(model, batch).objective.mean()
    for _ in range(40):
        optimiser.zero_grad()
        weigh(model, batch).objective.mean().backward()
        optimiser.step()
    assert weigh(model, batch).objective.mean() < before - 0.5
