"""Tables of any tool are read to be judged; what cannot be meant is refused with the remedy."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from gtexgen.data.tables.base import TableHeader
from gtexgen.data.tables.judged import JudgedTable, read_judged_table
from gtexgen.data.tables.writers import KNOWN_SUFFIXES, open_table_writer
from gtexgen.errors import DataError

GENES = pd.DataFrame(
    {
        "label": ["XIST", "ACTB", "TP53"],
        "gene_id": ["ENSG00000000001", "ENSG00000000002", "ENSG00000000003"],
        "symbol": ["XIST", "ACTB", "TP53"],
    },
    dtype="str",
)
LABELS = GENES["label"].tolist()
UNITS = np.array([[0, 120.5, 0.1], [1 / 3, 1e5, 2], [4, 5, 6]], dtype=np.float32)
LOG2 = np.log2(UNITS + 1)
COLUMNS = {"tissue": "tissue", "subtissue": "subtissue", "sex": "sex", "age": "age", "donor_id": "donor_id"}
TISSUES = ["Lung", "Skin", "Lung"]


def frame(values: np.ndarray = UNITS) -> pd.DataFrame:
    return pd.DataFrame(values, columns=LABELS).assign(tissue=TISSUES)


def read(path: Path, table: pd.DataFrame, columns: dict[str, str] | None = None, **options: object) -> JudgedTable:
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False)
    return read_judged_table(path, GENES, COLUMNS | (columns or {}), "tissue", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", KNOWN_SUFFIXES)
def test_what_our_writers_write_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table{suffix}"
    samples = pd.DataFrame(
        {"sample_id": ["a", "b", "c"], "tissue": TISSUES, "sex": ["male", None, "female"]}, dtype="str"
    )
    with open_table_writer(path, TableHeader(GENES, ["tissue", "sex"], "TPM")) as writer:
        writer.write(samples, UNITS)
    table = read_judged_table(path, GENES, COLUMNS, "tissue")
    np.testing.assert_allclose(table.expression, LOG2, rtol=1e-6)
    assert table.labels["tissue"].tolist() == TISSUES
    assert table.labels["sex"].isna().tolist() == [False, True, False]
    assert table.notes == []


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_labels_may_stand_after_the_genes_under_other_names(tmp_path: Path, suffix: str) -> None:
    given = frame().rename(columns={"tissue": "label"}).assign(AGE=["61", "20-29", ""], batch=1)
    columns = {"tissue": "label", "age": "AGE"}
    table = read(tmp_path / f"other{suffix}", given, columns)
    np.testing.assert_allclose(table.expression, LOG2, rtol=1e-6)
    assert table.labels["tissue"].tolist() == TISSUES
    assert table.labels["age"].tolist()[:2] == ["60-69", "20-29"]


def test_genes_are_found_by_id_with_a_version_and_put_in_the_stores_order(tmp_path: Path) -> None:
    renamed = frame().rename(columns=dict(zip(LABELS, ["ENSG00000000001.5", "ACTB", "ENSG00000000003.1"], strict=True)))
    table = read(tmp_path / "t.csv", renamed[renamed.columns[::-1]])
    assert table.genes == LABELS
    np.testing.assert_allclose(table.expression, LOG2, rtol=1e-6)


@pytest.mark.parametrize(("scale", "values"), [("log2", LOG2), ("log1p", np.log1p(UNITS)), ("linear", UNITS)])
def test_scales_come_to_log2(tmp_path: Path, scale: str, values: np.ndarray) -> None:
    table = read(tmp_path / "t.csv", frame(values), scale=scale)
    np.testing.assert_allclose(table.expression, LOG2, rtol=1e-4, atol=1e-6)


def test_a_table_that_may_be_logarithms_is_not_taken_for_store_units(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="may be logarithms") as error:
        read(tmp_path / "t.csv", frame(LOG2))
    assert "scale=log2" in str(error.value)


def test_a_table_that_cannot_be_logarithms_is_not_taken_for_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no logarithm"):
        read(tmp_path / "t.csv", frame(), scale="log2")


def test_values_below_zero_are_refused_or_counted(tmp_path: Path) -> None:
    below = UNITS.copy()
    below[1, 2], below[0, 1] = -0.5, -1
    with pytest.raises(DataError, match=r"'ACTB'.*row 1 holds -1.0, one of 2 values"):
        read(tmp_path / "t.csv", frame(below))
    table = read(tmp_path / "t.csv", frame(below), negative_as_zero=True)
    np.testing.assert_allclose(table.expression, np.log2(np.maximum(below, 0) + 1), rtol=1e-6)
    assert "2 values below 0 (22.22% of all) were taken for 0" in table.notes[0]


@pytest.mark.parametrize("cell", ["", "NA", "x", "inf"])
def test_what_is_no_number_is_refused(tmp_path: Path, cell: str) -> None:
    given = frame().astype({"ACTB": object})
    given.loc[1, "ACTB"] = cell
    with pytest.raises(DataError, match=r"t\.csv"):
        read(tmp_path / "t.csv", given)


def test_missing_genes_are_named_and_left_out_on_demand(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 of the 3 genes are not in the table: ACTB") as error:
        read(tmp_path / "t.csv", frame().drop(columns="ACTB"))
    assert "genes=shared" in str(error.value)
    table = read(tmp_path / "t.csv", frame().drop(columns="ACTB"), shared_genes=True, scale="linear")
    assert table.genes == ["XIST", "TP53"]
    np.testing.assert_allclose(table.expression, LOG2[:, [0, 2]], rtol=1e-6)
    assert "ACTB" in table.notes[0]


def test_a_table_without_any_gene_is_refused_even_on_demand(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="3 of the 3 genes"):
        read(tmp_path / "t.csv", frame()[["tissue"]].assign(other=1.0), shared_genes=True)


def test_the_label_that_is_missing_is_looked_for_among_the_other_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such column for the tissue") as error:
        read(tmp_path / "t.csv", frame().rename(columns={"tissue": "organ"}))
    assert "columns.tissue" in str(error.value)
    assert "organ" in str(error.value)


def test_samples_without_the_label_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 samples have no tissue, the first in row 2"):
        read(tmp_path / "t.csv", frame().assign(tissue=["Lung", "", "Lung"]))


def test_an_age_that_is_not_understood_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'old' is not understood"):
        read(tmp_path / "t.csv", frame().assign(age="old"))


def test_h5ad_is_read_by_symbols(tmp_path: Path) -> None:
    path = tmp_path / "t.h5ad"
    tissue = pd.Categorical(TISSUES, categories=pd.Index(["Lung", "Skin"], dtype=object))
    obs = pd.DataFrame({"tissue": tissue}, index=pd.Index(["a", "b", "c"], dtype=object))
    anndata.AnnData(UNITS, obs=obs, var=pd.DataFrame(index=pd.Index(LABELS, dtype=object))).write_h5ad(path)
    table = read_judged_table(path, GENES, COLUMNS, "tissue")
    np.testing.assert_allclose(table.expression, LOG2, rtol=1e-6)
    assert table.labels["tissue"].tolist() == TISSUES


def test_a_column_that_somebody_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'gender'.*no such column for the sex") as error:
        read(tmp_path / "t.csv", frame().assign(group="male"), {"sex": "gender"})
    assert "group" in str(error.value)


def test_a_table_without_labels_is_refused_where_one_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    frame().rename(columns={"tissue": "organ"}).to_csv(path, index=False)
    with pytest.raises(DataError, match="no such column for the tissue"):
        read_judged_table(path, GENES, COLUMNS, None, labelled=True)
    assert read_judged_table(path, GENES, COLUMNS, None).labels.empty
