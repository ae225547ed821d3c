"""Expression as delimited text (CSV, TSV), plain or gzip, with genes or samples in rows.

The first column names the rows. With genes in rows a column of symbols or of gene ids may stand beside it
(``symbol``, ``gene_name``, ``Description``, ``gene_id``); with samples in rows the sample's donor, tissue,
subtissue, sex, age and death may. Every other column holds numbers. A header that lacks the first column's
name, as R writes it, is understood.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.data.formats.delimited_text import DelimitedText, TextRow
from gtexgen.data.formats.numeric_text import parse_numbers
from gtexgen.data.formats.orientation import (
    GENE_ID_NAMES,
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
    kept_index,
)
from gtexgen.errors import DataError

__all__ = ["GenesInRows", "SamplesInRows", "open_delimited"]

PARSE_BYTES = 8 * 2**20
N_LOOK = 50  # rows that the choice of orientation looks at


def open_delimited(
    path: str | Path, *, orientation: Orientation = "auto", sample_ids: Collection[str] | None = None
) -> GenesInRows | SamplesInRows:
    """Open a CSV or TSV; parameters and errors as for `gtexgen.data.formats.sources.open_source`."""
    text = DelimitedText(Path(path))
    rows = decide_orientation(
        text.path,
        orientation,
        key=text.header[0],
        rows=[row.names[0] for row in islice(text.rows(1), N_LOOK)],
        columns=text.header[1:],
        sample_ids=sample_ids,
    )
    return GenesInRows(text) if rows == "genes_in_rows" else SamplesInRows(text)


class GenesInRows:
    """A `GeneMajorSource`: a gene a line, a sample a column."""

    major: Literal["genes"] = "genes"
    embedded_samples: pd.DataFrame | None = None

    def __init__(self, text: DelimitedText) -> None:
        self._text = text
        second = text.header[1].lower()
        self._n_names = 2 if second in (*SYMBOL_NAMES, *GENE_ID_NAMES) else 1
        self._id_at, self._symbol_at = (1, 0) if second in GENE_ID_NAMES else (0, self._n_names - 1)
        self.path = text.path
        self.sample_ids = text.header[self._n_names :]
        check_unique_samples(self.sample_ids, self.path, line=1)

    def blocks(
        self, keep: npt.NDArray[np.bool_] | IndexArray, block_genes: int, progress: Progress | None = None
    ) -> Iterator[GeneBlock]:
        """Yield the genes in file order (see `GeneMajorSource.blocks`)."""
        index = kept_index(keep, len(self.sample_ids))
        ids: list[str] = []
        symbols: list[str] = []

        def pieces() -> Iterator[FloatArray]:
            for rows in _portions(self._text.rows(self._n_names, progress)):
                ids.extend(row.names[self._id_at] for row in rows)
                symbols.extend(row.names[self._symbol_at] for row in rows)
                yield _parsed(self._text, rows, self.sample_ids)[:, index]

        start = 0
        for values in _regrouped(pieces(), block_genes):
            stop = start + len(values)
            yield GeneBlock(ids[start:stop], symbols[start:stop], values)
            start = stop


class SamplesInRows:
    """A `SampleMajorSource`: a sample a line, a gene a column.

    Opening it reads the file once for the sample ids.
    """

    major: Literal["samples"] = "samples"

    def __init__(self, text: DelimitedText) -> None:
        self._text = text
        self.path = text.path
        lowered = [name.lower() for name in text.header]
        places = [place for place, name in enumerate(lowered) if place and name in SAMPLE_METADATA_NAMES]
        self._n_names = 1 + len(places)
        if places != list(range(1, self._n_names)):
            remedy = "put the sample's annotations right after its id, or in a sample table"
            column = text.header[places[-1]]
            raise DataError("annotations stand among the genes", path=self.path, line=1, column=column, remedy=remedy)
        labels = text.header[self._n_names :]
        if not labels:
            raise DataError("the header names no gene", path=self.path, line=1, remedy="give a column a gene")
        self.genes = GeneTable(labels, list(labels))
        rows = [row.names for row in text.rows(self._n_names)]
        self.sample_ids = [names[0] for names in rows]
        check_unique_samples(self.sample_ids, self.path)
        fields = pd.DataFrame([names[1:] for names in rows], self.sample_ids, text.header[1 : self._n_names])
        self.embedded_samples = fields if places else None

    def blocks(
        self, keep: npt.NDArray[np.bool_] | IndexArray, block_samples: int, progress: Progress | None = None
    ) -> Iterator[FloatArray]:
        """Yield the kept samples in file order (see `SampleMajorSource.blocks`)."""
        kept = set(kept_index(keep, len(self.sample_ids)).tolist())
        rows = enumerate(self._text.rows(self._n_names, progress))
        wanted = (row for place, row in rows if place in kept)
        return _regrouped(
            (_parsed(self._text, portion, self.genes.ids) for portion in _portions(wanted)), block_samples
        )


def _parsed(text: DelimitedText, rows: list[TextRow], columns: list[str]) -> FloatArray:
    return parse_numbers(
        [row.numbers for row in rows],
        columns,
        delimiter=text.delimiter.encode(),
        lines=[row.line for row in rows],
        path=text.path,
    )


def _portions(rows: Iterable[TextRow]) -> Iterator[list[TextRow]]:
    """Group rows into lists of about `PARSE_BYTES`."""
    portion: list[TextRow] = []
    size = 0
    for row in rows:
        portion.append(row)
        size += len(row.numbers)
        if size >= PARSE_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _regrouped(pieces: Iterable[FloatArray], rows: int) -> Iterator[FloatArray]:
    """Cut and join arrays into arrays of `rows` rows, the last one shorter."""
    waiting: list[FloatArray] = []
    n_waiting = 0
    for piece in pieces:
        rest = piece
        while n_waiting + len(rest) >= rows:
            cut = rows - n_waiting
            yield np.concatenate([*waiting, rest[:cut]])
            waiting, n_waiting, rest = [], 0, rest[cut:]
        if len(rest):
            waiting.append(rest)
            n_waiting += len(rest)
    if waiting:
        yield np.concatenate(waiting)
