"""Any sample table (CSV, TSV, Parquet) as a frame of text."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gtexgen.errors import DataError

__all__ = ["MISSING", "TextTable", "as_text", "read_text_table"]

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "<NA>")


@dataclass(frozen=True)
class TextTable:
    """A table whose cells are text, missing ones null.

    Parameters
    ----------
    frame
        One row a sample or a donor.
    path
        Where it was read from.
    lines
        The line of each row, where the file has lines.
    """

    frame: pd.DataFrame
    path: Path | None = None
    lines: list[int] | None = None

    def line(self, row: int) -> int | None:
        """Line of the row at position `row`, counted from 1."""
        return self.lines[row] if self.lines is not None else None


def read_text_table(path: str | Path) -> TextTable:
    """Read a table by its suffix: ``.csv``, ``.tsv``, ``.txt`` (tabs), plain or ``.gz``, or ``.parquet``.

    Empty cells, ``NA``, ``N/A``, ``NaN`` and ``null`` are missing. Text is UTF-8, or else Latin-1.

    Raises
    ------
    DataError
        The file is missing, of an unknown kind, empty, or a row has too many or too few cells.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError("there is no such file", path=path, remedy="check the path of the table")
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".parquet"):
        frame = pd.read_parquet(path)
        if frame.index.name is not None:
            frame = frame.reset_index()
        return TextTable(frame.apply(as_text), path)
    if not name.endswith((".csv", ".tsv", ".txt", ".tab")):
        remedy = "give a .csv, .tsv or .txt (tabs), plain or .gz, or a .parquet"
        raise DataError("unknown kind of table", path=path, remedy=remedy)
    return _parse(_decoded(path), "," if name.endswith(".csv") else "\t", path)


def as_text(values: pd.Series) -> pd.Series:
    """Turn a column of any type into text: missing stays missing and a whole number loses its ``.0``."""
    missing = values.isna()
    if pd.api.types.is_float_dtype(values) and np.all(values[~missing] % 1 == 0):
        values = values.astype("Int64")
    text = values.astype(object).where(~missing, None).map(str, na_action="ignore").astype("str")
    return text.mask(text.isin(MISSING))


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    if path.name.lower().endswith(".gz"):
        try:
            raw = gzip.decompress(raw)
        except (EOFError, OSError, zlib.error) as error:
            message = f"the gzip stream is damaged or cut off ({error})"
            raise DataError(message, path=path, remedy="fetch the file again") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _parse(text: str, delimiter: str, path: Path) -> TextTable:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if not row:
                continue
            if not header:
                header = row
                continue
            if len(row) != len(header):
                message = f"the row has {len(row)} cells where the header has {len(header)}"
                remedy = "mend this line (a stray delimiter, line break or quote?)"
                raise DataError(message, path=path, line=reader.line_num, remedy=remedy)
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(f"not a table of text ({error})", path=path, line=reader.line_num) from None
    if not rows:
        remedy = "give a table with a header and a row for each sample or donor"
        raise DataError("the table holds no rows", path=path, remedy=remedy)
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        remedy = "give every column its own name"
        raise DataError("the header names this column twice", path=path, line=1, column=twice, remedy=remedy)
    frame = pd.DataFrame(rows, columns=header, dtype="str")
    return TextTable(frame.mask(frame.isin(MISSING)), path, lines)
