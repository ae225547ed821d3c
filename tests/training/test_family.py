"""Heads, likelihoods and priors that ``conf/`` ships, any two together: trained, generated from and loaded again."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product
from pathlib import Path

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from gtexgen.baselines import BASELINES
from gtexgen.commands.stores import find_or_prepare
from gtexgen.config.locations import conf_folder
from gtexgen.config.resolvers import register_resolvers
from gtexgen.config.schema import TrainSettings
from gtexgen.config.validation import validate
from gtexgen.errors import ConfigError
from gtexgen.generator import Generator
from gtexgen.training.experiment import check_parts, run_experiment

SMALL = [
    "data.donors=24",
    "data.samples=240",
    "data.genes=30",
    "model.hidden=[16]",
    "model.latent=3",
    "trainer.max_epochs=1",
    "trainer.progress_bar=false",
    "trainer.accelerator=cpu",
    "logger=none",
]
NEEDED_BY_LIKELIHOOD = {
    "bernoulli": ["scaling=log_min_max"],
    "negative_binomial": ["scaling=none", "data.units=counts"],
}
SHORT_FIT = {"fitted_flow": {"steps": 20}}
NEEDS_STANDARD_NORMAL = "N\\(0, I\\)"


def choices(group: str) -> list[str]:
    return sorted(path.stem for path in (conf_folder() / group).glob("*.yaml"))


def heads() -> list[str]:
    """Give each choice of ``conf/model`` that is no baseline, the beta-VAE with each of its objectives."""
    objectives = [f"beta_vae objective={objective}" for objective in choices("model/objective")]
    return [*(head for head in choices("model") if head not in {"beta_vae", *BASELINES}), *objectives]


def settings_of(head: str, likelihood: str, prior: str, outputs: Path) -> TrainSettings:
    model, *own = head.split()
    overrides = [f"model={model}", *(f"model/{choice}" for choice in own), f"likelihood={likelihood}", f"prior={prior}"]
    register_resolvers()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        needed = NEEDED_BY_LIKELIHOOD.get(likelihood, [])
        config = compose("train", overrides=[*overrides, *SMALL, f"outputs={outputs}", *needed])
    return validate(config, TrainSettings)


def refused(head: str, prior: str) -> bool:
    """Whether the head's objective compares latents with N(0, I) while the prior is another in training."""
    return prior == "conditional_gaussian" and ("total_correlation" in head or "correlated_vae" in head)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("family")


def triples() -> list[tuple[str, str, str]]:
    """Give heads, likelihoods and priors so that any two meet; all triples would take four times as long."""
    every = product(heads(), choices("likelihood"), choices("prior"))
    possible = [triple for triple in every if not refused(triple[0], triple[2])]
    given: list[tuple[str, str, str]] = []
    met: set[tuple[str, str]] = set()
    for least in (3, 2, 1):
        for triple in possible:
            new = set(combinations(triple, 2)) - met
            if len(new) >= least:
                given.append(triple)
                met |= new
    return given


@pytest.mark.slow
@pytest.mark.parametrize(("head", "likelihood", "prior"), triples())
def test_trains_generates_and_reloads(head: str, likelihood: str, prior: str, outputs: Path, tmp_path: Path) -> None:
    settings = settings_of(head, likelihood, prior, outputs)
    settings = replace(settings, prior={**settings.prior, **SHORT_FIT.get(prior, {})})
    check_parts(settings)
    result = run_experiment(settings, find_or_prepare(settings), tmp_path / prior)
    assert result.epochs == 1
    first, again = (Generator.load(tmp_path / prior).sample(20, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    expression = first.drop(columns=["sample_id", "tissue"]).to_numpy()
    assert expression.shape == (20, 30)
    assert (expression >= 0).all()


@pytest.mark.parametrize(
    ("head", "prior"), [pair for pair in product(heads(), choices("prior")) if refused(*pair)], ids=str
)
def test_what_makes_no_sense_is_refused_with_a_reason(head: str, prior: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=NEEDS_STANDARD_NORMAL):
        check_parts(settings_of(head, "gaussian", prior, tmp_path))


@pytest.mark.parametrize(("likelihood", "reason"), [("bernoulli", "from 0 to 1"), ("negative_binomial", "counts")])
def test_a_likelihood_refuses_values_that_it_cannot_explain(likelihood: str, reason: str, tmp_path: Path) -> None:
    settings = settings_of("cvae", likelihood, "standard_normal", tmp_path)
    settings.scaling.transform, settings.scaling.method = "log2", "standard"
    with pytest.raises(ConfigError, match=reason):
        check_parts(settings)
