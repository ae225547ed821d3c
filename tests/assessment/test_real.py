"""Real samples are read as parts that share no donor."""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np
import pytest

from gtexgen.assessment.membership import Membership, by_new_split
from gtexgen.assessment.real import RealParts, read_parts
from gtexgen.data.store import ExpressionStore
from gtexgen.errors import ConfigError

SPLIT = {"by": "donor", "validation": 0.3, "test": 0.3, "min_donors": 3}


@pytest.fixture(scope="module")
def membership(store: ExpressionStore) -> Membership:
    return by_new_split(store.samples, SPLIT, seed=0)


def parts_of(
    store: ExpressionStore, membership: Membership, part: Literal["test", "validation"] = "test", seed: int = 0
) -> RealParts:
    return read_parts(store, membership, store.labels[5:25][::-1], part, seed=seed)


@pytest.mark.parametrize("part", ["test", "validation"])
def test_no_donor_is_in_two_parts_and_no_sample_is_lost(
    store: ExpressionStore, membership: Membership, part: Literal["test", "validation"]
) -> None:
    real = parts_of(store, membership, part)
    assert real.independent is not None
    assert real.second_independent is not None
    parts = [real.training, real.held_out, real.independent, real.second_independent]
    donors = [{*of.labels["donor_id"]} for of in parts]
    assert not any(first & second for first, second in combinations(donors, 2))
    assert sum(map(len, parts)) == store.n_samples
    assert donors[1] == {*store.samples["donor_id"].iloc[membership.rows(part)]}


def test_the_halves_of_the_independent_donors_are_drawn_by_the_seed(
    store: ExpressionStore, membership: Membership
) -> None:
    donors = []
    for of in (0, 0, 1):
        half = parts_of(store, membership, seed=of).independent
        assert half is not None
        donors.append({*half.labels["donor_id"]})
    assert donors[0] == donors[1] != donors[2]


def test_expression_is_log2_of_the_wanted_genes_in_their_order(store: ExpressionStore, membership: Membership) -> None:
    real = parts_of(store, membership)
    units = store.read(membership.rows("train"))[:, 5:25][:, ::-1]
    np.testing.assert_allclose(real.training.expression, np.log2(units + 1), rtol=1e-6)
    assert real.training.labels["tissue"].tolist() == store.samples["tissue"].iloc[membership.rows("train")].tolist()


def test_real_samples_stand_in_for_tables_and_others_for_privacy(
    store: ExpressionStore, membership: Membership
) -> None:
    real = parts_of(store, membership)
    candidate = real.candidate(seeds=3)
    assert [draw() for draw in candidate.draws] == [real.training] * 3
    assert candidate.private_draws is not None
    assert [draw() for draw in candidate.private_draws] == [real.second_independent]


def test_without_independent_donors_there_are_no_halves(store: ExpressionStore, membership: Membership) -> None:
    only_test = Membership(np.where(membership.parts == "validation", "", membership.parts), "it", [])
    real = parts_of(store, only_test)
    assert real.independent is None
    assert real.second_independent is None
    assert real.candidate(seeds=1).private_draws == []


def test_too_few_held_out_samples_are_refused(store: ExpressionStore, membership: Membership) -> None:
    parts = np.where(membership.parts == "test", "", membership.parts)
    parts[membership.rows("test")[:19]] = "test"
    with pytest.raises(ConfigError, match="the test part holds 19 samples"):
        parts_of(store, Membership(parts, "it", []))


def test_a_store_without_training_samples_is_refused(store: ExpressionStore, membership: Membership) -> None:
    parts = np.where(membership.parts == "train", "", membership.parts)
    with pytest.raises(ConfigError, match="none of the store's samples was trained on"):
        parts_of(store, Membership(parts, "it", []))
