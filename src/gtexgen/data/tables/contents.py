"""A table of samples, opened: its text, the names of its columns of numbers, and these numbers when they are wanted.

Label columns may stand anywhere among those of the genes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from gtexgen.data.formats.delimited_text import DelimitedText
from gtexgen.data.formats.sources import open_source
from gtexgen.data.genes import split_version
from gtexgen.errors import DataError

__all__ = ["Contents", "gene_places", "open_contents"]


class Contents(NamedTuple):
    """What a table holds.

    Attributes
    ----------
    text
        The columns of text that were asked for and are there, one row a sample.
    names
        The names of every column: one, or the identifier and the symbol of a gene.
    values
        Reads columns of numbers by their places in `names`, ``(samples, columns)``, float32.
    """

    text: pd.DataFrame
    names: list[tuple[str, ...]]
    values: Callable[[Sequence[int]], npt.NDArray[np.floating]]


def open_contents(path: Path, text_columns: set[str], genes: pd.DataFrame) -> Contents:
    """Open a table of any of the formats.

    Parameters
    ----------
    path
        The table.
    text_columns
        Columns that are text, whatever they look like; those that the table does not have are left out.
    genes
        Columns ``label`` and ``gene_id``: columns that are numbers.

    Raises
    ------
    DataError
        The file is missing, of an unknown kind or damaged, or names a column twice; or a gene has something else than
        numbers.
    """
    if not path.is_file():
        raise DataError("there is no such file", path=path, remedy="check the path of the table")
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".parquet"):
        return _from_arrow(_parquet(path), text_columns, path)
    if name.endswith((".csv", ".tsv", ".txt", ".tab")):
        return _from_arrow(_delimited(path, text_columns, genes), text_columns, path)
    return _from_source(path)


def gene_places(names: Sequence[Sequence[str]], genes: pd.DataFrame) -> tuple[list[int], list[str]]:
    """Find genes among the columns of a table.

    Parameters
    ----------
    names
        As `Contents.names`.
    genes
        Columns ``label`` and ``gene_id``; a gene is found by either, with or without a version.

    Returns
    -------
    tuple of list
        The places of those that are there, in the order of `genes`, and the labels of the others.
    """
    place_of: dict[str, int] = {}
    for place, alternatives in enumerate(names):
        for name in alternatives:
            place_of.setdefault(split_version(name)[0], place)
    pairs = list(zip(genes["label"], genes["gene_id"], strict=True))
    found = [place_of.get(label, place_of.get(gene_id, -1)) for label, gene_id in pairs]
    missing = [label for (label, _), place in zip(pairs, found, strict=True) if place < 0]
    return [place for place in found if place >= 0], missing


def _parquet(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"not a readable Parquet file ({error})", path=path) from None


def _delimited(path: Path, text_columns: set[str], genes: pd.DataFrame) -> pa.Table:
    """Read text: the named columns as text, the genes as numbers, the others as what they look like."""
    file = DelimitedText(path)
    _check_unique(file.header, path)
    known = {*genes["label"], *genes["gene_id"]}
    types = {name: pa.float32() for name in file.header if split_version(name)[0] in known}
    convert = csv.ConvertOptions(column_types=types | dict.fromkeys(text_columns, pa.string()))
    parse = csv.ParseOptions(delimiter=file.delimiter)
    read = csv.ReadOptions(column_names=file.header, skip_rows=1)
    try:
        return csv.read_csv(path, read, parse, convert)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"not a readable table ({error})", path=path, remedy="mend the row that it names") from None


def _from_arrow(table: pa.Table, text_columns: set[str], path: Path) -> Contents:
    names = [str(name) for name in table.column_names]
    _check_unique(names, path)
    text = pd.DataFrame({name: table[name].to_pandas() for name in names if name in text_columns})
    text.index = pd.RangeIndex(table.num_rows)

    def values(places: Sequence[int]) -> npt.NDArray[np.floating]:
        out = np.empty((table.num_rows, len(places)), dtype=np.float32)
        for place, column in enumerate(places):
            out[:, place] = _numbers(table[names[column]], names[column], path)
        return out

    return Contents(text, [(name,) for name in names], values)


def _check_unique(names: Sequence[str], path: Path) -> None:
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError("the column occurs twice", path=path, column=twice, remedy="remove or rename one")


def _numbers(column: pa.ChunkedArray, name: str, path: Path) -> npt.NDArray[np.floating]:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise DataError(f"the column of a gene holds {column.type}, not numbers", path=path, column=name)
    values: npt.NDArray[np.floating] = column.to_numpy(zero_copy_only=False).astype(np.float32)
    return values


def _from_source(path: Path) -> Contents:
    """Read a format that keeps genes and labels apart: GCT or h5ad."""
    source = open_source(path)
    described = source.embedded_samples
    text = pd.DataFrame(index=pd.RangeIndex(len(source.sample_ids))) if described is None else described
    text = text.reset_index(drop=True)
    text["sample_id"] = source.sample_ids
    everyone = np.arange(len(source.sample_ids))
    if source.major == "samples":
        expression = np.concatenate(list(source.blocks(everyone, 1024)))
        names: list[tuple[str, ...]] = list(zip(source.genes.ids, source.genes.symbols, strict=True))
    else:
        blocks = list(source.blocks(everyone, 512))
        expression = np.concatenate([block.values for block in blocks]).T
        names = [pair for block in blocks for pair in zip(block.ids, block.symbols, strict=True)]
    return Contents(text, names, lambda places: expression[:, list(places)])
