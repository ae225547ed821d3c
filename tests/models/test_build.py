"""Specs: plain values, checked; and the models they give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from gtexgen.errors import ConfigError
from gtexgen.models.build import ModelSpec, build_model, build_networks
from gtexgen.models.heads.cvae import CVAE
from gtexgen.models.likelihoods.bernoulli import BernoulliLikelihood
from gtexgen.models.priors.standard_normal import StandardNormal


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"latent": 0}, r"model\.latent must be a whole number of 1 or more, not 0"),
        ({"latent": 2.5}, r"model\.latent must be a whole number of 1 or more, not 2\.5"),
        ({"hidden": [64, 0]}, r"model\.hidden must be a whole number of 1 or more, not 0"),
        ({"dropout": 1.0}, r"model\.dropout must be 0 or more and below 1, not 1\.0"),
        (
            {"activation": "swish"},
            "unknown choice 'swish'; the choices are: relu, leaky_relu, elu, gelu, silu, tanh",
        ),
        ({"normalisation": "instance"}, "the choices are: none, batch, layer"),
    ],
)
def test_a_value_out_of_range_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ModelSpec(**values)


def test_a_spec_survives_json() -> None:
    spec = ModelSpec(latent=7, hidden=[32, 16], dropout=0.1, prior={"_target_": "a.b", "wide": True})
    assert ModelSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_an_unknown_key_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="unknown option 'latnet'; the options are: latent, hidden"):
        ModelSpec.from_dict({"latnet": 3})


def test_a_model_has_the_parts_its_spec_names() -> None:
    spec = ModelSpec(latent=4, likelihood={"_target_": "gtexgen.models.likelihoods.bernoulli.BernoulliLikelihood"})
    model = build_model(spec, n_genes=11, n_conditions=3)
    assert isinstance(model.head, CVAE)
    assert isinstance(model.networks.prior, StandardNormal)
    assert isinstance(model.networks.likelihood, BernoulliLikelihood)
    assert model.networks.likelihood.logits.out_features == 11


@pytest.fixture
def my_heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_heads.py").write_text(
        "from gtexgen.models.heads.cvae import CVAE\n"
        "from gtexgen.models.priors.standard_normal import StandardNormal\n"
        "class Mine(CVAE):\n    pass\n"
        "class Wide(StandardNormal):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("my_heads")
def test_a_head_may_be_the_users_own_and_what_a_generator_needs_may_not() -> None:
    mine = ModelSpec(hidden=[8], head={"_target_": "my_heads.Mine"})
    assert type(build_model(mine, 11, 3).head).__name__ == "Mine"
    with pytest.raises(ConfigError, match=r"'my_heads\.Wide' is not in a trusted package"):
        build_model(ModelSpec(hidden=[8], prior={"_target_": "my_heads.Wide"}), 11, 3)


def test_networks_need_no_head() -> None:
    torch.manual_seed(0)
    networks = build_networks(ModelSpec(hidden=[8], head={"_target_": "not_installed.Head"}), 11, 3)
    torch.manual_seed(0)
    model = build_model(ModelSpec(hidden=[8]), 11, 3)
    assert {name for name, _ in networks.named_parameters()} == {name for name, _ in model.networks.named_parameters()}
    assert all(torch.equal(a, b) for a, b in zip(networks.parameters(), model.networks.parameters(), strict=True))


def test_one_seed_gives_one_set_of_weights() -> None:
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(build_model(ModelSpec(hidden=[8]), 11, 3).state_dict())
    first, again, other = (state["networks.encoder.posterior.weight"] for state in states)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_spec_can_be_tried_without_memory_or_weights() -> None:
    state = torch.get_rng_state()
    with torch.device("meta"):
        model = build_model(ModelSpec(hidden=[100_000]), n_genes=60_000, n_conditions=0)
    assert next(model.parameters()).is_meta
    assert torch.equal(torch.get_rng_state(), state)
