from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtexgen.training.moments import ConditionMoments


def moments_of(
    values: npt.NDArray[np.floating], condition: npt.NDArray[np.integer], cuts: list[int] | None = None
) -> ConditionMoments:
    moments = ConditionMoments(int(condition.max()) + 1, values.shape[1])
    for rows in np.split(np.arange(len(values)), sorted(set(cuts or []))):
        if len(rows):
            moments.add(values[rows], condition[rows])
    return moments


@given(
    condition=st.lists(st.integers(0, 4), min_size=8, max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=5),
    offset=st.sampled_from([0.0, 1e5]),
    seed=st.integers(0, 100),
)
def test_variances_are_those_of_the_whole_however_it_is_cut(
    condition: list[int], cuts: list[int], offset: float, seed: int
) -> None:
    numbers = np.array(condition)
    values = np.random.default_rng(seed).normal(offset, 1, (len(numbers), 3))
    moments = moments_of(values, numbers, cuts)
    np.testing.assert_allclose(moments.total(), values.var(axis=0, ddof=1), rtol=1e-6)
    residuals = pd.DataFrame(values).groupby(numbers).transform(lambda gene: gene - gene.mean())
    degrees = len(numbers) - len(set(condition))
    np.testing.assert_allclose(moments.within(), (residuals**2).sum() / degrees, rtol=1e-6)


def test_a_condition_of_one_sample_says_nothing_of_the_variance_within() -> None:
    values = np.random.default_rng(0).normal(size=(9, 3))
    condition = np.array([0, 0, 0, 0, 0, 0, 0, 1, 2])
    np.testing.assert_allclose(moments_of(values, condition).within(), values[:7].var(axis=0, ddof=1))


def test_the_variance_within_conditions_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    condition = np.repeat(np.arange(2000), rng.integers(1, 4, 2000))
    values = rng.normal(10 * condition[:, None], 1, (len(condition), 2))
    np.testing.assert_allclose(moments_of(values, condition).within(), 1, rtol=0.08)


@pytest.mark.parametrize("condition", [[0], [0, 1, 2]])
def test_what_is_undefined_is_nan(condition: list[int]) -> None:
    moments = moments_of(np.ones((len(condition), 2), dtype=np.float32), np.array(condition))
    assert np.isnan(moments.within()).all()
    assert np.isnan(moments.total()).all() == (len(condition) < 2)


def test_float32_values_are_summed_in_float64() -> None:
    values = np.random.default_rng(0).normal(1000, 0.1, (5000, 1)).astype(np.float32)
    expected = values.astype(np.float64).var(ddof=1)
    total = moments_of(values, np.zeros(5000, dtype=np.int64), list(range(0, 5000, 16))).total()
    np.testing.assert_allclose(total, expected, rtol=1e-9)
