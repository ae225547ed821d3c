from __future__ import annotations

import optuna
import pytest

from gtexgen.tuning.spaces import heads, layers


@pytest.mark.parametrize(
    ("width", "number", "expected"), [(512, 2, [512, 256]), (128, 1, [128]), (1024, 3, [1024, 512, 256])]
)
def test_each_layer_halves_the_one_before(width: int, number: int, expected: list[int]) -> None:
    assert layers(optuna.trial.FixedTrial({"layers.width": width, "layers.number": number})) == {
        "model.hidden": expected
    }


@pytest.mark.parametrize(
    ("model", "own"),
    [("cvae", {}), ("beta_vae", {"model.head.beta": 2.0}), ("correlated_vae", {"model.head.tau": 0.5})],
)
def test_a_head_has_its_own_option_and_no_other(model: str, own: dict[str, float]) -> None:
    trial = optuna.trial.FixedTrial({"model": model, "layers.width": 256, "layers.number": 1, **own})
    assert heads(trial) == {"model": model, "model.hidden": [256], **own}
