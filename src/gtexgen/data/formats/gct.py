"""GCT 1.2 and 1.3, plain or gzip: genes in rows, samples in columns.

Line 1 is the version, line 2 the numbers of genes and samples (1.3: and of descriptive columns and rows),
line 3 the header. GTEx's 1.2 files have ``Name`` and ``Description``, some an ``id`` before them. A 1.3 file
may describe its samples in rows above the genes; those are the embedded annotations.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Literal, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.data.formats.gct_rows import RowLayout, decoded, open_text, parsed_rows, text_portions
from gtexgen.data.formats.sources import (
    GeneBlock,
    GeneTable,
    IndexArray,
    Progress,
    check_unique_samples,
    kept_index,
)
from gtexgen.errors import DataError

__all__ = ["GctSource"]

SYMBOL_COLUMNS = ("description", "symbol", "gene_symbol", "pr_gene_symbol", "gene_name")


@dataclass(frozen=True)
class Dimensions:
    """What line 2 declares."""

    genes: int
    samples: int
    gene_columns: int
    sample_rows: int


class GctSource:
    """A GCT file as a `GeneMajorSource`.

    Parameters
    ----------
    path
        The file. Gzip is told by its first bytes, not by its name.

    Raises
    ------
    DataError
        The file is no GCT, or its header and dimension line disagree.
    """

    major: Literal["genes"] = "genes"

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with open_text(self.path) as stream:
            version = _line(stream).strip()
            if version not in ("#1.2", "#1.3"):
                self._fail(1, f"a GCT file starts with #1.2 or #1.3, this one with {version[:40]!r}")
            self._dimensions = self._read_dimensions(_line(stream), version)
            header = _line(stream)
            self._layout = self._read_header(header, version)
            self.sample_ids = list(self._layout.sample_ids)
            check_unique_samples(self.sample_ids, self.path, line=3)
            self.n_genes = self._dimensions.genes
            self.embedded_samples = self._read_annotations(stream)
        self._first_line = 4 + self._dimensions.sample_rows

    @cached_property
    def genes(self) -> GeneTable:
        """Every gene of the file, in its order, from a first pass over the file that parses no values.

        Raises
        ------
        DataError
            The file is truncated or holds another number of genes than its dimension line declares.
        """
        ids: list[str] = []
        symbols: list[str] = []
        with self._rows() as stream:
            for portion in text_portions(stream, self._first_line):
                text, start, line = portion.text, 0, portion.line
                while start < len(text):
                    end = text.index(b"\n", start)
                    place = start
                    for _ in range(self._layout.n_names):
                        place = text.find(b"\t", place, end) + 1 or end
                    names = decoded(text[start:place], self.path, line).split("\t")
                    names += [""] * self._layout.n_names
                    ids.append(names[self._layout.id_column])
                    symbols.append(names[self._layout.symbol_column])
                    start, line = end + 1, line + 1
        self._check_number(len(ids))
        return GeneTable(ids, symbols)

    def blocks(
        self, keep: npt.NDArray[np.bool_] | IndexArray, block_genes: int, progress: Progress | None = None
    ) -> Iterator[GeneBlock]:
        """Yield the genes in file order (see `gtexgen.data.formats.sources.GeneMajorSource.blocks`)."""
        index = kept_index(keep, len(self.sample_ids))
        subset = None if len(index) == len(self.sample_ids) else index
        ids: list[str] = []
        symbols: list[str] = []
        values = np.empty((block_genes, len(index)), dtype=np.float32)
        n_genes = 0
        with self._rows(progress) as stream:
            for rows in parsed_rows(stream, self._first_line, self._layout, subset):
                n_genes += len(rows.ids)
                taken = 0
                while taken < len(rows.ids):
                    n = min(block_genes - len(ids), len(rows.ids) - taken)
                    values[len(ids) : len(ids) + n] = rows.values[taken : taken + n]
                    ids += rows.ids[taken : taken + n]
                    symbols += rows.symbols[taken : taken + n]
                    taken += n
                    if len(ids) == block_genes:
                        yield GeneBlock(ids, symbols, values)
                        ids, symbols, values = [], [], np.empty_like(values)
        if ids:
            yield GeneBlock(ids, symbols, values[: len(ids)])
        self._check_number(n_genes)

    @contextmanager
    def _rows(self, progress: Progress | None = None) -> Iterator[IO[bytes]]:
        """Open the file at its first gene."""
        with open_text(self.path, progress) as stream:
            for _ in range(self._first_line - 1):
                stream.readline()
            yield stream

    def _read_dimensions(self, line: str, version: str) -> Dimensions:
        fields, wanted = line.split(), 2 if version == "#1.2" else 4
        if len(fields) != wanted or not all(field.isdecimal() for field in fields):
            self._fail(2, f"the dimension line must hold {wanted} whole numbers, and is {line[:60]!r}")
        genes, samples, *described = map(int, fields)
        return Dimensions(genes, samples, *(described or (0, 0)))

    def _read_header(self, line: str, version: str) -> RowLayout:
        header = line.split("\t")
        lowered = [name.strip().lower() for name in header]
        if version == "#1.3":
            n_names = 1 + self._dimensions.gene_columns
        else:
            n_names = lowered.index("description") + 1 if "description" in lowered[:3] else 2
        samples = header[n_names:]
        if len(samples) != self._dimensions.samples or not samples:
            message = f"the dimension line declares {self._dimensions.samples} samples, the header (line 3) has"
            self._fail(2, f"{message} {len(samples)}")
        id_column = lowered.index("name") if "name" in lowered[:n_names] else 0
        named = [column for column in range(n_names) if lowered[column] in SYMBOL_COLUMNS]
        return RowLayout(self.path, samples, n_names, id_column, named[0] if named else id_column)

    def _read_annotations(self, stream: IO[bytes]) -> pd.DataFrame | None:
        """Read the rows of a 1.3 file that describe its samples."""
        if not self._dimensions.sample_rows:
            return None
        columns: dict[str, list[str]] = {}
        for line in range(4, 4 + self._dimensions.sample_rows):
            fields = _line(stream).split("\t")
            if len(fields) != self._layout.n_names + len(self.sample_ids):
                self._fail(line, f"a row that describes the samples has {len(fields)} cells, unlike the header")
            columns[fields[0]] = fields[self._layout.n_names :]
        return pd.DataFrame(columns, index=self.sample_ids, dtype="str")

    def _check_number(self, n_genes: int) -> None:
        if n_genes != self._dimensions.genes:
            declared = self._dimensions.genes
            self._fail(2, f"the dimension line declares {declared} genes, the file has {n_genes}")

    def _fail(self, line: int, message: str) -> NoReturn:
        remedy = "the file is damaged or cut off, or is no GCT file: fetch or write it again"
        raise DataError(message, path=self.path, line=line, remedy=remedy)


def _line(stream: IO[bytes]) -> str:
    return stream.readline().decode(errors="replace").rstrip("\r\n")
