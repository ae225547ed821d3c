"""Tables are compared by equally many samples of each condition."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtexgen.evaluation.samples import EVERYTHING, Comparison, Samples, matched_rows

LABELS = st.lists(st.sampled_from(["Lung", "Liver", "Skin", None]), max_size=30)


def table(tissue: list[str | None], donor: list[str | None] | None = None) -> Samples:
    """Give samples whose expression is their number."""
    labels = pd.DataFrame({"tissue": tissue}, dtype="str")
    if donor is not None:
        labels["donor_id"] = pd.Series(donor, dtype="str")
    return Samples(np.arange(len(tissue), dtype=np.float32)[:, None], labels)


@settings(max_examples=80, deadline=None)
@given(first=LABELS, second=LABELS, seed=st.integers(0, 50))
def test_matched_rows_have_the_same_labels_once_each_and_as_many_as_there_can_be(
    first: list[str | None], second: list[str | None], seed: int
) -> None:
    sides = [np.array(of, object) for of in (first, second)]
    rows = matched_rows(sides[0], sides[1], np.random.default_rng(seed))
    chosen = [side[of].tolist() for side, of in zip(sides, rows, strict=True)]
    assert chosen[0] == chosen[1]
    assert None not in chosen[0]
    assert all(len({*of.tolist()}) == len(of) for of in rows)
    counts = [Counter(of) for of in (first, second)]
    expected = {label: min(of[label] for of in counts) for label in ("Lung", "Liver", "Skin")}
    assert Counter(chosen[0]) == Counter({label: n for label, n in expected.items() if n})


def test_the_choice_is_by_chance() -> None:
    many, few = np.full(200, "Lung", object), np.full(20, "Lung", object)
    chosen = [matched_rows(many, few, np.random.default_rng(seed))[0] for seed in range(40)]
    assert np.mean(chosen) == pytest.approx(99.5, abs=8)
    assert len({*map(tuple, chosen)}) == 40


def test_a_comparison_keeps_rows_conditions_and_donors_together() -> None:
    real = table(["Skin", "Lung", None, "Lung", "Lung"], ["a", "b", "c", "b", "d"])
    synthetic = table(["Lung", "Liver", "Skin", "Lung"])
    found = Comparison.match(real, synthetic, "tissue", resamples=50, seed=0)
    assert found.condition.tolist() == ["Lung", "Lung", "Skin"]
    for numbers, side in ((found.real[:, 0], real), (found.synthetic[:, 0], synthetic)):
        assert side.labels["tissue"].iloc[numbers.astype(int)].tolist() == found.condition.tolist()
    assert found.donor.tolist() == real.labels["donor_id"].iloc[found.real[:, 0].astype(int)].tolist()
    assert found.real_weights.shape == found.synthetic_weights.shape == (50, 3)
    assert len({*found.synthetic_donor}) == 3


def test_synthetic_samples_of_one_named_donor_are_resampled_together() -> None:
    real = table(["Lung"] * 4, ["a", "b", "c", "d"])
    synthetic = table(["Lung"] * 4, ["x", "x", None, None])
    found = Comparison.match(real, synthetic, "tissue", resamples=300, seed=0)
    of = found.synthetic[:, 0].argsort()
    weights = found.synthetic_weights[:, of]
    np.testing.assert_array_equal(weights[:, 0], weights[:, 1])
    assert (weights[:, 2] != weights[:, 3]).any()
    np.testing.assert_array_equal(weights[:, [0, 2, 3]].sum(axis=1), 3)


def test_all_samples_can_be_compared_as_one() -> None:
    real = table(["Lung", "Skin", None], ["a", "b", "c"])
    bare = Samples(np.zeros((5, 1), np.float32), pd.DataFrame(index=range(5)))
    found = Comparison.match(real, bare, EVERYTHING, resamples=0, seed=0)
    assert len(found.condition) == 3
    assert len({*found.condition}) == 1
    assert found.real_weights.shape == (0, 3)


def test_tables_without_a_common_condition_give_an_empty_comparison() -> None:
    found = Comparison.match(table(["Lung"], ["a"]), table(["Skin"]), "tissue", resamples=4, seed=0)
    assert found.real.shape == found.synthetic.shape == (0, 1)
    assert found.real_weights.shape == (4, 0)


def test_samples_are_taken_by_position_or_mask_with_a_fresh_index() -> None:
    samples = table(["Lung", "Skin", None])
    for rows in (np.array([2, 1]), np.array([False, True, True])):
        taken = samples.take(rows)
        assert taken.labels.index.tolist() == [0, 1]
        assert len(taken) == 2
    assert samples.take(np.array([2, 1])).expression[:, 0].tolist() == [2, 1]
    assert samples.column("tissue").tolist() == ["Lung", "Skin", None]
