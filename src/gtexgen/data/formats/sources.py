"""What an expression file looks like to `prepare`, whatever its format.

A file is read in blocks, along whichever axis its format makes cheap: a `GeneMajorSource` yields a few
genes of every kept sample, a `SampleMajorSource` a few samples of every gene. Neither holds the whole matrix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.errors import DataError

__all__ = [
    "FloatArray",
    "GeneBlock",
    "GeneMajorSource",
    "GeneTable",
    "IndexArray",
    "Orientation",
    "Progress",
    "SampleMajorSource",
    "check_unique_samples",
    "first_invalid",
    "invalid_value",
    "kept_index",
    "open_source",
]

FloatArray = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.int64]
Orientation = Literal["auto", "genes_in_rows", "samples_in_rows"]
Progress = Callable[[int], None]
"""Called with the bytes of the file (as stored, so compressed ones) consumed since the last call."""

VALUE_REMEDY = "expression must be finite and not negative, in linear units (TPM, RPKM or counts, not log values)"


@dataclass(frozen=True)
class GeneTable:
    """The genes of a file, in its order, named as it names them.

    Parameters
    ----------
    ids
        Gene identifiers, with their version where the file has one.
    symbols
        Gene symbols; the identifier again where the file has none.
    """

    ids: list[str]
    symbols: list[str]


@dataclass(frozen=True)
class GeneBlock:
    """Consecutive genes of a file.

    Parameters
    ----------
    ids, symbols
        As in `GeneTable`, for the genes of this block.
    values
        Expression, ``(genes, kept samples)``, in the file's units.
    """

    ids: list[str]
    symbols: list[str]
    values: FloatArray


class GeneMajorSource(Protocol):
    """A file read a few genes at a time: GCT, text with genes in rows, Parquet with genes in columns."""

    @property
    def major(self) -> Literal["genes"]:
        """The axis along which blocks are cut."""
        ...

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def sample_ids(self) -> list[str]:
        """Every sample of the file, in its order, each once."""
        ...

    @property
    def embedded_samples(self) -> pd.DataFrame | None:
        """Sample annotations that the file carries itself, a row a sample, indexed by sample id."""
        ...

    def blocks(
        self, keep: npt.NDArray[np.bool_] | IndexArray, block_genes: int, progress: Progress | None = None
    ) -> Iterator[GeneBlock]:
        """Yield every gene in file order, at most `block_genes` at a time, for the samples in `keep`.

        `keep` is a mask over `sample_ids` or positions in it; columns come in file order either way.
        Raises `DataError`, naming file, line and column, on a value that is no expression value.
        """
        ...


class SampleMajorSource(Protocol):
    """A file read a few samples at a time: text with samples in rows, h5ad, Parquet with genes in rows."""

    @property
    def major(self) -> Literal["samples"]:
        """The axis along which blocks are cut."""
        ...

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def sample_ids(self) -> list[str]:
        """Every sample of the file, in its order, each once."""
        ...

    @property
    def genes(self) -> GeneTable:
        """Every gene of the file, in its order."""
        ...

    @property
    def embedded_samples(self) -> pd.DataFrame | None:
        """Sample annotations that the file carries itself, a row a sample, indexed by sample id."""
        ...

    def blocks(
        self, keep: npt.NDArray[np.bool_] | IndexArray, block_samples: int, progress: Progress | None = None
    ) -> Iterator[FloatArray]:
        """Yield the kept samples in file order as ``(samples, genes)``, `block_samples` at most.

        Raises `DataError`, naming file, line and column, on a value that is no expression value.
        """
        ...


def open_source(
    path: str | Path, *, orientation: Orientation = "auto", sample_ids: Collection[str] | None = None
) -> GeneMajorSource | SampleMajorSource:
    """Open an expression file by its suffix.

    Parameters
    ----------
    path
        ``.gct``, ``.csv``, ``.tsv``, ``.txt`` (each plain or ``.gz``), ``.h5ad`` or ``.parquet``.
    orientation
        What the rows of delimited text and of Parquet are; GCT and h5ad state it themselves.
    sample_ids
        The sample table's ids, by which ``"auto"`` tells samples from genes.

    Raises
    ------
    DataError
        The file is missing, of an unknown kind, malformed, or its orientation cannot be told.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError("there is no such file", path=path, remedy="check the path of the expression file")
    name = path.name.lower()
    stem = name.removesuffix(".gz")
    if stem.endswith(".gct"):
        from gtexgen.data.formats.gct import GctSource

        return GctSource(path)
    if stem.endswith((".csv", ".tsv", ".txt", ".tab")):
        from gtexgen.data.formats.delimited import open_delimited

        return open_delimited(path, orientation=orientation, sample_ids=sample_ids)
    if name.endswith(".h5ad"):
        from gtexgen.data.formats.h5ad import H5adSource

        return H5adSource(path)
    if name.endswith(".parquet"):
        from gtexgen.data.formats.parquet import open_parquet

        return open_parquet(path, orientation=orientation, sample_ids=sample_ids)
    known = ".gct, .csv, .tsv, .txt (plain or .gz), .h5ad, .parquet"
    raise DataError("unknown kind of expression file", path=path, remedy=f"give one of {known}")


def kept_index(keep: npt.NDArray[np.bool_] | IndexArray, n: int) -> IndexArray:
    """Positions of the kept samples in file order, from a mask of length `n` or positions in any order."""
    if keep.dtype == np.bool_:
        if keep.shape != (n,):
            raise ValueError(f"a mask over {n} samples has shape {keep.shape}")
        return np.flatnonzero(keep).astype(np.int64)
    index: IndexArray = np.unique(keep.astype(np.int64))
    if index.size and (index[0] < 0 or index[-1] >= n):
        raise IndexError(f"a kept sample is outside the file's {n} samples")
    return index


def check_unique_samples(sample_ids: Sequence[str], path: Path, line: int | None = None) -> None:
    """Raise `DataError` naming the first sample that the file holds twice."""
    if len(set(sample_ids)) == len(sample_ids):
        return
    twice = next(name for name, count in Counter(sample_ids).items() if count > 1)
    first = sample_ids.index(twice)
    second = sample_ids.index(twice, first + 1)
    raise DataError(
        f"sample {twice!r} occurs twice (samples {first + 1} and {second + 1} of the file)",
        path=path,
        line=line,
        column=twice,
        remedy="remove or rename one of the two",
    )


def first_invalid(values: npt.NDArray[np.floating]) -> tuple[int, int] | None:
    """Position of the first negative, NaN or infinite value of a 2-D array, or None when all are valid."""
    if not values.size or (values.min() >= 0 and values.max() < np.inf):  # NaN fails the first comparison
        return None
    row, column = np.argwhere(~(np.isfinite(values) & (values >= 0)))[0]
    return int(row), int(column)


def invalid_value(value: object, path: Path, *, line: int | None = None, column: str, where: str = "") -> DataError:
    """Build the error for a value that is no expression value.

    `value` is the cell's text or number; `where` says which row it is in where there are no lines.
    """
    place = f" ({where})" if where else ""
    return DataError(
        f"{value!r} is not an expression value{place}",
        path=path,
        line=line,
        column=column,
        remedy=VALUE_REMEDY,
    )
