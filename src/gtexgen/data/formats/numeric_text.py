"""Rows of numbers as text, parsed in bulk, with a slow second look that finds the cell at fault."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from gtexgen.data.formats.sources import FloatArray, first_invalid, invalid_value
from gtexgen.errors import DataError

__all__ = ["parse_numbers"]

NUMBER = re.compile(rb'\s*"?[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"?\s*')
READ = csv.ReadOptions(column_names=["value"])
PARSE = csv.ParseOptions(ignore_empty_lines=False)
CONVERT = csv.ConvertOptions(column_types={"value": pa.float32()}, null_values=[], strings_can_be_null=False)


def parse_numbers(
    rows: Sequence[bytes], columns: Sequence[str], *, delimiter: bytes, lines: Sequence[int], path: Path
) -> FloatArray:
    """Parse rows of expression values.

    A table of many columns is slow to parse as such: the delimiters become line ends and the whole block one
    column of numbers.

    Parameters
    ----------
    rows
        The numbers of each row, delimited, without the row's name and line end.
    columns
        Names of the columns.
    delimiter
        One byte.
    lines
        The line of each row in its file, counted from 1.
    path
        The file, for messages.

    Returns
    -------
    numpy.ndarray
        ``(rows, columns)``, float32, every value finite and not negative.

    Raises
    ------
    DataError
        A row has too many or too few cells, or a cell is no expression value.
    """
    for row, line in zip(rows, lines, strict=True):
        if row.count(delimiter) != len(columns) - 1:
            message = f"the row has {row.count(delimiter) + 1} values where the header has {len(columns)}"
            remedy = "the file is cut off or this line is damaged: fetch or write it again"
            raise DataError(message, path=path, line=line, remedy=remedy)
    text = b"\n".join(rows).translate(bytes.maketrans(delimiter, b"\n"))
    try:
        table = csv.read_csv(pa.BufferReader(text), READ, PARSE, CONVERT)
    except pa.ArrowInvalid:
        values = _parse_slowly(rows, columns, delimiter, lines, path)
    else:
        values = table["value"].to_numpy().reshape(len(rows), len(columns))
    place = first_invalid(values)
    if place is not None:
        row_at, column_at = place
        cell = rows[row_at].split(delimiter)[column_at].decode(errors="replace")
        raise invalid_value(cell, path, line=lines[row_at], column=columns[column_at])
    return values


def _parse_slowly(
    rows: Sequence[bytes], columns: Sequence[str], delimiter: bytes, lines: Sequence[int], path: Path
) -> FloatArray:
    """Parse cell by cell, raising for the first that is no number; reads what Arrow does not (``+5``)."""
    values = np.empty((len(rows), len(columns)), dtype=np.float32)
    for place, (row, line) in enumerate(zip(rows, lines, strict=True)):
        for column, cell in enumerate(row.split(delimiter)):
            if NUMBER.fullmatch(cell) is None:
                raise invalid_value(cell.decode(errors="replace"), path, line=line, column=columns[column])
            values[place, column] = float(cell.strip().strip(b'"'))
    return values
