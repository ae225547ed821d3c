"""Writers of synthetic tables as text: CSV, TSV and GCT 1.3, plain or gzip.

Numbers are the shortest decimals that give the same float32 back. None of these formats has a place for units
and provenance.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from isal import igzip

from gtexgen.data.tables.base import SAMPLE_ID, TableHeader, TableWriter, check_columns
from gtexgen.errors import DataError

__all__ = ["DelimitedWriter", "GctWriter"]

TEXT_BLOCK = 2**21  # numbers turned into text at a time: about 20 MB
GCT_BLOCK = 2**24  # numbers transposed at a time: 64 MiB


class DelimitedWriter(TableWriter):
    """CSV or TSV with samples in rows; a missing condition is an empty cell."""

    def __init__(self, path: Path, header: TableHeader, *, delimiter: str, compressed: bool) -> None:
        super().__init__(path, header)
        check_columns(header.fields, header.labels)
        self._delimiter = delimiter
        self._file = self._resources.enter_context(_open_text(path, compressed=compressed))
        self._file.write(self._line([SAMPLE_ID, *header.fields, *header.labels]) + "\n")

    def write(self, samples: pd.DataFrame, expression: np.ndarray) -> None:
        """Append one line a sample."""
        named = samples[[SAMPLE_ID, *self.header.fields]].astype(object)
        starts = (self._line(row) for row in named.where(named.notna(), "").itertuples(index=False, name=None))
        for start, numbers in zip(starts, _text_rows(expression, self._delimiter), strict=True):
            self._file.write(f"{start}{self._delimiter}{numbers}\n")

    def finish(self) -> None:
        """Nothing is left."""

    def _line(self, cells: Sequence[str]) -> str:
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=self._delimiter, lineterminator="").writerow(cells)
        return buffer.getvalue()


class GctWriter(TableWriter):
    """GCT 1.3: genes in rows by gene id with the symbol as description, condition columns as column metadata.

    Samples are spooled to an unnamed file beside the output, which is read back in blocks of genes. A missing
    condition is written NA.
    """

    def __init__(self, path: Path, header: TableHeader, *, compressed: bool) -> None:
        super().__init__(path, header)
        self._compressed = compressed
        spool = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115, the stack closes it
        self._spool: IO[bytes] = self._resources.enter_context(spool)
        self._samples: list[pd.DataFrame] = []

    def write(self, samples: pd.DataFrame, expression: np.ndarray) -> None:
        """Spool one chunk."""
        self._samples.append(samples[[SAMPLE_ID, *self.header.fields]])
        self._spool.write(np.ascontiguousarray(expression, dtype=np.float32).data)

    def finish(self) -> None:
        """Transpose the spool into the file."""
        samples = pd.concat(self._samples).astype(object)
        samples = samples.where(samples.notna(), "NA")
        genes = self.header.genes
        with _open_text(self.path, compressed=self._compressed) as file:
            file.write(f"#1.3\n{len(genes)}\t{len(samples)}\t1\t{len(self.header.fields)}\n")
            for name, shown in [
                (SAMPLE_ID, "id\tDescription"),
                *((name, f"{name}\tNA") for name in self.header.fields),
            ]:
                file.write("\t".join([shown, *map(self._cell, samples[name])]) + "\n")
            names = zip(genes["gene_id"], genes["symbol"], strict=True)
            for (gene_id, symbol), numbers in zip(names, self._gene_rows(len(samples)), strict=True):
                file.write(f"{self._cell(gene_id)}\t{self._cell(symbol)}\t{numbers}\n")

    def _gene_rows(self, n_samples: int) -> Iterator[str]:
        self._spool.flush()
        n_genes = len(self.header.genes)
        spooled = np.memmap(self._spool, dtype=np.float32, mode="r", shape=(n_samples, n_genes))
        block = max(1, GCT_BLOCK // n_samples)
        for start in range(0, n_genes, block):
            yield from _text_rows(np.ascontiguousarray(spooled[:, start : start + block].T), "\t")

    def _cell(self, value: Any) -> str:
        text = str(value)
        if any(mark in text for mark in "\t\r\n"):
            raise DataError(
                f"GCT cannot hold {text!r}, which has a tab or a line break", remedy="write .parquet or .csv"
            )
        return text


def _text_rows(values: np.ndarray, delimiter: str) -> Iterator[str]:
    """Join each row of ``(rows, columns)`` float32 into a line of shortest round-trip decimals."""
    n_columns = values.shape[1]
    rows = max(1, TEXT_BLOCK // n_columns)
    for start in range(0, len(values), rows):
        block = np.ascontiguousarray(values[start : start + rows], dtype=np.float32)
        cells = pc.cast(pa.array(block.reshape(-1)), pa.string())
        offsets = pa.array(np.arange(len(block) + 1, dtype=np.int32) * n_columns)
        yield from pc.binary_join(pa.ListArray.from_arrays(offsets, cells), delimiter).to_pylist()


def _open_text(path: Path, *, compressed: bool) -> IO[str]:
    if compressed:
        stream: IO[str] = igzip.open(path, "wt", encoding="utf-8", newline="")  # type: ignore[no-untyped-call]
        return stream
    return path.open("w", encoding="utf-8", newline="")
