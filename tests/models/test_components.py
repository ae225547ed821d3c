"""Objects from configs: trusted classes only, and options checked by name and type."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gtexgen.errors import ConfigError
from gtexgen.models.components import IMPORTABLE, build_component, find_class
from gtexgen.models.likelihoods.base import Likelihood
from gtexgen.models.likelihoods.gaussian import GaussianLikelihood
from gtexgen.models.priors.base import Prior
from gtexgen.models.priors.standard_normal import StandardNormal

GAUSSIAN = "gtexgen.models.likelihoods.gaussian.GaussianLikelihood"


def build_gaussian(**options: object) -> GaussianLikelihood:
    widths = {"n_features": 3, "n_genes": 7, "n_conditions": 2, "n_latents": 2}
    return build_component({"_target_": GAUSSIAN, **options}, GaussianLikelihood, **widths)  # type: ignore[arg-type]


def test_what_the_program_knows_goes_where_it_is_asked_for() -> None:
    prior = build_component(
        {"_target_": "gtexgen.models.priors.standard_normal.StandardNormal"}, StandardNormal, n_latents=5, n_genes=7
    )
    assert prior.n_latents == 5


def test_options_reach_the_constructor() -> None:
    assert build_gaussian(minimum_scale=0.5).minimum_variance == 0.25


def test_a_whole_number_is_a_valid_float() -> None:
    assert build_gaussian(initial_scale=2).log_scale.exp().square()[0].item() == pytest.approx(4 - 1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"minimun_scale": 0.1},
            "unknown option 'minimun_scale'; its options are: initial_scale, minimum_scale, by_condition",
        ),
        ({"n_genes": 5}, "unknown option 'n_genes'"),
        ({"initial_scale": "wide"}, "initial_scale must be of type float, not 'wide'"),
        ({"initial_scale": True}, "initial_scale must be of type float, not True"),
        ({"initial_scale": None}, "initial_scale must be of type float, not None"),
    ],
)
def test_a_wrong_option_is_refused_with_the_valid_ones(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_gaussian(**options)


def test_a_missing_option_is_named() -> None:
    with pytest.raises(ConfigError, match="option 'n_genes' is missing"):
        build_component({"_target_": GAUSSIAN}, GaussianLikelihood, n_features=3)


def test_a_missing_target_is_named() -> None:
    with pytest.raises(ConfigError, match="needs a _target_"):
        build_component({"initial_scale": 1.0}, GaussianLikelihood)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("os.system", "not in a trusted package"),
        ("gtexgen_evil.Head", "not in a trusted package"),
        ("gtexgen.models.likelihood.GaussianLikelihood", "no module 'gtexgen.models.likelihood'"),
        ("gtexgen.models.likelihoods.gaussian.nn.Linear", "no module"),
        ("gtexgen.models.likelihoods.gaussian.Gaussian", "has: GaussianLikelihood"),
        ("gtexgen.models.likelihoods.base.Likelihood", "is not a Likelihood"),
        ("gtexgen.models.priors.standard_normal.StandardNormal", "is not a Likelihood"),
        ("gtexgen.models.networks.Likelihood", "is not a Likelihood"),
        ("GaussianLikelihood", "not in a trusted package"),
    ],
)
def test_any_other_target_is_refused(target: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        find_class(target, Likelihood)  # type: ignore[type-abstract]


def test_an_untrusted_module_is_not_even_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "someones_package.py").write_text("raise SystemExit('this code ran')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="trusted"):
        find_class("someones_package.Model", Likelihood)  # type: ignore[type-abstract]
    assert "someones_package" not in sys.modules


@pytest.mark.parametrize("target", ["Likelihood", ".Likelihood", "..models.Likelihood", "a..Likelihood", "", "a b.C"])
def test_what_is_no_dotted_path_is_refused_even_where_all_is_trusted(target: str) -> None:
    with pytest.raises(ConfigError, match="not the dotted path of a class"):
        find_class(target, Likelihood, trusted=IMPORTABLE)  # type: ignore[type-abstract]


def test_the_caller_can_trust_a_package_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_lab.py").write_text(
        "from gtexgen.models.priors.standard_normal import StandardNormal\n\nclass Wide(StandardNormal):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    prior = build_component(
        {"_target_": "my_lab.Wide"},
        Prior,  # type: ignore[type-abstract]
        trusted=("gtexgen.", "my_lab."),
        n_latents=3,
    )
    assert isinstance(prior, StandardNormal)
