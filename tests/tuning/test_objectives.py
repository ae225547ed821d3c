from __future__ import annotations

import math

import pytest

from gtexgen.errors import ConfigError
from gtexgen.tuning.objectives import objective_values, read_bounds

METRICS = {"val/elbo": -160.0, "active_latents": 7.0, "val/kl": math.nan}


def test_values_are_those_of_the_metrics_in_their_order() -> None:
    assert objective_values(METRICS, ["active_latents", "val/elbo"]) == [7.0, -160.0]


def test_a_metric_that_was_not_measured_is_refused_with_those_that_were() -> None:
    with pytest.raises(ConfigError, match=r"'val/elbow'.*Did you mean 'val/elbo'"):
        objective_values(METRICS, ["val/elbow"])
    with pytest.raises(ConfigError, match=r"val/kl is nan"):
        objective_values(METRICS, ["val/kl"])


@pytest.mark.parametrize(("bound", "violation"), [(">=5", -2), (">= 9", 2), ("<=5", 2), ("<=7", 0), (">=1e1", 3)])
def test_a_bound_is_violated_by_what_is_beyond_it(bound: str, violation: float) -> None:
    (read,) = read_bounds({"active_latents": bound})
    assert read.violation(METRICS) == violation


@pytest.mark.parametrize("text", ["5", "=>5", "<=five", ">=", ">5"])
def test_what_is_no_bound_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"active_latents.*no bound"):
        read_bounds({"active_latents": text})
