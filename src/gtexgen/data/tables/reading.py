"""Tables of samples read back: as the writers here write them, or as a user has them.

Unlike `gtexgen.data.formats`, whose files say themselves what they hold, a reader here is told the columns and takes
those alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from gtexgen.data.formats.delimited_text import DelimitedText
from gtexgen.data.formats.numeric_text import parse_numbers
from gtexgen.data.formats.parquet import ParquetTable
from gtexgen.data.formats.sources import FloatArray, IndexArray, open_source
from gtexgen.data.genes import split_version
from gtexgen.data.sample_tables import as_text
from gtexgen.data.tables.base import SAMPLE_ID, check_columns, name_some
from gtexgen.errors import DataError

__all__ = ["read_sample_table"]

BLOCK = 256

Parts: TypeAlias = tuple[pd.DataFrame, FloatArray]


def read_sample_table(path: str | Path, fields: Sequence[str], genes: pd.DataFrame) -> pd.DataFrame:
    """Read some columns of a table with a sample a row; of GCT, with a sample a column.

    Parameters
    ----------
    path
        ``.parquet``, ``.csv``, ``.tsv``, ``.txt`` (tabs) or ``.gct`` (each text format also ``.gz``), or ``.h5ad``. In
        text the genes stand last.
    fields
        Columns of text; those that the table does not have are left out.
    genes
        Columns ``label`` and ``gene_id``; a gene is found by either, with or without a version.

    Returns
    -------
    pandas.DataFrame
        ``sample_id``, the fields that are there, then a float32 column a gene, by label and in the order of `genes`.

    Raises
    ------
    DataError
        The file is missing, of an unknown kind or damaged, lacks a gene, or holds a value that is no expression value.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError("there is no such file", path=path, remedy="check the path of the table")
    labels = genes["label"].tolist()
    check_columns(fields, labels)
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".parquet"):
        samples, expression = _from_parquet(path, fields, genes)
    elif name.endswith((".csv", ".tsv", ".txt", ".tab")):
        samples, expression = _from_text(path, fields, genes)
    else:
        samples, expression = _from_source(path, fields, genes)
    return pd.concat([samples.apply(as_text), pd.DataFrame(expression, columns=labels)], axis=1)


def _from_parquet(path: Path, fields: Sequence[str], genes: pd.DataFrame) -> Parts:
    table = ParquetTable(path)
    columns = [table.columns[place] for place in _places(([name] for name in table.columns), genes, path)]
    table.check_numbers(columns)
    named = {name: table.text(name) for name in fields if name in table.columns}
    return pd.DataFrame({SAMPLE_ID: table.row_names, **named}), table.values(columns).T


def _from_text(path: Path, fields: Sequence[str], genes: pd.DataFrame) -> Parts:
    text = DelimitedText(path)
    places = _places(([name] for name in text.header), genes, path)
    n_names = int(places.min())
    if late := [name for name in fields if name in text.header[n_names:]]:
        remedy = "put the columns of text before those of the genes"
        raise DataError("this column stands among the genes", path=path, line=1, column=late[0], remedy=remedy)
    names: list[list[str]] = []
    blocks: list[FloatArray] = []
    rows = text.rows(n_names)
    while block := list(islice(rows, BLOCK)):
        names += [row.names for row in block]
        numbers, lines = [row.numbers for row in block], [row.line for row in block]
        delimiter = text.delimiter.encode()
        values = parse_numbers(numbers, text.header[n_names:], delimiter=delimiter, lines=lines, path=path)
        blocks.append(values[:, places - n_names])
    table = pd.DataFrame(names, columns=text.header[:n_names])
    if SAMPLE_ID not in table:
        table.insert(0, SAMPLE_ID, table.iloc[:, 0])
    return table[[SAMPLE_ID, *(name for name in fields if name in table)]], np.concatenate(blocks)


def _from_source(path: Path, fields: Sequence[str], genes: pd.DataFrame) -> Parts:
    """Read a format that keeps genes and sample columns apart: GCT or h5ad."""
    source = open_source(path)
    everyone = np.arange(len(source.sample_ids))
    if source.major == "samples":
        names = zip(source.genes.ids, source.genes.symbols, strict=True)
        places = _places(names, genes, path)
        expression = np.concatenate([block[:, places] for block in source.blocks(everyone, BLOCK)])
    else:
        read = list(source.blocks(everyone, BLOCK))
        pairs = ((gene, symbol) for block in read for gene, symbol in zip(block.ids, block.symbols, strict=True))
        expression = np.concatenate([block.values for block in read])[_places(pairs, genes, path)].T
    described = source.embedded_samples
    named = {} if described is None else {name: described[name].tolist() for name in fields if name in described}
    return pd.DataFrame({SAMPLE_ID: source.sample_ids, **named}), expression


def _places(names: Iterable[Sequence[str]], genes: pd.DataFrame, path: Path) -> IndexArray:
    """Find each gene among those of a file, whose names are its identifier, its symbol or both."""
    place_of: dict[str, int] = {}
    for place, alternatives in enumerate(names):
        for name in alternatives:
            place_of.setdefault(split_version(name)[0], place)
    known = zip(genes["gene_id"], genes["label"], strict=True)
    found = [place_of.get(gene_id, place_of.get(label, -1)) for gene_id, label in known]
    missing = [label for label, place in zip(genes["label"], found, strict=True) if place < 0]
    if missing:
        message = f"{len(missing)} of the {len(found)} genes are not in the table: {name_some(missing)}"
        raise DataError(message, path=path, remedy="give every gene, by its label or its gene id")
    return np.array(found, dtype=np.int64)
