"""The samples table from GTEx's two files and from anyone's own."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtexgen.data.annotations import (
    SAMPLE_COLUMNS,
    SampleColumns,
    age_bracket,
    read_samples,
    samples_from_frame,
    sex_name,
)
from gtexgen.data.sample_tables import as_text, read_text_table
from gtexgen.errors import DataError

ATTRIBUTES = (
    "SAMPID\tSMTS\tSMRIN\tSMTSD\n"
    "GTEX-A1-0001-SM-X\tLung\t6.5\tLung\n"
    "GTEX-A1-0002-SM-X\tBrain\t\tBrain - Cortex\n"
    "GTEX-B2-0001-SM-X\tLung\t7.0\tLung\n"
    "GTEX-C3-0001-SM-X\t\t5\t\n"
)
PHENOTYPES = "SUBJID\tSEX\tAGE\tDTHHRDY\nGTEX-A1\t1\t60-69\t4\nGTEX-B2\t2\t20-29\t\nGTEX-Z9\t2\t30-39\t0\n"


def write(folder: Path, text: str, name: str = "samples.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def gtex(folder: Path, attributes: str = ATTRIBUTES, phenotypes: str = PHENOTYPES) -> pd.DataFrame:
    subjects = write(folder, phenotypes, "subjects.txt")
    return read_samples(write(folder, attributes), subjects=subjects)


def test_gtex_files_are_joined_by_donor(tmp_path: Path) -> None:
    samples = gtex(tmp_path)
    assert list(samples.columns) == [*SAMPLE_COLUMNS, "SMRIN", "DTHHRDY"]
    assert (samples.dtypes == "str").all()
    assert samples["donor_id"].tolist() == ["GTEX-A1", "GTEX-A1", "GTEX-B2", "GTEX-C3"]
    assert samples["sex"].fillna("-").tolist() == ["male", "male", "female", "-"]
    assert samples["age"].fillna("-").tolist() == ["60-69", "60-69", "20-29", "-"]
    assert samples["tissue"].fillna("-").tolist() == ["Lung", "Brain", "Lung", "-"]
    assert samples["subtissue"].fillna("-").tolist() == ["Lung", "Brain - Cortex", "Lung", "-"]
    assert samples["SMRIN"].fillna("-").tolist() == ["6.5", "-", "7.0", "5"]
    assert samples["DTHHRDY"].fillna("-").tolist() == ["4", "4", "-", "-"]


def test_without_a_subject_table_sex_and_age_are_unknown(tmp_path: Path) -> None:
    samples = read_samples(write(tmp_path, ATTRIBUTES))
    assert samples[["sex", "age"]].isna().all(axis=None)


def test_a_table_of_ones_own_is_read_by_the_names_given(tmp_path: Path) -> None:
    text = "run,organ,region,person,gender,years,tissue\nr1,Lung,,P-1-x,F,41,FFPE\nr2,Brain,Cortex,P-2-x,m,9.5,NA\n"
    columns = SampleColumns(sample="run", donor="person", tissue="organ", subtissue="region", sex="gender", age="years")
    samples = read_samples(write(tmp_path, text, "table.csv"), columns=columns)
    assert samples.fillna("-").to_dict("list") == {
        "sample_id": ["r1", "r2"],
        "donor_id": ["P-1-x", "P-2-x"],
        "tissue": ["Lung", "Brain"],
        "subtissue": ["-", "Cortex"],
        "sex": ["female", "male"],
        "age": ["40-49", "0-9"],
        "other_tissue": ["FFPE", "-"],
    }


def test_null_columns_are_unknown_and_keep_their_text(tmp_path: Path) -> None:
    text = "sample_id,tissue,subtissue,sex,age\ns1,Lung,L,unknown,old\n"
    columns = SampleColumns(subtissue=None, sex=None, age=None)
    samples = read_samples(write(tmp_path, text, "table.csv"), columns=columns)
    assert samples[["subtissue", "sex", "age"]].isna().all(axis=None)
    assert samples[["other_subtissue", "other_sex", "other_age"]].iloc[0].tolist() == ["L", "unknown", "old"]


def test_a_subject_column_of_a_taken_name_is_told_apart(tmp_path: Path) -> None:
    text = "sample_id,donor_id,tissue,batch\ns1,d1,Lung,1\n"
    subjects = write(tmp_path, "donor_id,batch,sex\nd1,site A,2\n", "subjects.csv")
    samples = read_samples(write(tmp_path, text, "table.csv"), subjects=subjects)
    assert samples[["batch", "subject_batch", "sex"]].to_numpy().tolist() == [["1", "site A", "female"]]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "csv.gz", "parquet"])
def test_every_kind_of_table_gives_the_same_samples(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame(
        {
            "sample_id": ["a", "b"],
            "tissue": ["Lung", "Liver"],
            "SEX": [1, 2],
            "RIN": [6.5, np.nan],
            "n": [1.0, 2],
        }
    )
    path = tmp_path / f"table.{suffix}"
    if suffix == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    samples = read_samples(path)
    assert samples["sex"].tolist() == ["male", "female"]
    assert samples["RIN"].fillna("-").tolist() == ["6.5", "-"]
    assert samples_from_frame(frame.set_index("sample_id"))["n"].tolist() == ["1", "2"]


def test_a_frame_gives_the_same_samples_as_its_file(tmp_path: Path) -> None:
    samples = gtex(tmp_path)
    again = samples_from_frame(samples.set_index("sample_id"))
    pd.testing.assert_frame_equal(again, samples)


# Rules


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[(code, "male") for code in ("1", "m", "M", "male", "Male", "MALE", "1.0")],
        ("2", "female"),
        ("f", "female"),
    ],
)
def test_sex_codes(text: str, expected: str) -> None:
    assert sex_name(text) == expected


@pytest.mark.parametrize("text", ["3", "0", "unknown", "99", "man"])
def test_other_sexes_are_errors(text: str) -> None:
    with pytest.raises(ValueError, match="1, m or male"):
        sex_name(text)


@given(st.floats(0, 129.999))
def test_years_fall_into_their_bracket(years: float) -> None:
    low, high = map(int, age_bracket(repr(years)).split("-"))
    assert high == low + 9
    assert low % 10 == 0
    assert low <= years < high + 1


@given(st.integers(0, 12))
def test_brackets_stay(decade: int) -> None:
    bracket = f"{10 * decade}-{10 * decade + 9}"
    assert age_bracket(bracket) == bracket


@pytest.mark.parametrize("text", ["60-79", "60-70", "65-74", "old", "-3", "130", "nan", "inf", "60+"])
def test_other_ages_are_errors(text: str) -> None:
    with pytest.raises(ValueError, match="ten-year bracket"):
        age_bracket(text)


def test_whole_numbers_lose_their_point() -> None:
    values: list[tuple[Any, list[str | None]]] = [
        (pd.Series([1.0, np.nan]), ["1", None]),
        (pd.Series([1.5, 2.0]), ["1.5", "2.0"]),
        (pd.Series([True, False]), ["True", "False"]),
        (pd.Series(pd.Categorical(["a", None])), ["a", None]),
        (pd.Series(["NA", "x"]), [None, "x"]),
    ]
    for column, expected in values:
        text = as_text(column)
        assert text.dtype == "str"
        assert [None if pd.isna(cell) else cell for cell in text] == expected


# Malformed tables


def test_bad_codes_are_named_by_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"subjects\.txt, line 3, column 'SEX': '3' is not understood[\s\S]*male"):
        gtex(tmp_path, phenotypes=PHENOTYPES.replace("B2\t2", "B2\t3"))
    with pytest.raises(DataError, match=r"subjects\.txt, line 2, column 'AGE': 'sixty'"):
        gtex(tmp_path, phenotypes=PHENOTYPES.replace("60-69", "sixty"))


def test_duplicates_and_empty_keys_are_named_by_line(tmp_path: Path) -> None:
    repeated = ATTRIBUTES + "GTEX-A1-0001-SM-X\tLung\t1\tLung\n"
    with pytest.raises(DataError, match=r"samples\.txt, line 6, column 'SAMPID'.*twice \(first on line 2\)"):
        gtex(tmp_path, repeated)
    with pytest.raises(DataError, match=r"subjects\.txt, line 5, column 'SUBJID': 'GTEX-A1' occurs twice"):
        gtex(tmp_path, phenotypes=PHENOTYPES + "GTEX-A1\t1\t60-69\t4\n")
    with pytest.raises(DataError, match=r"samples\.txt, line 6, column 'SAMPID': the cell is empty"):
        gtex(tmp_path, ATTRIBUTES + "\tLung\t1\tLung\n")
    with pytest.raises(DataError, match=r"t\.csv, line 3, column 'donor': the cell is empty"):
        read_samples(write(tmp_path, "sample,donor,tissue\na,x,L\nb,,L\n", "t.csv"))


def test_missing_columns_list_those_there_are(tmp_path: Path) -> None:
    path = write(tmp_path, "id,organ\na,Lung\n", "t.csv")
    with pytest.raises(DataError, match=r"t\.csv, column 'SAMPID'[\s\S]*data\.columns\.sample.*id, organ"):
        read_samples(path)
    with pytest.raises(DataError, match=r"column 'SMTS'[\s\S]*data\.columns\.tissue"):
        read_samples(path, columns=SampleColumns(sample="id"))
    columns = SampleColumns(sample="id", tissue="organ", age="years")
    with pytest.raises(DataError, match=r"column 'years'[\s\S]*data\.columns\.age"):
        read_samples(path, columns=columns)


def test_tables_without_a_common_donor_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none of the donors[\s\S]*data\.columns\.donor"):
        gtex(tmp_path, phenotypes="SUBJID\tSEX\tAGE\nOTHER-1\t1\t60-69\n")


@pytest.mark.parametrize("line", ["GTEX-D4-0001-SM-X\tLung", "GTEX-D4-0001-SM-X\tLung\t1\tLung\t2"])
def test_a_ragged_line_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError, match=r"samples\.txt, line 6: the row has \d cells where the header has 4"):
        gtex(tmp_path, ATTRIBUTES + line + "\n")


def test_what_is_no_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        read_text_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match="unknown kind of table"):
        read_text_table(write(tmp_path, "x", "table.xlsx"))
    with pytest.raises(DataError, match="holds no rows"):
        read_text_table(write(tmp_path, "a,b\n", "t.csv"))
    with pytest.raises(DataError, match="column 'a': the header names this column twice"):
        read_text_table(write(tmp_path, "a,a\n1,2\n", "t.csv"))
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n")[:-6])
    with pytest.raises(DataError, match="gzip stream is damaged or cut off"):
        read_text_table(path)


def test_notes_in_latin_1_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_bytes("sample\ttissue\tnotes\na\tLung\t5\xb5m\n".encode("latin-1"))
    assert read_samples(path)["notes"].tolist() == ["5\xb5m"]


def test_real_tables(real_data: Path) -> None:
    folder = real_data / "gtex_v6"
    samples = read_samples(
        folder / "gtex_v6_SampleAttributesDS.txt", subjects=folder / "gtex_v6_SubjectPhenotypesDS.txt"
    )
    assert len(samples) == 6129
    assert samples["donor_id"].nunique() == 392
    assert (samples["tissue"].nunique(), samples["subtissue"].nunique()) == (30, 53)
    assert samples[list(SAMPLE_COLUMNS)].notna().all(axis=None)
    assert set(samples.loc[samples["tissue"].isin(["Prostate", "Testis"]), "sex"]) == {"male"}
