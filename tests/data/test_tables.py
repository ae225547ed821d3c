from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from gtexgen.data.tables.base import TableHeader
from gtexgen.data.tables.writers import KNOWN_SUFFIXES, open_table_writer
from gtexgen.errors import DataError

GENES = pd.DataFrame(
    {
        "label": ["XIST", "a,b", "TP53_ENSG3", 'say "so"'],
        "gene_id": ["ENSG1", "ENSG2", "ENSG3", "ENSG4"],
        "symbol": ["XIST", "a,b", "TP53", 'say "so"'],
    },
    dtype="str",
)
HEADER = TableHeader(GENES, ["tissue", "sex"], "TPM", {"seed": 3})
SAMPLES = pd.DataFrame(
    {
        "sample_id": ["s1", "s2", "s3", "s4", "s5"],
        "tissue": ["Lung", 'Skin, "sun exposed"', "Lung", "Liver", "Lung"],
        "sex": ["female", "male", None, "male", "female"],
    },
    dtype="str",
)
# zero, the smallest normal and subnormal values, a large one, and numbers that need all nine digits
EXPRESSION = np.array(
    [
        [0, 1, 0.1, 123456.78],
        [1.1754944e-38, 1e-45, 3.4028235e38, 1 / 3],
        [1e-5, 1e7, 16777216, 2 / 3],
        [0.0001, 12345678, 1e20, np.pi],
        [7, 8, 9, 10],
    ],
    dtype=np.float32,
)


def write(path: Path, header: TableHeader = HEADER, chunk: int = 2) -> Path:
    with open_table_writer(path, header) as table:
        for start in range(0, len(SAMPLES), chunk):
            rows = slice(start, start + chunk)
            table.write(SAMPLES[rows].reset_index(drop=True), EXPRESSION[rows])
    return path


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def read_parquet(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path)


def read_delimited(path: Path) -> pd.DataFrame:
    separator = "\t" if ".tsv" in path.name else ","
    return pd.read_csv(path, sep=separator, dtype=dict.fromkeys(GENES["label"], np.float32))


def read_gct(path: Path) -> pd.DataFrame:
    """Read GCT 1.3 by its specification, with nothing of ours."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    lines = [line.split("\t") for line in text.splitlines()]
    assert lines[0] == ["#1.3"]
    n_genes, n_samples, n_row, n_column = map(int, lines[1])
    assert (n_genes, n_samples, n_row, n_column) == (4, 5, 1, 2)
    head, body = lines[2 : 3 + n_column], lines[3 + n_column :]
    assert {len(line) for line in head + body} == {1 + n_row + n_samples}
    assert [line[0] for line in body] == GENES["gene_id"].tolist()
    assert [line[1] for line in body] == GENES["symbol"].tolist()
    table = pd.DataFrame({"sample_id": head[0][2:]} | {line[0]: line[2:] for line in head[1:]})
    values = np.array([line[2:] for line in body], dtype=np.float32).T
    table = table.replace("NA", np.nan)
    return pd.concat([table, pd.DataFrame(values, columns=GENES["label"])], axis=1)


def read_h5ad(path: Path) -> pd.DataFrame:
    data = anndata.read_h5ad(path)
    assert data.uns["units"] == "TPM"
    assert json.loads(data.uns["provenance"]) == {"seed": 3}
    assert data.var["gene_id"].tolist() == GENES["gene_id"].tolist()
    assert data.var["symbol"].tolist() == GENES["symbol"].tolist()
    table: pd.DataFrame = pd.concat([data.obs.astype(object), data.to_df()], axis=1)
    return table.reset_index(names="sample_id")


READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".parquet": read_parquet,
    ".csv": read_delimited,
    ".csv.gz": read_delimited,
    ".tsv": read_delimited,
    ".tsv.gz": read_delimited,
    ".gct": read_gct,
    ".gct.gz": read_gct,
    ".h5ad": read_h5ad,
}


def test_every_known_suffix_is_tested() -> None:
    assert set(READERS) == set(KNOWN_SUFFIXES)


@pytest.mark.parametrize("suffix", KNOWN_SUFFIXES)
@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_another_reader_gets_the_same_table_back(tmp_path: Path, suffix: str, chunk: int) -> None:
    table = READERS[suffix](write(tmp_path / f"table{suffix}", chunk=chunk))
    assert table.columns.tolist() == ["sample_id", "tissue", "sex", *GENES["label"]]
    np.testing.assert_array_equal(table[GENES["label"]].to_numpy(np.float32), EXPRESSION)
    named = table[["sample_id", "tissue", "sex"]].astype("str")
    pd.testing.assert_frame_equal(named, SAMPLES, check_names=False)
    assert names_in(tmp_path) == [f"table{suffix}"]


@pytest.mark.parametrize("suffix", KNOWN_SUFFIXES)
def test_a_table_without_conditions_can_be_written(tmp_path: Path, suffix: str) -> None:
    header = TableHeader(GENES, [], "TPM")
    path = write(tmp_path / f"table{suffix}", header)
    assert path.stat().st_size > 0
    if suffix == ".tsv":
        assert pd.read_csv(path, sep="\t").columns.tolist() == ["sample_id", *GENES["label"]]


def test_gct_is_transposed_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtexgen.data.tables.text.GCT_BLOCK", 12)  # two genes of five samples
    monkeypatch.setattr("gtexgen.data.tables.text.TEXT_BLOCK", 5)  # one line
    table = read_gct(write(tmp_path / "table.gct"))
    np.testing.assert_array_equal(table[GENES["label"]].to_numpy(np.float32), EXPRESSION)


def test_parquet_carries_units_gene_ids_and_provenance(tmp_path: Path) -> None:
    schema = pq.read_schema(write(tmp_path / "table.parquet"))
    about = json.loads(schema.metadata[b"gtexgen"])
    assert about == {
        "units": "TPM",
        "gene_id": GENES["gene_id"].tolist(),
        "symbol": GENES["symbol"].tolist(),
        "provenance": {"seed": 3},
    }


@pytest.mark.parametrize("suffix", KNOWN_SUFFIXES)
def test_an_error_leaves_nothing_behind(tmp_path: Path, suffix: str) -> None:
    def write_and_fail() -> None:
        with open_table_writer(tmp_path / f"table{suffix}", HEADER) as table:
            table.write(SAMPLES, EXPRESSION)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert names_in(tmp_path) == []


def test_an_error_keeps_the_table_that_was_there(tmp_path: Path) -> None:
    path = write(tmp_path / "table.csv")
    before = path.read_bytes()
    with pytest.raises(RuntimeError), open_table_writer(path, HEADER):
        raise RuntimeError
    assert path.read_bytes() == before


def test_an_unknown_suffix_lists_the_known_ones(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match=r"table\.xlsx.*\n.*\.parquet, \.csv.*\.h5ad"),
        open_table_writer(tmp_path / "table.xlsx", HEADER),
    ):
        pass


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".tsv.gz"])
def test_a_gene_named_like_a_sample_column_is_refused(tmp_path: Path, suffix: str) -> None:
    header = TableHeader(GENES, ["tissue", "XIST"], "TPM")
    with (
        pytest.raises(DataError, match="genes called XIST"),
        open_table_writer(tmp_path / f"t{suffix}", header),
    ):
        pass
    assert names_in(tmp_path) == []


def test_gct_refuses_a_value_with_a_tab(tmp_path: Path) -> None:
    samples = SAMPLES.assign(tissue="Lung\tleft")
    with (
        pytest.raises(DataError, match="a tab or a line break"),
        open_table_writer(tmp_path / "table.gct", HEADER) as table,
    ):
        table.write(samples, EXPRESSION)
    assert names_in(tmp_path) == []
