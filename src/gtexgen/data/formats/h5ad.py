"""Expression in an h5ad file (AnnData on disk): samples in `obs`, genes in `var`, read in blocks of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.data.formats.orientation import GENE_ID_NAMES, SYMBOL_NAMES
from gtexgen.data.formats.sources import (
    FloatArray,
    GeneTable,
    IndexArray,
    Progress,
    check_unique_samples,
    first_invalid,
    invalid_value,
    kept_index,
)
from gtexgen.data.genes import is_ensembl
from gtexgen.errors import DataError

__all__ = ["H5adSource"]


class H5adSource:
    """A `SampleMajorSource`: dense or compressed-sparse-row `X`, annotations from `obs`.

    A gene's id is its name in `var`, and its symbol the column ``symbol``, ``gene_name`` or the like; where
    the names are symbols, a column ``gene_id``, ``ensembl_id`` or the like gives the ids.

    Raises
    ------
    DataError
        The file is no h5ad, has no `X`, stores it by columns, or holds a sample twice.
    """

    major: Literal["samples"] = "samples"

    def __init__(self, path: str | Path) -> None:
        from anndata.io import read_elem

        self.path = Path(path)
        try:
            with h5py.File(self.path, "r") as file:
                obs: pd.DataFrame = read_elem(file["obs"])
                var: pd.DataFrame = read_elem(file["var"])
                encoding = file["X"].attrs.get("encoding-type", "array")
        except (OSError, KeyError) as error:
            message = f"not a readable h5ad with obs, var and X ({error})"
            raise DataError(message, path=self.path, remedy="write it with anndata's write_h5ad") from None
        if encoding not in ("array", "csr_matrix"):
            remedy = "adata.X = adata.X.tocsr(), then write it again"
            raise DataError(f"X is stored as {encoding}, not by rows", path=self.path, remedy=remedy)
        self.sample_ids = [str(name) for name in obs.index]
        check_unique_samples(self.sample_ids, self.path)
        self.genes = _genes(var)
        self.embedded_samples: pd.DataFrame | None = obs.set_axis(self.sample_ids, axis=0)

    def blocks(
        self, keep: npt.NDArray[np.bool_] | IndexArray, block_samples: int, progress: Progress | None = None
    ) -> Iterator[FloatArray]:
        """Yield the kept samples in file order (see `SampleMajorSource.blocks`)."""
        index = kept_index(keep, len(self.sample_ids))
        n, size, told = len(self.sample_ids), self.path.stat().st_size, 0
        with h5py.File(self.path, "r") as file:
            for start in range(0, n, block_samples):
                rows = index[(index >= start) & (index < start + block_samples)]
                if len(rows):
                    block = _dense(file["X"], start, min(start + block_samples, n), len(self.genes.ids))
                    values = np.ascontiguousarray(block[rows - start], dtype=np.float32)
                    self._check(values, rows)
                    yield values
                if progress is not None:
                    now = size * min(start + block_samples, n) // n
                    progress(now - told)
                    told = now

    def _check(self, values: FloatArray, rows: IndexArray) -> None:
        place = first_invalid(values)
        if place is not None:
            row, gene = place
            sample = self.sample_ids[int(rows[row])]
            column = self.genes.ids[gene]
            raise invalid_value(float(values[row, gene]), self.path, column=column, where=f"of sample {sample!r}")


def _dense(stored: h5py.Dataset | h5py.Group, start: int, stop: int, n_genes: int) -> npt.NDArray[Any]:
    """Read rows of a dense or compressed-sparse-row matrix."""
    if isinstance(stored, h5py.Dataset):
        rows: npt.NDArray[Any] = stored[start:stop]
        return rows
    from scipy.sparse import csr_matrix

    bounds = stored["indptr"][start : stop + 1]
    held = slice(bounds[0], bounds[-1])
    parts = (stored["data"][held], stored["indices"][held], bounds - bounds[0])
    dense: npt.NDArray[Any] = csr_matrix(parts, shape=(stop - start, n_genes)).toarray()
    return dense


def _genes(var: pd.DataFrame) -> GeneTable:
    names = [str(name) for name in var.index]
    if names and 2 * sum(map(is_ensembl, names)) > len(names):
        symbols = _column(var, SYMBOL_NAMES)
        return GeneTable(names, [symbol or name for symbol, name in zip(symbols or names, names, strict=True)])
    ids = _column(var, GENE_ID_NAMES)
    return GeneTable([gene or name for gene, name in zip(ids or names, names, strict=True)], names)


def _column(var: pd.DataFrame, usual: Sequence[str]) -> list[str] | None:
    """Text of the first usual column that `var` has, empty where missing."""
    lowered = {str(name).lower(): name for name in reversed(var.columns)}
    found = next((lowered[name] for name in usual if name in lowered), None)
    if found is None:
        return None
    return ["" if missing else str(text) for text, missing in zip(var[found], var[found].isna(), strict=True)]
