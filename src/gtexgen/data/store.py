"""The expression store: a folder of Parquet files, opened lazily and read by row group.

``expression/genes-00000.parquet`` and so on hold a block of genes each: a float32 column a gene, named by its
label, samples in rows. All have the same row groups, so any samples of any genes are read from few places.
``samples.parquet`` and ``genes.parquet`` describe the rows and the columns, ``store.json`` the whole.

The pair of the original project (``v8_expressions.parquet`` with ``v8_samples.parquet`` beside it) opens as a
store of one block, in TPM.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gtexgen.data.formats.sources import FloatArray, IndexArray, first_invalid
from gtexgen.errors import StoreError

__all__ = ["ExpressionStore"]

SCHEMA_VERSION = 1
MANIFEST, SAMPLES, GENES = "store.json", "samples.parquet", "genes.parquet"
PREPARE_AGAIN = "make the store again with gtexgen-prepare (overwrite=true)"


def block_path(folder: Path, number: int) -> Path:
    """File of a block of genes."""
    return folder / "expression" / f"genes-{number:05d}.parquet"


class ExpressionStore:
    """Expression of samples by genes, on disk. Reading is safe from several threads.

    Made by `ExpressionStore.open`.

    Attributes
    ----------
    path
        Where it is.
    genes
        Columns ``label, gene_id, version, symbol, block``, a row a gene.
    samples
        The samples table, in the order of the rows.
    units
        Of the expression: TPM, RPKM, counts.
    row_groups
        The samples of each row group; together, in order, all of them.
    """

    def __init__(
        self,
        path: Path,
        *,
        files: Sequence[Path],
        genes: pd.DataFrame,
        samples: pd.DataFrame,
        units: str,
        fingerprint: Callable[[], str],
    ) -> None:
        self.path = path
        self.genes = genes
        self.samples = samples
        self.units = units
        self._files = list(files)
        self._fingerprint = fingerprint
        self._metadata: dict[int, pq.FileMetaData] = {}
        self._opened = threading.local()
        self._place = {label: place for place, label in enumerate(genes["label"])}
        self._block = genes["block"].to_numpy()
        metadata = self._file(0).metadata
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self.row_groups = [range(a, b) for a, b in pairwise(accumulate(sizes, initial=0))]
        if sum(sizes) != len(samples):
            message = f"the expression has {sum(sizes)} samples, the samples table {len(samples)}"
            raise StoreError(message, path=path, remedy=PREPARE_AGAIN)

    @classmethod
    def open(cls, path: str | Path) -> ExpressionStore:
        """Open a store, reading its tables but no expression.

        Parameters
        ----------
        path
            The folder; or ``X_expressions.parquet`` with ``X_samples.parquet`` beside it, or their folder.

        Raises
        ------
        StoreError
            It is no store, is damaged, or is of a newer version of gtexgen.
        """
        path = Path(path)
        if (path / MANIFEST).is_file():
            return _open_folder(path)
        pairs = [path] if path.is_file() else sorted(path.glob("*_expressions.parquet"))
        if len(pairs) == 1:
            from gtexgen.data.original_pair import open_pair

            return open_pair(pairs[0])
        found = "this folder is not an expression store" if path.is_dir() else "there is no such store"
        raise StoreError(found, path=path, remedy="make one with gtexgen-prepare store=DIR")

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.samples)

    @property
    def n_genes(self) -> int:
        """Number of genes."""
        return len(self.genes)

    @property
    def labels(self) -> list[str]:
        """Unique names of the genes, in order."""
        return list(self._place)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 that tells these data from any others."""
        return self._fingerprint()

    def read_row_group(self, index: int, labels: Sequence[str] | None = None) -> FloatArray:
        """Read one row group.

        Parameters
        ----------
        index
            Its place in `row_groups`.
        labels
            Genes to read, in the order wanted; all when None. Only the files that hold them are opened.

        Returns
        -------
        numpy.ndarray
            ``(rows, genes)``, float32, C-contiguous, in store units.

        Raises
        ------
        StoreError
            A gene is unknown, or a file is missing or damaged.
        """
        places = self._places(labels)
        columns = np.empty((len(places), len(self.row_groups[index])), dtype=np.float32)
        names = self.genes["label"].to_numpy()[places]
        for block in np.unique(self._block[places]).tolist():
            inside = np.flatnonzero(self._block[places] == block)
            table = self._read(block, index, names[inside].tolist())
            for row, name in zip(inside.tolist(), names[inside], strict=True):
                columns[row] = table[name].to_numpy()
        if (bad := first_invalid(columns)) is not None:
            value, sample = columns[bad], self.samples["sample_id"].iloc[self.row_groups[index][bad[1]]]
            message = f"{value} of sample {sample!r} is not an expression value"
            raise StoreError(message, path=self.path, column=names[bad[0]], remedy=PREPARE_AGAIN)
        return np.ascontiguousarray(columns.T)

    def read(self, rows: npt.ArrayLike | None = None, labels: Sequence[str] | None = None) -> FloatArray:
        """Read samples, row group by row group.

        Parameters
        ----------
        rows
            Positions of the samples, in the order wanted; all when None.
        labels
            Genes, as for `read_row_group`.

        Returns
        -------
        numpy.ndarray
            ``(rows, genes)``, float32, C-contiguous, in store units.

        Raises
        ------
        IndexError
            A position is not in ``range(n_samples)``.
        """
        wanted = np.arange(self.n_samples) if rows is None else np.asarray(rows, dtype=np.int64)
        if wanted.size and not 0 <= wanted.min() <= wanted.max() < self.n_samples:
            raise IndexError(f"a row is outside the store's {self.n_samples} samples")
        out = np.empty((len(wanted), len(self._places(labels))), dtype=np.float32)
        for number, group in enumerate(self.row_groups):
            inside = np.flatnonzero((wanted >= group.start) & (wanted < group.stop))
            if inside.size:
                out[inside] = self.read_row_group(number, labels)[wanted[inside] - group.start]
        return out

    def __reduce__(self) -> tuple[Callable[[str | Path], ExpressionStore], tuple[Path]]:
        """Pickle as the path: another process opens the store itself."""
        return (type(self).open, (self.path,))

    def __repr__(self) -> str:
        size = f"{self.n_samples} samples, {self.n_genes} genes, {self.units}"
        return f"ExpressionStore({str(self.path)!r}: {size})"

    def _places(self, labels: Sequence[str] | None) -> IndexArray:
        if labels is None:
            return np.arange(self.n_genes)
        unknown = [label for label in labels if label not in self._place]
        if unknown:
            raise StoreError(
                f"{len(unknown)} genes are not in the store: {', '.join(unknown[:5])}",
                path=self.path,
                remedy=f"genes.parquet lists its {self.n_genes} labels, such as {', '.join(self.labels[:5])}",
            )
        return np.array([self._place[label] for label in labels], dtype=np.int64)

    def _file(self, block: int) -> pq.ParquetFile:
        """Open the file of a block of genes, once a thread; its metadata are read once."""
        opened: dict[int, pq.ParquetFile] = self._opened.__dict__.setdefault("files", {})
        if block not in opened:
            try:
                file = pq.ParquetFile(
                    self._files[block], metadata=self._metadata.get(block), page_checksum_verification=True
                )
            except (OSError, pa.ArrowInvalid) as error:
                raise _damaged(self._files[block], error) from None
            self._metadata[block] = file.metadata
            opened[block] = file
        return opened[block]

    def _read(self, block: int, group: int, names: list[str]) -> pa.Table:
        try:
            return self._file(block).read_row_group(group, columns=names)
        except (OSError, pa.ArrowException) as error:
            raise _damaged(self._files[block], error) from None


def _open_folder(path: Path) -> ExpressionStore:
    manifest = _manifest(path)
    for name, record in manifest["files"].items():
        if not (path / name).is_file():
            raise StoreError("the file is missing", path=path / name, remedy=PREPARE_AGAIN)
        if (path / name).stat().st_size != record["size"]:
            raise StoreError("the file was cut off or changed", path=path / name, remedy=PREPARE_AGAIN)
    genes, samples = (_frame(path / name) for name in (GENES, SAMPLES))
    n_blocks = int(genes["block"].max()) + 1
    return ExpressionStore(
        path,
        files=[block_path(path, number) for number in range(n_blocks)],
        genes=genes,
        samples=samples,
        units=manifest["units"],
        fingerprint=lambda: str(manifest["fingerprint"]),
    )


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        version = int(manifest["schema_version"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _damaged(path / MANIFEST, error) from None
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"the store has schema version {version}, and this gtexgen reads up to {SCHEMA_VERSION}",
            path=path / MANIFEST,
            remedy="upgrade gtexgen, or make the store again with this version",
        )
    missing = {"units", "fingerprint", "files"} - manifest.keys()
    if missing:
        raise _damaged(path / MANIFEST, f"it lacks {', '.join(sorted(missing))}")
    return manifest


def _frame(path: Path) -> pd.DataFrame:
    try:
        frame: pd.DataFrame = pq.read_table(path).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from None
    return frame


def _damaged(path: Path, why: object) -> StoreError:
    return StoreError(f"the file is missing or damaged ({why})", path=path, remedy=PREPARE_AGAIN)
