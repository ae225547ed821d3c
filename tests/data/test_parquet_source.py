"""Parquet in either orientation, and the original project's pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gtexgen.data.annotations import samples_from_frame
from gtexgen.data.formats.parquet import ParquetGenesInRows, ParquetSamplesInRows, open_parquet
from gtexgen.errors import DataError


@pytest.fixture
def matrix() -> pd.DataFrame:
    """Three samples by four genes."""
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    return pd.DataFrame(values, pd.Index(["D-1-a", "D-1-b", "D-2-c"], name="Name"), ["XIST", "A", "B", "C"])


def test_the_original_pair_carries_its_samples(matrix: pd.DataFrame, tmp_path: Path) -> None:
    matrix.to_parquet(tmp_path / "v8_expressions.parquet")
    samples = pd.DataFrame(
        {
            "Age": ["60-69", "20-29", "50-59"],
            "Tissue": ["Lung", "Liver", "Lung"],
            "Sex": [1, 1, 2],
            "Death": [4.0, 4.0, np.nan],
        },
        index=matrix.index,
    )
    samples.to_parquet(tmp_path / "v8_samples.parquet")
    source = open_parquet(tmp_path / "v8_expressions.parquet")
    assert isinstance(source, ParquetSamplesInRows)
    assert source.embedded_samples is not None
    table = samples_from_frame(source.embedded_samples)
    assert list(table.columns) == ["sample_id", "donor_id", "tissue", "subtissue", "sex", "age", "Death"]
    assert table["donor_id"].tolist() == ["D-1", "D-1", "D-2"]
    assert table["sex"].tolist() == ["male", "male", "female"]
    assert table["Death"].tolist()[:2] == ["4", "4"]
    (block,) = source.blocks(np.array([0, 2]), 10)
    np.testing.assert_array_equal(block.values, matrix.to_numpy()[[0, 2]].T)


def test_annotations_among_the_columns_are_embedded(matrix: pd.DataFrame, tmp_path: Path) -> None:
    table = matrix.rename_axis("sample_id").reset_index()
    table.insert(1, "tissue", ["Lung", "Lung", "Liver"])
    table["tissue"] = table["tissue"].astype("category")
    table.to_parquet(tmp_path / "synthetic.parquet", index=False)
    source = open_parquet(tmp_path / "synthetic.parquet")
    assert isinstance(source, ParquetSamplesInRows)
    assert source.embedded_samples is not None
    assert source.embedded_samples["tissue"].to_dict() == {"D-1-a": "Lung", "D-1-b": "Lung", "D-2-c": "Liver"}
    assert [name for block in source.blocks(np.arange(3), 3) for name in block.ids] == ["XIST", "A", "B", "C"]


def test_the_only_column_of_text_names_the_rows(matrix: pd.DataFrame, tmp_path: Path) -> None:
    matrix.T.rename_axis("probe").reset_index().to_parquet(tmp_path / "e.parquet", index=False)
    source = open_parquet(tmp_path / "e.parquet", sample_ids=["D-1-b"])
    assert isinstance(source, ParquetGenesInRows)
    assert source.genes.ids == ["XIST", "A", "B", "C"]
    blocks = list(source.blocks(np.array([True, False, True]), 1))
    np.testing.assert_array_equal(np.concatenate(blocks), matrix.to_numpy()[[0, 2]])


@pytest.mark.parametrize(("bad", "shown"), [(-2.0, "-2.0"), (np.inf, "inf"), (None, "None")])
def test_a_bad_value_is_named_by_column_and_row(
    matrix: pd.DataFrame, tmp_path: Path, bad: float | None, shown: str
) -> None:
    matrix.loc["D-1-b", "B"] = bad
    matrix.to_parquet(tmp_path / "e.parquet")
    source = open_parquet(tmp_path / "e.parquet", orientation="samples_in_rows")
    with pytest.raises(DataError, match=rf"e\.parquet, column 'B': {shown} is not .*\(in row 2, 'D-1-b'\)"):
        list(source.blocks(np.arange(3), 4))


def test_a_column_of_text_is_no_gene(matrix: pd.DataFrame, tmp_path: Path) -> None:
    matrix.assign(batch=["x", "y", "z"]).to_parquet(tmp_path / "e.parquet")
    with pytest.raises(DataError, match=r"e\.parquet, column 'batch': the column holds .*string, not numbers"):
        open_parquet(tmp_path / "e.parquet", orientation="samples_in_rows")


def test_duplicate_samples_are_an_error(matrix: pd.DataFrame, tmp_path: Path) -> None:
    matrix.rename(index={"D-2-c": "D-1-a"}).to_parquet(tmp_path / "e.parquet")
    with pytest.raises(DataError, match="sample 'D-1-a' occurs twice"):
        open_parquet(tmp_path / "e.parquet", orientation="samples_in_rows")


def test_a_table_without_names_and_a_file_of_another_kind_are_errors(matrix: pd.DataFrame, tmp_path: Path) -> None:
    matrix.reset_index(drop=True).to_parquet(tmp_path / "e.parquet")
    with pytest.raises(DataError, match=r"no column names the rows[\s\S]*sample_id"):
        open_parquet(tmp_path / "e.parquet")
    (tmp_path / "f.parquet").write_bytes(b"no Parquet at all")
    with pytest.raises(DataError, match=r"f\.parquet: not a readable Parquet"):
        open_parquet(tmp_path / "f.parquet")
