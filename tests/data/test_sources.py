"""One matrix in every format is one matrix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from anndata.io import write_elem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from gtexgen.data.formats.sources import (
    FloatArray,
    GeneMajorSource,
    SampleMajorSource,
    first_invalid,
    kept_index,
    open_source,
)
from gtexgen.errors import DataError

GENES = [f"ENSG{number:011d}.{number % 7 + 1}" for number in range(13)]
SYMBOLS = [f"GENE{number}" for number in range(13)]
SAMPLES = [f"GTEX-D{number // 3}-{number:04d}-SM-A" for number in range(17)]


def expression() -> pd.DataFrame:
    """Samples by genes, with exact zeros and values of many magnitudes."""
    rng = np.random.default_rng(0)
    values = np.where(rng.random((17, 13)) < 0.2, 0, rng.lognormal(1, 3, (17, 13))).astype(np.float32)
    return pd.DataFrame(values, SAMPLES, GENES)


def genes_in_rows(matrix: pd.DataFrame) -> pd.DataFrame:
    table = matrix.T.rename_axis("gene_id").reset_index()
    table.insert(1, "symbol", SYMBOLS)
    return table


def write_h5ad(matrix: pd.DataFrame, path: Path, *, sparse: bool) -> None:
    values = matrix.to_numpy()
    with h5py.File(path, "w") as file:
        write_elem(file, "X", csr_matrix(values) if sparse else values)
        write_elem(file, "obs", pd.DataFrame(index=pd.Index(SAMPLES, dtype=object)))
        write_elem(file, "var", pd.DataFrame({"symbol": SYMBOLS}, pd.Index(GENES, dtype=object), dtype=object))


def write_gct(matrix: pd.DataFrame, path: Path) -> None:
    table = genes_in_rows(matrix).rename(columns={"gene_id": "Name", "symbol": "Description"})
    body = table.to_csv(sep="\t", index=False)
    path.write_text(f"#1.2\n{matrix.shape[1]}\t{matrix.shape[0]}\n{body}")


WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "genes.csv": lambda matrix, path: genes_in_rows(matrix).to_csv(path, index=False),
    "genes.tsv.gz": lambda matrix, path: genes_in_rows(matrix).to_csv(path, sep="\t", index=False),
    "genes.parquet": lambda matrix, path: genes_in_rows(matrix).to_parquet(path, index=False),
    "samples.csv.gz": lambda matrix, path: matrix.to_csv(path, index_label="sample_id"),
    "samples.txt": lambda matrix, path: matrix.to_csv(path, sep="\t"),
    "samples.parquet": lambda matrix, path: matrix.rename_axis("Name").to_parquet(path),
    "dense.h5ad": lambda matrix, path: write_h5ad(matrix, path, sparse=False),
    "sparse.h5ad": lambda matrix, path: write_h5ad(matrix, path, sparse=True),
    "genes.gct": write_gct,
}


@pytest.fixture(scope="module", params=WRITERS)
def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> GeneMajorSource | SampleMajorSource:
    path = tmp_path_factory.mktemp("formats") / request.param
    WRITERS[request.param](expression(), path)
    return open_source(path)


def read(
    source: GeneMajorSource | SampleMajorSource, keep: np.ndarray, block: int
) -> tuple[list[str], list[str], FloatArray]:
    """Read a source whole: gene ids, symbols and expression ``(samples, genes)``."""
    if source.major == "genes":
        blocks = list(source.blocks(keep, block))
        assert all(len(found.values) <= block for found in blocks)
        ids = [name for found in blocks for name in found.ids]
        symbols = [name for found in blocks for name in found.symbols]
        return ids, symbols, np.concatenate([found.values for found in blocks]).T
    rows = list(source.blocks(keep, block))
    assert all(0 < len(found) <= block for found in rows)
    values = np.concatenate(rows) if rows else np.empty((0, len(source.genes.ids)), np.float32)
    return source.genes.ids, source.genes.symbols, values


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(keep=st.lists(st.booleans(), min_size=17, max_size=17), block=st.integers(1, 20), as_mask=st.booleans())
def test_every_format_gives_the_kept_samples(
    source: GeneMajorSource | SampleMajorSource, keep: list[bool], block: int, as_mask: bool
) -> None:
    mask = np.array(keep)
    wanted = mask if as_mask else np.flatnonzero(mask)[::-1]
    ids, symbols, values = read(source, wanted, block)
    assert source.sample_ids == SAMPLES
    assert ids == GENES
    assert symbols in (SYMBOLS, GENES)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, expression().to_numpy()[mask])


def test_progress_adds_up_to_the_file(source: GeneMajorSource | SampleMajorSource) -> None:
    told: list[int] = []
    for _ in source.blocks(np.ones(17, dtype=bool), 5, told.append):
        pass
    size = source.path.stat().st_size
    assert all(step >= 0 for step in told)
    assert 0.9 * size <= sum(told) <= size


@pytest.mark.parametrize("name", ["genes.csv", "genes.parquet", "dense.h5ad", "samples.txt"])
def test_symbols_are_read_where_they_stand(name: str, tmp_path: Path) -> None:
    WRITERS[name](expression(), tmp_path / name)
    symbols = read(open_source(tmp_path / name), np.ones(17, dtype=bool), 4)[1]
    assert symbols == (GENES if name == "samples.txt" else SYMBOLS)


def test_a_missing_file_and_an_unknown_kind_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv: there is no such file"):
        open_source(tmp_path / "nowhere.csv")
    (tmp_path / "expression.xlsx").touch()
    with pytest.raises(DataError, match=r"unknown kind of expression file[\s\S]*\.h5ad"):
        open_source(tmp_path / "expression.xlsx")


def test_kept_index_rejects_what_is_not_in_the_file() -> None:
    assert kept_index(np.array([4, 1, 4]), 5).tolist() == [1, 4]
    with pytest.raises(IndexError):
        kept_index(np.array([5]), 5)
    with pytest.raises(ValueError, match="mask"):
        kept_index(np.ones(4, dtype=bool), 5)


@pytest.mark.parametrize("bad", [-1e-6, np.nan, np.inf, -np.inf])
def test_first_invalid_finds_the_cell(bad: float) -> None:
    values = np.ones((3, 4))
    assert first_invalid(values) is None
    values[1, 2] = values[2, 0] = bad
    assert first_invalid(values) == (1, 2)


def test_real_data_agree_in_both_orientations(real_data: Path, tmp_path: Path) -> None:
    path = real_data / "gtex_v6_small" / "gtex_v6_small_gene_rpkm.gct.gz"
    table = pd.read_csv(path, sep="\t", skiprows=2)
    table.to_csv(tmp_path / "genes.tsv", sep="\t", index=False)
    matrix = table.drop(columns="Description").set_index("Name").T
    matrix.to_csv(tmp_path / "samples.csv.gz", compression={"method": "gzip", "compresslevel": 1})
    keep = np.arange(0, 872, 3)
    for name, major in (("genes.tsv", "genes"), ("samples.csv.gz", "samples")):
        source = open_source(tmp_path / name)
        ids, _, values = read(source, keep, 100)
        assert source.major == major
        assert ids == table["Name"].tolist()
        np.testing.assert_array_equal(values, matrix.to_numpy(np.float32)[keep])
