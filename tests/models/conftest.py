"""What the tests of the models share: a small batch, and every part that ``conf/`` ships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from gtexgen.data.batches import ExpressionBatch
from gtexgen.models.build import ModelSpec

CONF = Path(__file__).parents[2] / "conf"


def shipped(group: str) -> list[Any]:
    """Give the config of every choice in a group of ``conf/``: a new one is tested without a new test."""
    return [
        pytest.param(yaml.safe_load(path.read_text()), id=path.stem) for path in sorted((CONF / group).glob("*.yaml"))
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a contract test for each shipped choice of the groups it names."""
    for fixture, group in {
        "model_config": "model",
        "likelihood_config": "likelihood",
        "prior_config": "prior",
    }.items():
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, shipped(group))


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
def batch() -> ExpressionBatch:
    """Six samples of three donors, eleven genes in [0, 1] and three conditions."""
    generator = torch.Generator().manual_seed(7)
    return ExpressionBatch(
        expression=torch.rand(6, 11, generator=generator),
        condition=torch.eye(3)[torch.arange(6) % 3],
        sample_index=torch.arange(6),
        donor_index=torch.arange(6) // 2,
    )
