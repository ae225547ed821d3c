"""The bootstrap draws donors, not samples, and its interval holds the truth as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtexgen.evaluation.resampling import LEVEL, donor_weights, interval


@settings(max_examples=50, deadline=None)
@given(donor=st.lists(st.sampled_from(["a", "b", "c", "d", None]), max_size=25), seed=st.integers(0, 100))
def test_samples_of_one_donor_count_alike_and_as_many_donors_are_drawn_as_there_are(
    donor: list[str | None], seed: int
) -> None:
    labels = np.array(donor, object)
    weights = donor_weights(labels, 7, np.random.default_rng(seed))
    assert weights.shape == (7, len(donor))
    names = [*dict.fromkeys(donor)]
    firsts = [donor.index(name) for name in names]
    for name, first in zip(names, firsts, strict=True):
        of = np.array([other == name for other in donor])
        assert (weights[:, of] == weights[:, [first]]).all()
    if donor:
        np.testing.assert_array_equal(weights[:, firsts].sum(axis=1), len(names))


def test_every_donor_counts_once_on_average() -> None:
    weights = donor_weights(np.repeat(np.arange(20), 3), 4000, np.random.default_rng(0))
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.1)
    np.testing.assert_allclose(weights.var(axis=0), 1 - 1 / 20, atol=0.15)


def test_the_interval_of_a_mean_holds_the_truth_as_often_as_it_says() -> None:
    """Samples of one donor are alike: resampling them singly would give intervals that are far too short."""
    rng = np.random.default_rng(1)
    donor = np.repeat(np.arange(60), 5)
    covered = {"donors": 0, "samples": 0}
    for _ in range(200):
        values = rng.normal(size=60)[donor] + 0.5 * rng.normal(size=len(donor))
        for how, of in {"donors": donor, "samples": np.arange(len(donor))}.items():
            weights = donor_weights(of, 150, rng)
            found = interval([values.mean()], [weights @ values / weights.sum(axis=1)])
            assert found is not None
            covered[how] += found[0] <= 0 <= found[1]
    assert covered["donors"] / 200 == pytest.approx(LEVEL, abs=0.05)
    assert covered["samples"] / 200 < 0.8


def test_a_bias_of_the_resamples_does_not_move_the_interval() -> None:
    replicates = np.random.default_rng(0).normal(size=400)
    assert interval([3.0], [replicates + 50]) == pytest.approx(interval([3.0], [replicates]))


def test_too_few_resamples_give_no_interval() -> None:
    assert interval([1.0], [np.empty(0)]) is None
    assert interval([1.0], [np.array([1.0, np.nan])]) is None
