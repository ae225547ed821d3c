"""AnnData files: annotations, gene names, and what cannot be read by rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from anndata.io import write_elem
from scipy.sparse import csc_matrix, csr_matrix

from gtexgen.data.annotations import samples_from_frame
from gtexgen.data.formats.h5ad import H5adSource
from gtexgen.errors import DataError


def write(
    path: Path,
    values: object,
    samples: list[str],
    genes: list[str],
    *,
    obs: dict[str, list[Any]] | None = None,
    var: dict[str, list[str]] | None = None,
) -> Path:
    with h5py.File(path, "w") as file:
        write_elem(file, "X", values)
        for key, names, columns in (("obs", samples, obs), ("var", genes, var)):
            index = pd.Index(names, dtype=object)  # anndata cannot write the text of pandas 3
            texts = {name: isinstance(column[0], str) for name, column in (columns or {}).items()}
            frame = pd.DataFrame(columns, index).astype({name: object for name in texts if texts[name]})
            write_elem(file, key, frame)
    return path


def test_annotations_become_the_samples_table(tmp_path: Path) -> None:
    obs: dict[str, list[Any]] = {
        "Tissue": ["Lung", "Liver"],
        "Sex": [1, 2],
        "years": [41.0, 69.0],
        "pH": [6.5, np.nan],
    }
    ids = {"gene_ids": ["ENSG00000229807", "ENSG00000075624"]}
    path = tmp_path / "e.h5ad"
    source = H5adSource(write(path, np.ones((2, 2)), ["D-1-a", "D-2-b"], ["XIST", "ACTB"], obs=obs, var=ids))
    assert source.genes.ids == ids["gene_ids"]
    assert source.genes.symbols == ["XIST", "ACTB"]
    assert source.embedded_samples is not None
    samples = samples_from_frame(source.embedded_samples, path=path)
    known = samples.drop(columns=["subtissue", "age", "pH"])
    assert known.to_dict("list") == {
        "sample_id": ["D-1-a", "D-2-b"],
        "donor_id": ["D-1", "D-2"],
        "tissue": ["Lung", "Liver"],
        "sex": ["male", "female"],
        "years": ["41", "69"],
    }
    assert samples[["subtissue", "age"]].isna().all(axis=None)
    assert samples["pH"].isna().tolist() == [False, True]


@pytest.mark.parametrize("column", ["gene_id", "Ensembl_ID", "ensg"])
def test_ids_come_from_a_column_where_names_are_symbols(tmp_path: Path, column: str) -> None:
    var = {column: ["ENSG00000229807.9", ""]}
    source = H5adSource(write(tmp_path / "e.h5ad", np.ones((1, 2)), ["S"], ["XIST", "ACTB"], var=var))
    assert source.genes.ids == ["ENSG00000229807.9", "ACTB"]
    assert source.genes.symbols == ["XIST", "ACTB"]


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_bad_value_is_named_by_sample_and_gene(tmp_path: Path, bad: float, sparse: bool) -> None:
    values = np.ones((5, 3))
    values[3, 1] = bad
    stored = csr_matrix(values) if sparse else values
    path = write(tmp_path / "e.h5ad", stored, list("abcde"), ["A", "B", "C"])
    blocks = H5adSource(path).blocks(np.array([0, 3]), 2)
    assert next(blocks).tolist() == [[1, 1, 1]]
    with pytest.raises(DataError, match=rf"e\.h5ad, column 'B': {bad} is not .*\(of sample 'd'\)"):
        next(blocks)


def test_columns_stored_together_are_refused_with_the_remedy(tmp_path: Path) -> None:
    path = write(tmp_path / "e.h5ad", csc_matrix(np.ones((2, 2))), ["a", "b"], ["A", "B"])
    with pytest.raises(DataError, match=r"csc_matrix[\s\S]*tocsr"):
        H5adSource(path)


def test_duplicate_samples_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "e.h5ad", np.ones((2, 1)), ["a", "a"], ["A"])
    with pytest.raises(DataError, match="sample 'a' occurs twice"):
        H5adSource(path)


def test_what_is_no_h5ad_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "e.h5ad"
    path.write_bytes(b"no HDF5")
    with pytest.raises(DataError, match=r"e\.h5ad: not a readable h5ad"):
        H5adSource(path)
    with h5py.File(path, "w") as file:
        file["X"] = np.ones((2, 2))
    with pytest.raises(DataError, match=r"e\.h5ad: not a readable h5ad.*obs"):
        H5adSource(path)
