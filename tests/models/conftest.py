"""What the tests of the models share: a small batch, and every part that ``conf/`` ships."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import Tensor

from gtexgen.data.batches import ExpressionBatch, SamplePairs
from gtexgen.models.build import ModelSpec
from gtexgen.models.components import find_class
from gtexgen.models.likelihoods.base import Likelihood

CONF = Path(__file__).parents[2] / "conf"
GROUPS = {"model_config": "model", "likelihood_config": "likelihood", "prior_config": "prior"}
DEFAULTS = {"model": "cvae", "likelihood": "gaussian", "prior": "fitted_gaussian"}


@cache
def shipped(group: str) -> dict[str, Any]:
    """Give the config of every choice in a group of ``conf/`` by name: a new one is tested without a new test."""
    files = sorted((CONF / group).glob("*.yaml"))
    if group == "model":
        networks = [path for path in files if "shared@_here_: networks" in path.read_text()]
        return {name: config for path in networks for name, config in composed(path)}
    return {path.stem: yaml.safe_load(path.read_text()) for path in files}


def composed(path: Path) -> Iterator[tuple[str, Any]]:
    """Give a choice of ``conf/model``, with each choice of the group that it alone has."""
    groups = [group for entry in yaml.safe_load(path.read_text())["defaults"] if entry != "_self_" for group in entry]
    own = [[f"model/{group}={choice}"] for group in groups if "@" not in group for choice in shipped(f"model/{group}")]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for overrides in own or [[]]:
            model = compose("train", overrides=[f"model={path.stem}", *overrides]).model
            yield " ".join([path.stem, *overrides]), OmegaConf.to_container(model)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a contract test for each shipped choice of the groups it names.

    Where it names several, each choice of one is taken with the default choices of the others.
    """
    named = {fixture: group for fixture, group in GROUPS.items() if fixture in metafunc.fixturenames}
    star = dict.fromkeys(
        tuple(choice if group == ray else DEFAULTS[group] for group in named.values())
        for ray in named.values()
        for choice in shipped(ray)
    )
    if named:
        configs = [
            [shipped(group)[choice] for group, choice in zip(named.values(), point, strict=True)] for point in star
        ]
        metafunc.parametrize(list(named), configs, ids=["-".join(point) for point in star])


@pytest.fixture
def spec(model_config: dict[str, Any], likelihood_config: dict[str, Any], prior_config: dict[str, Any]) -> ModelSpec:
    return ModelSpec(
        latent=4,
        hidden=[16, 8],
        head=model_config["head"],
        likelihood=likelihood_config,
        prior=prior_config,
    )


@pytest.fixture
def expression(request: pytest.FixtureRequest) -> Tensor:
    """Six samples of eleven genes in [0, 1], or of counts where the likelihood is of counts."""
    values = torch.rand(6, 11, generator=torch.Generator().manual_seed(7))
    if "likelihood_config" in request.fixturenames:
        target = request.getfixturevalue("likelihood_config")["_target_"]
        if find_class(target, Likelihood).support == "counts":  # type: ignore[type-abstract]
            return (50 * values).round()
    return values


@pytest.fixture
def batch(expression: Tensor) -> ExpressionBatch:
    """Six samples of three donors and three conditions; with pairs of them."""
    condition = torch.eye(3)[torch.arange(6) % 3]
    pairs, negatives = (
        SamplePairs(expression[ends], condition[ends], torch.full((3,), 0.2))
        for ends in (torch.arange(6).view(3, 2), torch.tensor([[0, 2], [1, 4], [3, 5]]))
    )
    return ExpressionBatch(
        expression=expression,
        condition=condition,
        sample_index=torch.arange(6),
        donor_index=torch.arange(6) // 2,
        pairs=pairs,
        negatives=negatives,
    )
