"""Expression in one Parquet file, with samples or genes in rows, read a few columns at a time.

Parquet keeps columns together, so a file with samples in rows is read gene by gene (a `GeneMajorSource`) and
one with genes in rows sample by sample (a `SampleMajorSource`). One column names the rows: the data frame's
index, or a column with a usual name (``Name``, ``sample_id``, ``gene_id``), or the only column of text.

The pair of the original project is such a file: ``v8_expressions.parquet`` with samples in rows, keyed by
``Name``, and ``v8_samples.parquet`` beside it, whose columns are then the embedded annotations. Any
``X_expressions.parquet`` with an ``X_samples.parquet`` beside it is read so.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gtexgen.data.formats.orientation import (
    GENE_ID_NAMES,
    SAMPLE_ID_NAMES,
    SAMPLE_METADATA_NAMES,
    SYMBOL_NAMES,
    decide_orientation,
)
from gtexgen.data.formats.sources import (
    FloatArray,
    GeneBlock,
    GeneTable,
    IndexArray,
    Orientation,
    Progress,
    check_unique_samples,
    first_invalid,
    invalid_value,
    kept_index,
)
from gtexgen.data.sample_tables import read_text_table
from gtexgen.errors import DataError

__all__ = ["ParquetGenesInRows", "ParquetSamplesInRows", "open_parquet", "paired_samples"]

N_LOOK = 50


def open_parquet(
    path: str | Path, *, orientation: Orientation = "auto", sample_ids: Collection[str] | None = None
) -> ParquetSamplesInRows | ParquetGenesInRows:
    """Open a Parquet table; parameters and errors as for `gtexgen.data.formats.sources.open_source`."""
    table = ParquetTable(Path(path))
    if orientation == "auto" and table.key.lower() == "name" and paired_samples(table.path) is not None:
        orientation = "samples_in_rows"
    rows = decide_orientation(
        table.path,
        orientation,
        key=table.key,
        rows=table.row_names[:N_LOOK],
        columns=[name for name in table.columns if name != table.key],
        sample_ids=sample_ids,
    )
    return ParquetSamplesInRows(table) if rows == "samples_in_rows" else ParquetGenesInRows(table)


def paired_samples(path: Path) -> Path | None:
    """Path of ``X_samples.parquet`` beside ``X_expressions.parquet``, or None where there is none."""
    stem = path.name.removesuffix("_expressions.parquet")
    beside = path.with_name(f"{stem}_samples.parquet")
    return beside if stem != path.name and beside.is_file() else None


class ParquetTable:
    """A Parquet file and the column that names its rows.

    Raises
    ------
    DataError
        The file is no Parquet, names a column twice, or has no column that can name its rows.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = pq.ParquetFile(path, memory_map=True)
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(f"not a readable Parquet file ({error})", path=path) from None
        self._schema: pa.Schema = self._file.schema_arrow
        self.columns: list[str] = list(self._schema.names)
        if len(set(self.columns)) != len(self.columns):
            twice = next(name for name in self.columns if self.columns.count(name) > 1)
            raise DataError("the column occurs twice", path=path, column=twice, remedy="remove or rename one")
        self.key = self._find_key()
        self.row_names = self.text(self.key)
        self.size = path.stat().st_size

    def _find_key(self) -> str:
        pandas = json.loads((self._schema.metadata or {}).get(b"pandas", b"{}"))
        index = [name for name in pandas.get("index_columns", []) if isinstance(name, str)]
        usual = ("name", *SAMPLE_ID_NAMES, *GENE_ID_NAMES)
        named = [name for name in self.columns if name.lower() in usual]
        text = [name for name in self.columns if _is_text(self._schema.field(name).type)]
        for candidates in (index, named[:1], text):
            if len(candidates) == 1 and candidates[0] in self.columns:
                return candidates[0]
        remedy = f"call the column of sample or gene ids one of {', '.join(usual)}"
        raise DataError("no column names the rows", path=self.path, remedy=remedy)

    def text(self, column: str) -> list[str]:
        """Read a column as text, a missing cell as an empty one."""
        values = self._file.read(columns=[column], use_threads=False)[column].to_pylist()
        return ["" if value is None else str(value) for value in values]

    def values(self, columns: Sequence[str]) -> FloatArray:
        """Read columns of numbers as ``(columns, rows)``, checking each value."""
        table = self._file.read(columns=list(columns))
        out = np.empty((len(columns), len(self.row_names)), dtype=np.float32)
        for place, name in enumerate(columns):
            column = table[name]
            if column.null_count:
                row = int(np.argmax(column.is_null().to_numpy()))
                raise invalid_value(None, self.path, column=name, where=self._row(row))
            out[place] = column.to_numpy()
        bad = first_invalid(out)
        if bad is not None:
            place, row = bad
            raise invalid_value(float(out[place, row]), self.path, column=columns[place], where=self._row(row))
        return out

    def check_numbers(self, columns: Sequence[str]) -> None:
        """Raise `DataError` naming the first of `columns` that holds no numbers."""
        for name in columns:
            kind = self._schema.field(name).type
            if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
                remedy = "store expression as numbers, and annotations in a sample table"
                raise DataError(f"the column holds {kind}, not numbers", path=self.path, column=name, remedy=remedy)

    def _row(self, row: int) -> str:
        return f"in row {row + 1}, {self.row_names[row]!r}"


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))


class ParquetSamplesInRows:
    """A `GeneMajorSource`: a sample a row, a gene a column."""

    major: Literal["genes"] = "genes"

    def __init__(self, table: ParquetTable) -> None:
        self._table = table
        self.path = table.path
        self.sample_ids = table.row_names
        check_unique_samples(self.sample_ids, self.path)
        rest = [name for name in table.columns if name != table.key]
        fields = [name for name in rest if name.lower() in SAMPLE_METADATA_NAMES]
        self._genes = [name for name in rest if name.lower() not in SAMPLE_METADATA_NAMES]
        table.check_numbers(self._genes)
        self.embedded_samples = self._embedded(fields)

    def _embedded(self, fields: list[str]) -> pd.DataFrame | None:
        beside = paired_samples(self.path)
        if beside is not None:
            frame = read_text_table(beside).frame
            key = next((name for name in frame.columns if name == self._table.key), frame.columns[0])
            return frame.set_index(key)
        if not fields:
            return None
        return pd.DataFrame({name: self._table.text(name) for name in fields}, index=self.sample_ids)

    def blocks(
        self, keep: npt.NDArray[np.bool_] | IndexArray, block_genes: int, progress: Progress | None = None
    ) -> Iterator[GeneBlock]:
        """Yield the genes in file order (see `GeneMajorSource.blocks`)."""
        index = kept_index(keep, len(self.sample_ids))
        for start in range(0, len(self._genes), block_genes):
            names = self._genes[start : start + block_genes]
            yield GeneBlock(names, list(names), self._table.values(names)[:, index])
            if progress is not None:
                progress(self._table.size * len(names) // len(self._genes))


class ParquetGenesInRows:
    """A `SampleMajorSource`: a gene a row, a sample a column; a column of symbols may stand among them."""

    major: Literal["samples"] = "samples"
    embedded_samples: pd.DataFrame | None = None

    def __init__(self, table: ParquetTable) -> None:
        self._table = table
        self.path = table.path
        rest = [name for name in table.columns if name != table.key]
        symbols = next((name for name in rest if name.lower() in SYMBOL_NAMES), None)
        self.sample_ids = [name for name in rest if name != symbols]
        table.check_numbers(self.sample_ids)
        ids = table.row_names
        given = table.text(symbols) if symbols is not None else ids
        self.genes = GeneTable(ids, [symbol or gene for symbol, gene in zip(given, ids, strict=True)])

    def blocks(
        self, keep: npt.NDArray[np.bool_] | IndexArray, block_samples: int, progress: Progress | None = None
    ) -> Iterator[FloatArray]:
        """Yield the kept samples in file order (see `SampleMajorSource.blocks`)."""
        index = kept_index(keep, len(self.sample_ids))
        for start in range(0, len(index), block_samples):
            names = [self.sample_ids[place] for place in index[start : start + block_samples].tolist()]
            yield self._table.values(names)
            if progress is not None:
                progress(self._table.size * len(names) // len(index))
