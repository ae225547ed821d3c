"""Stores give back what was written, and say what is wrong with a damaged one."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gtexgen.data import store_writer
from gtexgen.data.formats.sources import FloatArray
from gtexgen.data.genes import gene_table
from gtexgen.data.selection import Drop
from gtexgen.data.store import ExpressionStore
from gtexgen.data.store_writer import default_row_group_rows, write_store
from gtexgen.errors import DataError, StoreError

N_SAMPLES, N_GENES = 23, 14
EXPRESSION = np.random.default_rng(1).gamma(1, 50, (N_SAMPLES, N_GENES)).astype(np.float32)


def samples_table(n: int = N_SAMPLES) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample_id": [f"GTEX-{i % 7}-{i}" for i in range(n)],
            "donor_id": [f"GTEX-{i % 7}" for i in range(n)],
            "tissue": ["Lung" if i % 3 else "Liver" for i in range(n)],
            "subtissue": [None] * n,
            "sex": ["male"] * n,
            "age": ["60-69"] * (n - 1) + [None],
            "SMRIN": ["6.5"] * n,
        }
    )


def write(
    path: Path,
    values: FloatArray = EXPRESSION,
    *,
    major: Literal["genes", "samples"] = "samples",
    cut: int = 5,
    rows: int | None = 4,
    overwrite: bool = False,
) -> Path:
    """Write samples by genes as a store, in portions of `cut` rows of the major axis."""
    n_samples, n_genes = values.shape
    matrix = values if major == "samples" else values.T
    symbols = [f"RP11-{g // 2}.{g}" if g % 2 else f"RP11-{g // 2}" for g in range(n_genes)]
    write_store(
        path,
        (matrix[start : start + cut] for start in range(0, len(matrix), cut)),
        major=major,
        genes=gene_table([f"ENSG{g:011d}.{g}" for g in range(n_genes)], symbols),
        samples=samples_table(n_samples),
        units="TPM",
        source={"release": "v8"},
        dropped=[Drop("genes", "not wanted", 1, ["XIST"])],
        overwrite=overwrite,
        row_group_rows=rows,
    )
    return path


@pytest.fixture
def few_genes_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_writer, "BLOCK_GENES", 4)


@pytest.fixture
def path(tmp_path: Path, few_genes_a_file: None) -> Path:
    return write(tmp_path / "store")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.tuples(st.integers(1, 30), st.integers(1, 14)),
    major=st.sampled_from(["genes", "samples"]),
    cut=st.integers(1, 31),
    rows=st.integers(1, 31),
)
def test_reads_back_what_was_written(
    tmp_path: Path,
    few_genes_a_file: None,
    shape: tuple[int, int],
    major: Literal["genes", "samples"],
    cut: int,
    rows: int,
) -> None:
    values = EXPRESSION.ravel()[np.arange(shape[0] * shape[1]) % EXPRESSION.size].reshape(shape)
    store = ExpressionStore.open(write(tmp_path / "store", values, major=major, cut=cut, rows=rows, overwrite=True))
    assert [len(group) for group in store.row_groups[:-1]] == [rows] * (len(store.row_groups) - 1)
    assert [row for group in store.row_groups for row in group] == list(range(shape[0]))
    np.testing.assert_array_equal(store.read(), values)


def test_tables(path: Path) -> None:
    store = ExpressionStore.open(path)
    assert (store.n_samples, store.n_genes, store.units) == (N_SAMPLES, N_GENES, "TPM")
    assert list(store.genes.columns) == ["label", "gene_id", "version", "symbol", "block"]
    assert store.genes["block"].tolist() == [g // 4 for g in range(N_GENES)]
    assert store.labels == store.genes["label"].tolist()
    pd.testing.assert_frame_equal(store.samples, samples_table().astype("str"))
    assert store.samples["age"].isna().tolist() == [False] * (N_SAMPLES - 1) + [True]
    manifest = json.loads((path / "store.json").read_text())
    assert manifest["schema_version"] == 1
    assert manifest["source"] == {"release": "v8"}
    assert manifest["dropped"] == [{"what": "genes", "why": "not wanted", "count": 1, "examples": ["XIST"]}]
    assert len(manifest["files"]) == 6


def test_row_group_and_labels_in_the_order_asked_for(path: Path) -> None:
    store = ExpressionStore.open(path)
    wanted = [13, 0, 1, 6, 2]
    values = store.read_row_group(2, [store.labels[gene] for gene in wanted])
    assert values.dtype == np.float32
    assert values.flags.c_contiguous
    np.testing.assert_array_equal(values, EXPRESSION[8:12][:, wanted])


def test_rows_in_the_order_asked_for(path: Path) -> None:
    store = ExpressionStore.open(path)
    rows = [22, 0, 0, 7, 3]
    np.testing.assert_array_equal(store.read(rows), EXPRESSION[rows])
    np.testing.assert_array_equal(store.read(rows, store.labels[:2]), EXPRESSION[rows, :2])
    assert store.read([]).shape == (0, N_GENES)
    for row in (-1, N_SAMPLES):
        with pytest.raises(IndexError):
            store.read([row])


def test_a_gene_subset_opens_only_its_files(path: Path) -> None:
    store = ExpressionStore.open(path)
    (path / "expression" / "genes-00002.parquet").unlink()
    np.testing.assert_array_equal(store.read(labels=store.labels[:8]), EXPRESSION[:, :8])
    with pytest.raises(StoreError, match=r"genes-00002\.parquet"):
        store.read()


def test_unknown_gene_is_named(path: Path) -> None:
    with pytest.raises(StoreError, match="1 genes are not in the store: XISTT"):
        ExpressionStore.open(path).read(labels=["XISTT"])


def test_threads_and_processes_read_the_same(path: Path) -> None:
    store = pickle.loads(pickle.dumps(ExpressionStore.open(path)))
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(store.read_row_group, range(len(store.row_groups))))
    np.testing.assert_array_equal(np.concatenate(parts), EXPRESSION)


def test_fingerprint_tells_data_apart(tmp_path: Path, path: Path) -> None:
    again = write(tmp_path / "again")
    other = write(tmp_path / "other", EXPRESSION * 2)
    prints = [ExpressionStore.open(folder).fingerprint for folder in (path, again, other)]
    assert prints[0] == prints[1] != prints[2]


def test_default_row_groups_hold_64_mib_within_bounds() -> None:
    assert default_row_group_rows(1) == 2048
    assert default_row_group_rows(20_000) == 838
    assert default_row_group_rows(56_200) == 512


def test_overwrite_replaces_a_store_and_nothing_else(tmp_path: Path, path: Path) -> None:
    with pytest.raises(StoreError, match="overwrite=true"):
        write(path)
    write(path, EXPRESSION + 1, overwrite=True)
    np.testing.assert_array_equal(ExpressionStore.open(path).read(), EXPRESSION + 1)
    other = tmp_path / "home"
    other.mkdir()
    (other / "thesis.tex").touch()
    with pytest.raises(StoreError, match="not an expression store"):
        write(other, overwrite=True)
    assert (other / "thesis.tex").exists()


def test_portions_must_add_up(tmp_path: Path) -> None:
    genes = gene_table(["A", "B"], ["A", "B"])
    for portions in ([np.ones((1, N_SAMPLES))], [np.ones((2, 3))]):
        with pytest.raises(ValueError, match="portion"):
            write_store(
                tmp_path / "store",
                [portion.astype(np.float32) for portion in portions],
                major="genes",
                genes=genes,
                samples=samples_table(),
                units="TPM",
                source={},
            )
    assert list(tmp_path.iterdir()) == []


def edit_manifest(path: Path, **changes: object) -> None:
    manifest = json.loads((path / "store.json").read_text())
    (path / "store.json").write_text(json.dumps(manifest | changes))


def test_newer_schema(path: Path) -> None:
    edit_manifest(path, schema_version=2)
    with pytest.raises(StoreError, match="schema version 2, and this gtexgen reads up to 1") as caught:
        ExpressionStore.open(path)
    assert "upgrade gtexgen" in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema_version": 1}'])
def test_damaged_manifest(path: Path, text: str) -> None:
    (path / "store.json").write_text(text)
    with pytest.raises(StoreError, match=r"store\.json: the file is missing or damaged"):
        ExpressionStore.open(path)


@pytest.mark.parametrize("name", ["genes.parquet", "samples.parquet", "expression/genes-00001.parquet"])
def test_missing_or_cut_file_is_named(path: Path, name: str) -> None:
    content = (path / name).read_bytes()
    (path / name).write_bytes(content[:-1])
    with pytest.raises(StoreError, match=f"{name}: the file was cut off or changed"):
        ExpressionStore.open(path)
    (path / name).unlink()
    with pytest.raises(StoreError, match=f"{name}: the file is missing"):
        ExpressionStore.open(path)


def test_changed_bytes_are_found_when_read(path: Path) -> None:
    file = path / "expression" / "genes-00000.parquet"
    content = bytearray(file.read_bytes())
    content[60] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"genes-00000\.parquet: the file is missing or damaged"):
        ExpressionStore.open(path).read()


def test_what_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no such store"):
        ExpressionStore.open(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="not an expression store"):
        ExpressionStore.open(tmp_path)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(StoreError, match="no expression store, nor"):
        ExpressionStore.open(tmp_path / "a.parquet")


def write_pair(folder: Path, values: FloatArray = EXPRESSION) -> Path:
    """Write the original project's pair: doubles keyed by ``Name``, the samples in another order."""
    names = pd.Index([f"GTEX-{i % 7}-{i}" for i in range(len(values))], name="Name")
    labels = [f"RP11-{g // 2}.{g}" if g % 2 else f"RP11-{g // 2}" for g in range(values.shape[1])]
    frame = pd.DataFrame(values.astype(np.float64), index=names, columns=labels)
    frame.to_parquet(folder / "v8_expressions.parquet", row_group_size=6)
    about = pd.DataFrame(
        {
            "Age": "60-69",
            "Tissue": ["Lung" if i % 3 else "Liver" for i in range(len(values))],
            "Sex": [1 + i % 2 for i in range(len(values))],
            "Death": 2.0,
        },
        index=names,
    )
    about.iloc[::-1].to_parquet(folder / "v8_samples.parquet")
    return folder / "v8_expressions.parquet"


def test_original_pair_opens_as_a_store(tmp_path: Path) -> None:
    path = write_pair(tmp_path)
    for place in (path, tmp_path):
        store = ExpressionStore.open(place)
        np.testing.assert_array_equal(store.read(), EXPRESSION)
        assert store.units == "TPM"
    assert store.row_groups[:2] == [range(6), range(6, 12)]
    assert store.labels[:2] == ["RP11-0", "RP11-0.1"]
    np.testing.assert_array_equal(store.read_row_group(1, ["RP11-1", "RP11-0"]), EXPRESSION[6:12, [2, 0]])
    first = store.samples.iloc[0]
    assert first["sample_id"] == "GTEX-0-0"
    assert (first["donor_id"], first["tissue"], first["sex"]) == ("GTEX-0", "Liver", "male")
    assert (first["age"], first["Death"]) == ("60-69", "2")
    assert len(store.fingerprint) == 64


def test_original_pair_must_describe_every_sample(tmp_path: Path) -> None:
    path = write_pair(tmp_path)
    about = pd.read_parquet(tmp_path / "v8_samples.parquet")
    about.iloc[:-1].to_parquet(tmp_path / "v8_samples.parquet")
    with pytest.raises(StoreError, match="1 samples of the expression are not described: GTEX-0-0"):
        ExpressionStore.open(path)


def test_original_pair_of_a_bad_value(tmp_path: Path) -> None:
    values = EXPRESSION.copy()
    values[7, 3] = np.nan
    with pytest.raises(StoreError, match=r"column 'RP11-1.3': nan of sample 'GTEX-0-7'"):
        ExpressionStore.open(write_pair(tmp_path, values)).read()


def test_original_pair_that_is_no_parquet(tmp_path: Path) -> None:
    (tmp_path / "v8_expressions.parquet").write_bytes(b"no parquet")
    (tmp_path / "v8_samples.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match=r"v8_expressions\.parquet"):
        ExpressionStore.open(tmp_path)
