"""The weight of the KL over epochs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtexgen.errors import ConfigError
from gtexgen.models.schedules import LinearWarmup


def test_the_weight_rises_by_equal_steps_and_stays() -> None:
    assert [LinearWarmup(4)(epoch) for epoch in range(1, 7)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("epochs", [0, 1])
def test_no_warmup_is_full_weight_from_the_first_epoch(epochs: int) -> None:
    assert LinearWarmup(epochs)(1) == 1.0


@given(epochs=st.integers(0, 100), epoch=st.integers(1, 200))
def test_the_weight_is_a_share_that_never_falls(epochs: int, epoch: int) -> None:
    schedule = LinearWarmup(epochs)
    assert 0 < schedule(epoch) <= schedule(epoch + 1) <= 1
    assert epoch < epochs or schedule(epoch) == 1


def test_a_negative_length_is_refused() -> None:
    with pytest.raises(ConfigError, match="kl_warmup_epochs"):
        LinearWarmup(-1)
