from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtexgen.data.conditions import ConditionEncoder
from gtexgen.errors import ConfigError, DataError

AGES = ["20-29", "30-39", "40-49", "50-59", "60-69", "70-79"]

rows = st.fixed_dictionaries(
    {
        "tissue": st.sampled_from(["Lung", "Liver", "Brain", "Skin"]),
        "sex": st.sampled_from(["male", "female", None]),
        "age": st.sampled_from([*AGES, None]),
    }
)
encodings = st.fixed_dictionaries(
    {},
    optional={
        "age": st.sampled_from(["one_hot", "ordinal", "midpoint"]),
        "tissue": st.just("one_hot"),
        "sex": st.just("one_hot"),
    },
)


def frame(**columns: Sequence[str | None]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(list(values), dtype="str") for name, values in columns.items()})


@settings(deadline=None)
@given(st.lists(rows, min_size=1, max_size=20), encodings)
def test_decode_inverts_encode(table_rows: list[dict[str, str | None]], fields: dict[str, str]) -> None:
    table = pd.DataFrame(table_rows).astype("str")
    if any(table[column].isna().all() for column in fields):
        with pytest.raises(DataError, match="no training sample"):
            ConditionEncoder(fields).fit(table)
        return
    encoder = ConditionEncoder(fields).fit(table)
    condition = encoder.encode(table)
    assert condition.dtype == np.float32
    assert condition.shape == (len(table), encoder.n_features)
    assert np.isfinite(condition).all()
    expected = table[list(fields)]
    pd.testing.assert_frame_equal(encoder.decode(condition), expected)
    restored = ConditionEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
    assert restored.feature_names == encoder.feature_names
    assert (restored.encode(table) == condition).all()


def test_one_hot() -> None:
    encoder = ConditionEncoder({"tissue": "one_hot"}).fit(frame(tissue=["Lung", "Brain", "Liver"]))
    assert encoder.vocabulary == {"tissue": ["Brain", "Liver", "Lung"]}
    assert encoder.encode(frame(tissue=["Liver", "Lung"])).tolist() == [[0, 1, 0], [0, 0, 1]]


def test_ordinal_is_a_thermometer() -> None:
    encoder = ConditionEncoder({"age": "ordinal"}).fit(frame(age=["60-69", "20-29", "30-39"]))
    assert encoder.feature_names == ["age>=30-39", "age>=60-69"]
    assert encoder.encode(frame(age=["20-29", "30-39", "60-69"])).tolist() == [[0, 0], [1, 0], [1, 1]]


def test_ordinal_counts_and_does_not_spell() -> None:
    encoder = ConditionEncoder({"DTHHRDY": "ordinal"}).fit(frame(DTHHRDY=["10", "9", "0"]))
    assert encoder.vocabulary == {"DTHHRDY": ["0", "9", "10"]}


def test_midpoint_is_linear_in_years() -> None:
    encoder = ConditionEncoder({"age": "midpoint"}).fit(frame(age=AGES))
    assert encoder.feature_names == ["age"]
    expected = (np.array([25, 35, 45, 55, 65, 75]) - 20) / 60
    assert encoder.encode(frame(age=AGES))[:, 0] == pytest.approx(expected)


def test_fields_are_joined_in_the_declared_order() -> None:
    table = frame(sex=["male", "female"], tissue=["Lung", "Liver"])
    one = ConditionEncoder({"sex": "one_hot", "tissue": "one_hot"}).fit(table)
    other = ConditionEncoder({"tissue": "one_hot", "sex": "one_hot"}).fit(table)
    assert one.feature_names == ["sex=female", "sex=male", "tissue=Liver", "tissue=Lung"]
    assert (one.encode(table)[:, [2, 3, 0, 1]] == other.encode(table)).all()


def test_no_fields_are_a_condition_of_width_zero() -> None:
    encoder = ConditionEncoder({}).fit(frame(tissue=["Lung"]))
    condition = encoder.encode(frame(tissue=["Lung", "Liver"]))
    assert condition.shape == (2, 0)
    assert len(encoder.decode(condition)) == 2


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("one_hot", [0, 0, 1]), ("ordinal", [0, 1]), ("midpoint", [0, 1])],
)
def test_missing_in_training_has_a_feature_of_its_own(encoding: str, expected: list[float]) -> None:
    encoder = ConditionEncoder({"age": encoding}).fit(frame(age=["20-29", None, "30-39"]))
    assert encoder.feature_names[-1] == "age missing"
    condition = encoder.encode(frame(age=[None, "30-39"]))
    assert condition[0].tolist() == expected
    assert condition[1, -1] == 0
    assert encoder.decode(condition)["age"].isna().tolist() == [True, False]


def test_missing_at_encoding_alone_is_an_error() -> None:
    encoder = ConditionEncoder({"sex": "one_hot"}).fit(frame(sex=["male", "female"]))
    with pytest.raises(DataError, match=r"(?s)column 'sex'.*1 samples have no value.*female, male.*Remedy"):
        encoder.encode(frame(sex=["male", None]))


def test_an_unknown_value_lists_the_known_ones() -> None:
    encoder = ConditionEncoder({"tissue": "one_hot"}).fit(frame(tissue=["Lung", "Liver"]))
    with pytest.raises(DataError, match=r"column 'tissue'.*'Tail'.*known: Liver, Lung"):
        encoder.encode(frame(tissue=["Lung", "Tail"]))


def test_an_absent_column_is_named() -> None:
    encoder = ConditionEncoder({"tissue": "one_hot"})
    with pytest.raises(DataError, match=r"column tissue.*it has: sex"):
        encoder.fit(frame(sex=["male"]))


@pytest.mark.parametrize("encoding", ["ordinal", "midpoint"])
def test_what_has_no_order_has_no_ordinal(encoding: str) -> None:
    with pytest.raises(DataError, match=r"(?s)column 'tissue'.*'Lung'.*one_hot"):
        ConditionEncoder({"tissue": encoding}).fit(frame(tissue=["Lung"]))


def test_an_unknown_encoding_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"spline.*one_hot, ordinal, midpoint"):
        ConditionEncoder({"age": "spline"})


def test_decode_refuses_another_width() -> None:
    encoder = ConditionEncoder({"sex": "one_hot"}).fit(frame(sex=["male", "female"]))
    with pytest.raises(DataError, match="sex=female, sex=male"):
        encoder.decode(np.zeros((1, 3), dtype=np.float32))


def test_use_before_fit() -> None:
    with pytest.raises(RuntimeError, match="before it is fitted"):
        ConditionEncoder({"sex": "one_hot"}).encode(frame(sex=["male"]))
