"""The rows of a GCT file, decompressed, parsed and checked in parallel with whatever reads them.

A table of 17,000 columns is slow to parse as such. Here every cell of a megabyte of text is an element of one
Arrow string array, whose offsets are the places of the tabs, and Arrow makes numbers of all of them at once.
"""

from __future__ import annotations

import io
import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gtexgen.data.formats.sources import FloatArray, IndexArray, Progress, first_invalid, invalid_value
from gtexgen.errors import DataError

__all__ = ["GctRows", "GctText", "RowLayout", "decoded", "open_text", "parsed_rows", "text_portions"]

PORTION_BYTES = 2**20
MAX_WORKERS = 4
TAB, LINE_FEED = b"\t", b"\n"
NUMBER = re.compile(rb"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class RowLayout:
    """What every row of a file must look like.

    Parameters
    ----------
    path
        The file.
    sample_ids
        Names of its value columns, in order.
    n_names
        Columns before the values.
    id_column, symbol_column
        Which of those hold the gene's identifier and its symbol.
    """

    path: Path
    sample_ids: Sequence[str]
    n_names: int
    id_column: int
    symbol_column: int


@dataclass(frozen=True)
class GctText:
    """Whole lines of a file, `n_lines` of them, each ending in a line feed; the first is number `line`, from 1."""

    line: int
    n_lines: int
    text: bytes


@dataclass(frozen=True)
class GctRows:
    """Consecutive genes: names ``(genes,)`` and values ``(genes, kept samples)``."""

    ids: list[str]
    symbols: list[str]
    values: FloatArray


@contextmanager
def open_text(path: Path, progress: Progress | None = None) -> Iterator[IO[bytes]]:
    """Open a file for reading, decompressing on another thread if it is gzip (whatever its name).

    Raises
    ------
    DataError
        The gzip stream is damaged or ends early, at any read inside the block.
    """
    from isal import igzip, igzip_threaded
    from isal.isal_zlib import IsalError

    with ExitStack() as stack:
        stored = stack.enter_context(path.open("rb"))
        magic = stored.read(2)
        stored.seek(0)
        counted = cast("IO[bytes]", io.BufferedReader(_Counted(stored, progress), 2**20))
        if magic != b"\x1f\x8b":
            yield counted
            return
        try:
            yield stack.enter_context(igzip_threaded.open(counted, "rb"))  # type: ignore[no-untyped-call]
        except EOFError:
            message, remedy = "the gzip stream ends early: the file is truncated", "fetch the file again"
            raise DataError(message, path=path, remedy=remedy) from None
        except (igzip.BadGzipFile, IsalError) as error:  # type: ignore[misc]
            raise DataError(f"the gzip stream is damaged ({error})", path=path, remedy="fetch the file again") from None


class _Counted(io.RawIOBase):
    """A raw stream that reports the bytes read from it."""

    def __init__(self, stream: IO[bytes], progress: Progress | None) -> None:
        self._stream = stream
        self._progress = progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        n = cast("int", self._stream.readinto(buffer))  # type: ignore[attr-defined]
        if self._progress is not None:
            self._progress(n)
        return n


def decoded(text: bytes, path: Path, line: int) -> str:
    """Decode UTF-8; `DataError` for anything else."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        remedy = "write the file as UTF-8"
        raise DataError("the text is not UTF-8", path=path, line=line, remedy=remedy) from None


def text_portions(stream: IO[bytes], line: int) -> Iterator[GctText]:
    """Cut the rest of a stream, whose next line is number `line`, into whole lines but blank last ones."""
    while text := stream.read(PORTION_BYTES) + stream.readline():
        text = text.replace(b"\r\n", LINE_FEED) if b"\r" in text else text
        if text.endswith(b"\n\n") or not text.endswith(LINE_FEED):
            text = text.rstrip(LINE_FEED) + LINE_FEED
        n_lines = text.count(LINE_FEED)
        if text != LINE_FEED:
            yield GctText(line, n_lines, text)
        line += n_lines


def parsed_rows(stream: IO[bytes], line: int, layout: RowLayout, index: IndexArray | None) -> Iterator[GctRows]:
    """Parse the rest of a stream, whose next line is number `line`, on threads of its own.

    Parameters
    ----------
    index
        Positions of the samples to keep; all when None.

    Raises
    ------
    DataError
        Names the line and the column at fault.
    """
    workers = min(os.cpu_count() or 1, MAX_WORKERS)
    pending: deque[Future[GctRows]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="gct") as pool:
        for portion in text_portions(stream, line):
            pending.append(pool.submit(_parse, portion, layout, index))
            if len(pending) > 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _parse(portion: GctText, layout: RowLayout, index: IndexArray | None) -> GctRows:
    text, n_values = portion.text, len(layout.sample_ids)
    width = layout.n_names + n_values
    raw = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(raw <= LINE_FEED[0])  # where cells end: tabs and line feeds
    if len(ends) != portion.n_lines * width or (raw[ends[width - 1 :: width]] != LINE_FEED[0]).any():
        raise _ragged(portion, layout)
    offsets = np.zeros(len(ends) + 1, dtype=np.int32)
    np.subtract(ends, np.arange(len(ends)), out=offsets[1:], casting="unsafe")
    joined = text.translate(None, TAB + LINE_FEED)
    try:
        values = _numbers(joined, offsets, layout.n_names, width)
    except pa.ArrowInvalid:
        raise _not_numeric(portion, layout) from None
    if (place := first_invalid(values)) is not None:
        raise _invalid(portion, layout, *place)
    ids, symbols = (
        [
            decoded(joined[offsets[place] : offsets[place + 1]], layout.path, portion.line + row)
            for row, place in enumerate(range(column, len(ends), width))
        ]
        for column in (layout.id_column, layout.symbol_column)
    )
    return GctRows(ids, symbols, values if index is None else values[:, index])


def _numbers(joined: bytes, offsets: npt.NDArray[np.int32], n_names: int, width: int) -> FloatArray:
    """Parse rows of `width` cells, of which the first `n_names` are no numbers, ``(rows, width - n_names)``."""
    n_cells = len(offsets) - 1
    is_number = np.ones((n_cells // width, width), dtype=bool)
    is_number[:, :n_names] = False
    valid = np.packbits(is_number, bitorder="little")
    buffers = (pa.py_buffer(offsets), pa.py_buffer(joined), pa.py_buffer(valid))
    cells = pa.StringArray.from_buffers(n_cells, *buffers)
    numbers = pc.cast(cells, pa.float32()).buffers()[1]
    return np.frombuffer(numbers, dtype=np.float32, count=n_cells).reshape(is_number.shape)[:, n_names:]


def _ragged(portion: GctText, layout: RowLayout) -> DataError:
    width = layout.n_names + len(layout.sample_ids)
    rows = portion.text.split(LINE_FEED)[:-1]
    row = next((row for row, text in enumerate(rows) if text.count(TAB) != width - 1), 0)
    return DataError(
        f"the row has {rows[row].count(TAB) + 1} cells where the header has {width}",
        path=layout.path,
        line=portion.line + row,
        remedy="the file is cut off or this line is damaged: fetch or write it again",
    )


def _not_numeric(portion: GctText, layout: RowLayout) -> DataError:
    for row, text in enumerate(portion.text.split(LINE_FEED)[:-1]):
        for column, cell in enumerate(text.split(TAB)[layout.n_names :]):
            if NUMBER.fullmatch(cell) is None:
                return _invalid(portion, layout, row, column)
    raise AssertionError("Arrow refused a row in which every cell is a number")


def _invalid(portion: GctText, layout: RowLayout, row: int, column: int) -> DataError:
    cell = portion.text.split(LINE_FEED, row + 1)[row].split(TAB)[layout.n_names + column]
    return invalid_value(
        cell.decode(errors="replace"),
        layout.path,
        line=portion.line + row,
        column=layout.sample_ids[column],
    )
