"""The weight of the KL over epochs."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gtexgen.errors import ConfigError
from gtexgen.models.schedules import SCHEDULES, CyclicalWarmup, LinearWarmup, Schedule, kl_schedule


def weights(schedule: Schedule, epochs: int) -> list[float]:
    return [schedule(epoch) for epoch in range(1, epochs + 1)]


def test_the_weight_rises_by_equal_steps_and_stays() -> None:
    assert weights(LinearWarmup(4), 6) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("epochs", [0, 1])
def test_no_warmup_is_full_weight_from_the_first_epoch(epochs: int) -> None:
    assert LinearWarmup(epochs)(1) == 1.0


def test_a_cyclical_weight_rises_over_half_of_each_cycle() -> None:
    rising, full = [0.25, 0.5, 0.75, 1.0], [1.0] * 4
    assert weights(CyclicalWarmup(16, 2), 18) == [*rising, *full, *rising, *full, 1.0, 1.0]


@given(name=st.sampled_from(SCHEDULES), epochs=st.integers(0, 100), cycles=st.integers(1, 10))
def test_a_weight_is_a_share_that_is_1_from_the_end_of_its_schedule(name: str, epochs: int, cycles: int) -> None:
    assume(name != "cyclical" or epochs >= 4 * cycles)
    schedule = kl_schedule(name, epochs=epochs, cycles=cycles)
    assert all(0 < weight <= 1 for weight in weights(schedule, 110))
    assert schedule.epochs <= epochs
    assert {schedule(epoch) for epoch in (max(schedule.epochs, 1), schedule.epochs + 1, 1000, math.inf)} == {1.0}


@given(epochs=st.integers(0, 100), epoch=st.integers(1, 200))
def test_a_linear_weight_never_falls(epochs: int, epoch: int) -> None:
    schedule = LinearWarmup(epochs)
    assert schedule(epoch) <= schedule(epoch + 1)
    assert epoch >= epochs or schedule(epoch) < 1


@given(cycles=st.integers(1, 10), length=st.integers(4, 20))
def test_every_cycle_is_the_first_one_again(cycles: int, length: int) -> None:
    schedule = CyclicalWarmup(cycles * length, cycles)
    assert weights(schedule, cycles * length) == pytest.approx(cycles * weights(schedule, length))
    assert schedule(1) < 1


def test_numbers_that_make_no_schedule_are_refused() -> None:
    with pytest.raises(ConfigError, match="0 epochs or more, not -1"):
        LinearWarmup(-1)
    with pytest.raises(ConfigError, match=r"4 cycles do not fit into 10 epochs(.|\n)*model.kl.epochs=16"):
        CyclicalWarmup(10, 4)
    with pytest.raises(ConfigError, match="'cosine'; the choices are: constant, linear, cyclical"):
        kl_schedule("cosine", epochs=10, cycles=4)
