"""Real samples that a user gives are checked before they are believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gtexgen.data.conditions import ConditionEncoder
from gtexgen.errors import DataError
from gtexgen.generator.given import GivenDonors, expression_of

LABELS = ["XIST", "ACTB"]
PATH = Path("real.csv")


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample_id": ["B-1-x", "A-1-x", "B-1-y"],
            "donor_id": ["B-1", "A-1", "B-1"],
            "tissue": ["Lung", "Liver", "Liver"],
            "sex": ["male", "female", "male"],
            "XIST": [1.0, 2.0, 3.0],
            "ACTB": [4.0, 5.0, 6.0],
        }
    )


def given(samples: pd.DataFrame, fields: tuple[str, ...] = ("tissue", "sex")) -> GivenDonors:
    encoder = ConditionEncoder(dict.fromkeys(fields, "one_hot"))
    encoder.fit(pd.DataFrame({"tissue": ["Lung", "Liver"], "sex": ["male", "female"]}))
    expression = expression_of(samples, LABELS, "TPM", PATH)
    donor_fields = [name for name in fields if name != "tissue"]
    return GivenDonors.of(samples, expression, encoder=encoder, donor_fields=donor_fields, path=PATH)


def test_samples_are_sorted_by_donor_with_all_that_is_theirs() -> None:
    found = given(table())
    assert found.donors.to_dict("list") == {"donor_id": ["B-1", "A-1"], "sex": ["male", "female"]}
    assert found.samples["donor"].tolist() == [0, 0, 1]
    assert found.samples["tissue"].tolist() == ["Lung", "Liver", "Liver"]
    assert found.expression.tolist() == [[1, 4], [3, 6], [2, 5]]
    assert found.condition.tolist() == [[0, 1, 0, 1], [1, 0, 0, 1], [1, 0, 1, 0]]


def test_gtex_s_sample_ids_name_their_donors() -> None:
    pd.testing.assert_frame_equal(given(table().drop(columns="donor_id")).donors, given(table()).donors)


def test_a_sex_may_be_written_as_gtex_does_and_may_be_no_condition() -> None:
    found = given(table().assign(sex=["1", "2", "1"]), ("tissue",))
    assert found.donors["sex"].tolist() == ["male", "female"]
    found = given(table().drop(columns="sex"), ("tissue",))
    assert found.donors["sex"].isna().all()


def test_a_value_that_one_sample_has_counts_for_the_donor() -> None:
    found = given(table().assign(sex=pd.Series(["male", "female", None], dtype="str")))
    assert found.samples["sex"].tolist() == ["male", "male", "female"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda samples: samples.drop(columns="ACTB"), "1 of the generator's 2 genes are not in the table: ACTB"),
        (lambda samples: samples.assign(ACTB=[1, np.nan, 2]), "column 'ACTB': row 1 holds nan"),
        (lambda samples: samples.assign(ACTB=[1, 1, -2]), "column 'ACTB': row 2 holds -2.0"),
        (lambda samples: samples.drop(columns="tissue"), "condition columns are not in the table: tissue"),
        (lambda samples: samples.assign(tissue="Moon"), "column 'tissue': training has no 'Moon'; known: Liver, Lung"),
        (lambda samples: samples.assign(sex=["male", "female", "female"]), "column 'sex': donor 'B-1' has 'male' and"),
        (lambda samples: samples.assign(sex="?"), "column 'sex': '\\?' is not understood"),
        (lambda samples: samples.assign(sex=[None, "female", None]), "column 'sex': 2 samples have no value"),
        (lambda samples: samples.assign(donor_id=["B-1", None, "B-1"]), "column 'donor_id': row 1 has no donor"),
        (lambda samples: samples.drop(columns=["donor_id", "sample_id"]), "not in the table: sample_id"),
        (
            lambda samples: samples.drop(columns="donor_id").assign(sample_id=["a", "b", "c"]),
            "column 'donor_id': .*sample id 'a' is not of the kind",
        ),
    ],
)
def test_what_is_wrong_is_named_with_file_column_and_remedy(
    change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    with pytest.raises(DataError, match=rf"real\.csv.*{message}"):
        given(change(table()))


def test_a_sample_that_is_there_twice_is_refused() -> None:
    with pytest.raises(DataError, match=r"'B-1-x' is there more than once") as caught:
        given(table().assign(sample_id=["B-1-x", "A-1-x", "B-1-x"]))
    assert str(PATH) in str(caught.value)


def test_fractions_are_no_counts() -> None:
    counts = table().assign(ACTB=[4.0, 5.5, 6.0])
    with pytest.raises(DataError, match=r"5\.5, which is not a count") as caught:
        expression_of(counts, LABELS, "counts", PATH)
    assert "ACTB" in str(caught.value)
    assert expression_of(counts.assign(ACTB=5.0), LABELS, "counts", PATH).shape == (3, 2)
