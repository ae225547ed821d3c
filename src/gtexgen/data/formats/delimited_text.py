"""A delimited text file (CSV, TSV), plain or gzip, as a header and rows of names and numbers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, cast

from gtexgen.data.formats.sources import Progress
from gtexgen.errors import DataError

__all__ = ["DelimitedText", "TextRow"]

BUFFER_BYTES = 2**20


@dataclass(frozen=True)
class TextRow:
    """A row: its line counted from 1, the text of its naming columns, and the rest as it stands."""

    line: int
    names: list[str]
    numbers: bytes


class DelimitedText:
    """A delimited file whose header has been read.

    Parameters
    ----------
    path
        ``.csv`` is delimited by commas, anything else by tabs; ``.gz`` is gzip.

    Raises
    ------
    DataError
        The file has no header or no row, or does not use its delimiter.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.delimiter = "," if path.name.lower().removesuffix(".gz").endswith(".csv") else "\t"
        first = [line for _, line in islice(self._lines(None), 2)]
        if len(first) < 2:
            raise DataError("the file holds no rows", path=path, remedy="give a table with a header and rows")
        self.header = self._fields(first[0].removeprefix(b"\xef\xbb\xbf"), 1)
        if len(self._fields(first[1], 2)) == len(self.header) + 1:  # R names no column of row names
            self.header = ["", *self.header]
        if len(self.header) < 2:
            name = "comma" if self.delimiter == "," else "tab"
            remedy = "delimit .csv by commas, and .tsv and .txt by tabs"
            raise DataError(f"the header has no {name}", path=path, line=1, remedy=remedy)

    def rows(self, n_names: int, progress: Progress | None = None) -> Iterator[TextRow]:
        """Yield the rows below the header, their first `n_names` cells apart from the rest.

        Raises
        ------
        DataError
            A row is shorter than that, or the gzip stream is damaged or cut off.
        """
        delimiter = self.delimiter.encode()
        cell = rb'(?:"(?:[^"]|"")*"|[^"%b][^%b]*|)%b' % (delimiter, delimiter, delimiter)
        quoted = re.compile(rb"(?:%b){%d}" % (cell, n_names))
        for line, text in islice(self._lines(progress), 1, None):
            match = quoted.match(text) if b'"' in text else None
            if match is not None:
                names, numbers = self._fields(match[0][:-1], line), text[match.end() :]
            else:
                *raw, numbers = text.split(delimiter, n_names)
                names = [self._decoded(name, line) for name in raw]
            if len(names) < n_names:
                message = f"the row has {len(names) + 1} cells where the header has {len(self.header)}"
                remedy = "the file is cut off or this line is damaged: fetch or write it again"
                raise DataError(message, path=self.path, line=line, remedy=remedy)
            yield TextRow(line, names, numbers)

    def _lines(self, progress: Progress | None) -> Iterator[tuple[int, bytes]]:
        """Yield the lines that are not empty, without their ends, and their numbers from 1."""
        from isal import igzip
        from isal.isal_zlib import IsalError

        with ExitStack() as stack:
            stored = stack.enter_context(self.path.open("rb"))
            handle: IO[bytes] = stored
            if self.path.name.lower().endswith(".gz"):
                unzipped = stack.enter_context(igzip.open(stored))  # type: ignore[no-untyped-call]
                handle = cast("IO[bytes]", io.BufferedReader(unzipped, BUFFER_BYTES))
            told, number = 0, 0
            try:
                for number, line in enumerate(handle, start=1):
                    if progress is not None and (now := stored.tell()) > told:
                        progress(now - told)
                        told = now
                    if text := line.rstrip(b"\r\n"):
                        yield number, text
            except (EOFError, OSError, IsalError) as error:  # type: ignore[misc]
                message = f"the gzip stream is damaged or cut off, somewhere after line {number} ({error})"
                raise DataError(message, path=self.path, remedy="fetch the file again") from None

    def _fields(self, line: bytes, number: int) -> list[str]:
        return next(csv.reader([self._decoded(line, number)], delimiter=self.delimiter))

    def _decoded(self, raw: bytes, line: int) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise DataError("the text is not UTF-8", path=self.path, line=line) from None
