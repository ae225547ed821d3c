from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gtexgen.evaluation.moments import Moments, welch


def samples(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three groups of 8, 5 and 12 samples of four genes, and two samples of no group."""
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat([0, 1, 2, -1], [8, 5, 12, 2]))
    return 10 + groups[:, None] * rng.normal(size=4) + rng.normal(size=(27, 4)), groups


def test_the_moments_of_a_group_are_those_of_its_samples_as_often_as_they_count() -> None:
    expression, groups = samples()
    weights = np.random.default_rng(1).integers(1, 4, (2, 27)).astype(np.float32)
    weights[:, :3] = 0
    moments = Moments.of(expression, weights, groups)
    for resample in range(2):
        repeated = np.repeat(np.arange(27), weights[resample].astype(int))
        for group in range(3):
            values = expression[repeated][groups[repeated] == group]
            assert moments.n[resample, group] == len(values)
            np.testing.assert_allclose(moments.mean[resample, group], values.mean(axis=0))
            np.testing.assert_allclose(moments.variance[resample, group], values.var(axis=0, ddof=1))


def test_the_rest_of_a_group_is_all_the_others() -> None:
    expression, groups = samples()
    rest = Moments.of(expression, np.ones((1, 27)), groups).rest()
    for group in range(3):
        others = expression[(groups != group) & (groups >= 0)]
        assert rest.n[0, group] == len(others)
        np.testing.assert_allclose(rest.mean[0, group], others.mean(axis=0))
        np.testing.assert_allclose(rest.variance[0, group], others.var(axis=0, ddof=1))


def test_the_test_is_welchs() -> None:
    expression, groups = samples()
    moments = Moments.of(expression, np.ones((1, 27)), groups)
    found = welch(moments.groups(np.array([0, 2])), moments.groups(np.array([1, 1])))
    for position, group in enumerate((0, 2)):
        expected = stats.ttest_ind(expression[groups == group], expression[groups == 1], equal_var=False)
        np.testing.assert_allclose(found.t[0, position], expected.statistic)
        np.testing.assert_allclose(found.p[0, position], expected.pvalue)


@pytest.mark.parametrize(("second", "t", "p"), [(3.0, 0.0, 1.0), (2.0, np.inf, 0.0)])
def test_groups_without_variance_are_the_same_or_surely_not(second: float, t: float, p: float) -> None:
    expression = np.array([[3.0], [3.0], [3.0], [second], [second]])
    moments = Moments.of(expression, np.ones((1, 5)), np.array([0, 0, 0, 1, 1]))
    found = welch(moments.groups(np.array([0])), moments.groups(np.array([1])))
    assert (found.t.item(), found.p.item()) == (t, p)


def test_a_group_that_a_resample_lacks_has_no_test_and_adds_nothing_to_the_rest() -> None:
    expression, groups = samples()
    weights = np.where(groups == 1, 0.0, 1.0)[None]
    moments = Moments.of(expression, weights, groups)
    assert np.isnan(welch(moments.groups(np.array([0])), moments.groups(np.array([1]))).t).all()
    np.testing.assert_allclose(moments.rest().mean[0, 0], expression[groups == 2].mean(axis=0))
    np.testing.assert_allclose(moments.rest().mean[0, 1], expression[(groups == 0) | (groups == 2)].mean(axis=0))
