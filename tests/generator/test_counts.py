from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtexgen.errors import GeneratorError
from gtexgen.generator.counts import combination_numbers, count_combinations, resolve_counts

FIELDS = ["tissue", "subtissue", "sex"]


@pytest.fixture
def training() -> pd.DataFrame:
    """Ninety lungs, nine brains in two subtissues, one prostate; one brain of unknown sex."""
    rows = (
        [("Lung", "Lung", "male")] * 60
        + [("Lung", "Lung", "female")] * 30
        + [("Brain", "Brain - Cortex", "male")] * 6
        + [("Brain", "Brain - Amygdala", "female")] * 2
        + [("Brain", "Brain - Amygdala", None)]
        + [("Prostate", "Prostate", "male")]
    )
    return count_combinations(pd.DataFrame(rows, columns=FIELDS), FIELDS)


def as_dict(counts: pd.DataFrame) -> dict[tuple[Any, ...], int]:
    return {
        tuple(None if pd.isna(value) else value for value in row[:-1]): row[-1]
        for row in counts.itertuples(index=False, name=None)
    }


def test_combinations_are_counted_in_order_with_missing_last(training: pd.DataFrame) -> None:
    assert list(as_dict(training).items()) == [
        (("Brain", "Brain - Amygdala", "female"), 2),
        (("Brain", "Brain - Amygdala", None), 1),
        (("Brain", "Brain - Cortex", "male"), 6),
        (("Lung", "Lung", "female"), 30),
        (("Lung", "Lung", "male"), 60),
        (("Prostate", "Prostate", "male"), 1),
    ]


def test_training_gives_the_training_counts(training: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(resolve_counts("training", training, FIELDS), training)


def test_a_total_is_shared_out_by_the_largest_remainder() -> None:
    training = pd.DataFrame({"tissue": ["A", "B", "C"], "n": [41, 34, 25]})
    shares = as_dict(resolve_counts(10, training, ["tissue"]))
    assert shares == {("A",): 4, ("B",): 3, ("C",): 3}  # quotas 4.1, 3.4, 2.5


@given(
    weights=st.lists(st.integers(1, 500), min_size=1, max_size=20),
    total=st.integers(1, 10_000),
)
def test_a_total_is_kept_and_no_share_is_off_by_one(weights: list[int], total: int) -> None:
    training = pd.DataFrame({"tissue": [f"T{i:02d}" for i in range(len(weights))], "n": weights})
    shares = as_dict(resolve_counts(total, training, ["tissue"]))
    quotas = total * np.array(weights) / sum(weights)
    assert sum(shares.values()) == total
    for tissue, quota in zip(training["tissue"], quotas, strict=True):
        assert abs(shares.get((tissue,), 0) - quota) < 1


def test_values_are_sought_in_the_first_column_that_knows_them_all(training: pd.DataFrame) -> None:
    by_tissue = resolve_counts({"Lung": 20, "Brain": 10}, training, FIELDS)
    assert by_tissue.groupby("tissue")["n"].sum().to_dict() == {"Lung": 20, "Brain": 10}
    by_subtissue = resolve_counts({"Lung": 20, "Brain - Cortex": 10}, training, FIELDS)
    assert by_subtissue.groupby("subtissue")["n"].sum().to_dict() == {"Lung": 20, "Brain - Cortex": 10}


def test_open_columns_follow_the_joint_training_distribution(training: pd.DataFrame) -> None:
    drawn = as_dict(resolve_counts({"Lung": 90_000}, training, FIELDS, seed=3))
    assert drawn[("Lung", "Lung", "male")] == pytest.approx(60_000, abs=600)  # four standard deviations
    assert set(drawn) == {("Lung", "Lung", "male"), ("Lung", "Lung", "female")}


def test_a_seed_gives_the_same_draw_and_another_seed_another(training: pd.DataFrame) -> None:
    draws = [as_dict(resolve_counts({"Lung": 1000}, training, FIELDS, seed=seed)) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_combinations_can_be_whole_partial_repeated_or_missing(training: pd.DataFrame) -> None:
    whole = {"tissue": "Lung", "subtissue": "Lung", "sex": "female"}
    drawn = as_dict(resolve_counts([whole | {"n": 5}, whole | {"n": 2}, {"sex": None, "n": 4}], training, FIELDS))
    assert drawn == {("Lung", "Lung", "female"): 7, ("Brain", "Brain - Amygdala", None): 4}


def test_an_unseen_combination_needs_leave(training: pd.DataFrame) -> None:
    request = [{"tissue": "Prostate", "sex": "female", "n": 9}]
    with pytest.raises(GeneratorError, match=r"tissue='Prostate': sex='male'.\n.*allow_unseen=true"):
        resolve_counts(request, training, FIELDS)
    drawn = resolve_counts(request, training, FIELDS, allow_unseen=True)
    assert drawn["n"].sum() == 9
    assert set(drawn["tissue"]) == {"Prostate"}
    assert set(drawn["sex"]) == {"female"}


def test_without_conditions_only_a_number_makes_sense() -> None:
    training = count_combinations(pd.DataFrame({"tissue": ["Lung"] * 7}), [])
    assert resolve_counts("training", training, [])["n"].tolist() == [7]
    assert resolve_counts(12, training, [])["n"].tolist() == [12]
    with pytest.raises(GeneratorError, match="without conditions"):
        resolve_counts({"Lung": 3}, training, [])


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ("everything", "is not understood. Use counts=training"),
        (2.5, "is not understood"),
        (True, "is not understood"),
        (0, "no samples at all"),
        (-1, "whole number of 0 or more"),
        ({"Lung": 0}, "no samples at all"),
        ({"Lung": 1.5}, "samples for Lung must be a whole number"),
        ({"Lung": True}, "samples for Lung must be a whole number"),
        ({"Lungs": 5}, r"never seen 'Lungs'. Known values:\n  tissue: 'Brain', 'Lung', 'Prostate'"),
        ({"Lung": 5, "female": 5}, "No single condition column knows all of 'Lung', 'female'"),
        ([{"tissue": "Lung"}], "not a combination with its n"),
        (["Lung"], "not a combination with its n"),
        (
            [{"age": "20-29", "n": 5}],
            r"not conditioned. Its condition columns: tissue, subtissue, sex.\n.*=\[tissue,subtissue,sex,age\]",
        ),
        ([{"sex": "unknown", "n": 5}], "no sex 'unknown'. Known: 'female', 'male', null"),
    ],
)
@pytest.mark.parametrize("allow_unseen", [False, True])
def test_a_request_that_cannot_be_met_says_what_is_known(
    training: pd.DataFrame, counts: Any, message: str, allow_unseen: bool
) -> None:
    with pytest.raises(GeneratorError, match=message):
        resolve_counts(counts, training, FIELDS, allow_unseen=allow_unseen)


def test_a_condition_column_cannot_be_called_n() -> None:
    with pytest.raises(GeneratorError, match="called 'n'"):
        count_combinations(pd.DataFrame({"n": ["a"]}), ["n"])


def test_every_sample_is_found_among_the_combinations() -> None:
    columns = {"tissue": ["Lung", "Liver", "Lung", None], "sex": ["male", "female", None, "male"]}
    samples = pd.DataFrame(columns, dtype="str")
    combinations = count_combinations(samples, ["tissue", "sex"])
    numbers = combination_numbers(samples, combinations)
    found = combinations.drop(columns="n").iloc[numbers].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, samples)
    other = pd.DataFrame({"tissue": ["Lung", "Moon"], "sex": ["female", "male"]}, dtype="str")
    assert combination_numbers(other, combinations).tolist() == [-1, -1]


def test_without_conditions_all_samples_are_of_one_combination() -> None:
    samples = pd.DataFrame({"sample_id": ["a", "b", "c"]})
    assert combination_numbers(samples, count_combinations(samples, [])).tolist() == [0, 0, 0]
