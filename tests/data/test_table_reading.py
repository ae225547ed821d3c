"""Tables of samples come back from every format, and what cannot be read says where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from gtexgen.data.tables.base import TableHeader
from gtexgen.data.tables.reading import read_sample_table
from gtexgen.data.tables.writers import KNOWN_SUFFIXES, open_table_writer
from gtexgen.errors import DataError

GENES = pd.DataFrame(
    {
        "label": ["XIST", "ACTB", "TP53_ENSG00000000003"],
        "gene_id": ["ENSG00000000001", "ENSG00000000002", "ENSG00000000003"],
        "symbol": ["XIST", "ACTB", "TP53"],
    },
    dtype="str",
)
FIELDS = ["donor_id", "tissue", "cohort"]
SAMPLES = pd.DataFrame(
    {
        "sample_id": ["D-1-a", "D-1-b", "D-2-a"],
        "donor_id": ["D-1", "D-1", "D-2"],
        "tissue": ["Lung", 'Skin, "sun exposed"', "Lung"],
        "cohort": ["7", None, "8"],
    },
    dtype="str",
)
EXPRESSION = np.array([[0, 1.5, 0.1], [1 / 3, 1e5, 2], [4, 5, 6]], dtype=np.float32)
LABELS = GENES["label"].tolist()


def written(path: Path) -> Path:
    with open_table_writer(path, TableHeader(GENES, FIELDS, "TPM")) as table:
        table.write(SAMPLES, EXPRESSION)
    return path


def frame() -> pd.DataFrame:
    return pd.concat([SAMPLES, pd.DataFrame(EXPRESSION, columns=LABELS)], axis=1)


@pytest.mark.parametrize("suffix", KNOWN_SUFFIXES)
def test_what_our_writers_write_comes_back(tmp_path: Path, suffix: str) -> None:
    back = read_sample_table(written(tmp_path / f"table{suffix}"), FIELDS, GENES)
    pd.testing.assert_frame_equal(back[["sample_id", *FIELDS]], SAMPLES)
    np.testing.assert_array_equal(back[LABELS].to_numpy(), EXPRESSION)
    assert back[LABELS].to_numpy().dtype == np.float32


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".tsv.gz", ".h5ad"])
def test_fewer_genes_come_in_the_order_asked_for(tmp_path: Path, suffix: str) -> None:
    back = read_sample_table(written(tmp_path / f"table{suffix}"), ["tissue", "sex"], GENES.iloc[[2, 0]])
    assert back.columns.tolist() == ["sample_id", "tissue", LABELS[2], LABELS[0]]
    np.testing.assert_array_equal(back.iloc[:, 2:].to_numpy(), EXPRESSION[:, [2, 0]])


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_genes_are_also_found_by_their_id(tmp_path: Path, suffix: str) -> None:
    table = frame().rename(columns={"XIST": "ENSG00000000001.4", "ACTB": "ENSG00000000002"})
    path = tmp_path / f"table{suffix}"
    table.to_parquet(path) if suffix == ".parquet" else table.to_csv(path, index=False)
    back = read_sample_table(path, FIELDS, GENES)
    np.testing.assert_array_equal(back[LABELS].to_numpy(), EXPRESSION)


def test_an_index_of_sample_ids_is_as_good_as_a_column(tmp_path: Path) -> None:
    frame().set_index("sample_id").to_parquet(tmp_path / "table.parquet")
    back = read_sample_table(tmp_path / "table.parquet", FIELDS, GENES)
    assert back["sample_id"].tolist() == SAMPLES["sample_id"].tolist()


def test_other_columns_are_left_alone(tmp_path: Path) -> None:
    table = frame().assign(note="text")[["sample_id", "note", *FIELDS, *LABELS]]
    for name in ("table.parquet", "table.csv"):
        table.to_parquet(tmp_path / name) if name.endswith("parquet") else table.to_csv(tmp_path / name, index=False)
        assert "note" not in read_sample_table(tmp_path / name, FIELDS, GENES)


def test_numbers_and_categories_become_text(tmp_path: Path) -> None:
    tissue = pd.Categorical(SAMPLES["tissue"], categories=pd.Index(sorted(set(SAMPLES["tissue"])), dtype=object))
    obs = SAMPLES.astype(object).assign(tissue=tissue, cohort=[7.0, np.nan, 8.0]).set_index("sample_id")
    var = pd.DataFrame(index=pd.Index(LABELS, dtype=object))
    anndata.AnnData(EXPRESSION, obs=obs, var=var).write_h5ad(tmp_path / "table.h5ad")
    back = read_sample_table(tmp_path / "table.h5ad", FIELDS, GENES)
    pd.testing.assert_frame_equal(back[["sample_id", *FIELDS]], SAMPLES)


def spoilt(change: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    return change(frame().astype(dict.fromkeys(LABELS, object)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns=["XIST", "ACTB"]), "2 of the 3 genes are not in the table: XIST, ACTB"),
        (lambda table: table.assign(ACTB=["1", "high", "2"]), "line 3, column 'ACTB': 'high' is not an expression"),
        (lambda table: table.assign(ACTB=["1", "", "2"]), "line 3, column 'ACTB': '' is not an expression value"),
        (lambda table: table.assign(ACTB=["1", "2", "-2"]), "line 4, column 'ACTB': '-2' is not an expression value"),
        (lambda table: table[["sample_id", *LABELS, *FIELDS]], "column 'donor_id': this column stands among the genes"),
    ],
)
def test_a_text_table_at_fault_names_line_and_column(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    path = tmp_path / "real.csv"
    spoilt(change).to_csv(path, index=False)
    with pytest.raises(DataError, match=rf"real\.csv.*{message}(.|\n)*Remedy"):
        read_sample_table(path, FIELDS, GENES)


@pytest.mark.parametrize("value", [np.nan, -1.0])
@pytest.mark.parametrize("suffix", [".parquet", ".h5ad"])
def test_a_binary_table_at_fault_names_sample_and_column(tmp_path: Path, suffix: str, value: float) -> None:
    path = tmp_path / f"real{suffix}"
    table = frame()
    table.loc[1, "ACTB"] = value
    if suffix == ".parquet":
        table.to_parquet(path)
    else:
        var = pd.DataFrame(index=pd.Index(LABELS, dtype=object))
        obs = SAMPLES.astype(object).set_index("sample_id")
        anndata.AnnData(table[LABELS].to_numpy(np.float32), obs=obs, var=var).write_h5ad(path)
    with pytest.raises(DataError, match=rf"real{suffix}.*column 'ACTB'.*D-1-b"):
        read_sample_table(path, FIELDS, GENES)


@pytest.mark.parametrize(("name", "message"), [("absent.csv", "no such file"), ("table.xlsx", "unknown kind")])
def test_a_file_that_is_no_table_says_so(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "table.xlsx").write_bytes(b"")
    with pytest.raises(DataError, match=rf"{name}: .*{message}"):
        read_sample_table(tmp_path / name, FIELDS, GENES)


def test_a_gene_named_like_a_sample_column_is_refused(tmp_path: Path) -> None:
    genes = GENES.assign(label=["tissue", *LABELS[1:]])
    path = written(tmp_path / "table.parquet")
    with pytest.raises(DataError, match="genes called tissue"):
        read_sample_table(path, FIELDS, genes)
