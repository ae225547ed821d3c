"""Writing an expression store from portions of genes or of samples, in bounded memory."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gtexgen.data.atomic import atomic_folder
from gtexgen.data.formats.sources import FloatArray
from gtexgen.data.selection import Drop
from gtexgen.data.store import GENES, MANIFEST, SAMPLES, SCHEMA_VERSION, block_path
from gtexgen.errors import StoreError
from gtexgen.version import __version__

__all__ = ["check_free", "default_row_group_rows", "file_record", "write_store"]

BLOCK_GENES = 512
ROW_GROUP_VALUES = 2**24  # 64 MiB of float32
MIN_ROWS, MAX_ROWS = 512, 2048


def default_row_group_rows(n_genes: int) -> int:
    """Give the samples of a row group: 64 MiB of all genes, but at least 512 and at most 2,048."""
    return min(max(ROW_GROUP_VALUES // max(n_genes, 1), MIN_ROWS), MAX_ROWS)


def file_record(path: Path) -> dict[str, Any]:
    """Size in bytes and SHA-256 of a file."""
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": digest}


def write_store(
    path: str | Path,
    portions: Iterable[FloatArray],
    *,
    major: Literal["genes", "samples"],
    genes: pd.DataFrame,
    samples: pd.DataFrame,
    units: str,
    source: Mapping[str, Any] | Callable[[], Mapping[str, Any]],
    dropped: Sequence[Drop] = (),
    overwrite: bool = False,
    row_group_rows: int | None = None,
    companions: Callable[[Path], object] | None = None,
) -> None:
    """Write a store, whole or not at all; Parquet is written on a thread while the next portion is made.

    Parameters
    ----------
    path
        The store's folder.
    portions
        Expression, in pieces of any size: ``(genes, samples)`` in the order of `genes` where `major` is
        ``"genes"``, ``(samples, genes)`` in the order of `samples` where it is ``"samples"``.
    genes
        Columns ``label, gene_id, version, symbol`` (`gtexgen.data.genes.gene_table`).
    samples
        The samples table.
    units
        Of the expression: TPM, RPKM, counts.
    source
        Where the data come from: anything that JSON can hold, or what returns it once the data are written.
    dropped
        What was left out.
    overwrite
        Replace an older store.
    row_group_rows
        Samples of a row group; by default `default_row_group_rows`.
    companions
        Called with the folder before it gets its name, to put more files beside the data.

    Raises
    ------
    StoreError
        `overwrite` would replace a folder that is no store.
    DataError
        The folder is taken, or the disk is full.
    ValueError
        The portions do not add up to every gene of every sample.
    """
    path = Path(path)
    check_free(path, overwrite=overwrite)
    rows = row_group_rows or default_row_group_rows(len(genes))
    labels = genes["label"].tolist()
    shape = (len(genes), len(samples)) if major == "genes" else (len(samples), len(genes))
    with atomic_folder(path, overwrite=overwrite) as folder:
        block_path(folder, 0).parent.mkdir()
        blocks = _regrouped(portions, BLOCK_GENES if major == "genes" else rows, shape)
        if major == "genes":
            _write_genes(folder, blocks, labels, rows)
        else:
            _write_samples(folder, blocks, labels)
        block = np.arange(len(genes), dtype=np.int32) // BLOCK_GENES
        _write_table(genes.assign(block=block), folder / GENES)
        _write_table(samples.astype("str"), folder / SAMPLES)
        manifest = {
            "schema_version": SCHEMA_VERSION,
            "units": units,
            "transform": "none",
            "n_samples": len(samples),
            "n_genes": len(genes),
            "row_group_rows": rows,
            **_checksums(folder, units),
            "source": dict(source() if callable(source) else source),
            "dropped": [asdict(drop) for drop in dropped],
            "gtexgen": __version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        if companions is not None:
            companions(folder)


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is taken, or that `overwrite` must not replace because it is no store.

    Raises
    ------
    StoreError
        With the remedy.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not (path / MANIFEST).is_file():
        remedy = "give the name of a new folder"
        raise StoreError("this exists and is not an expression store", path=path, remedy=remedy)
    if not overwrite:
        remedy = "give another folder, or set overwrite=true to replace it"
        raise StoreError("an expression store is here already", path=path, remedy=remedy)


def _regrouped(portions: Iterable[FloatArray], size: int, shape: tuple[int, int]) -> Iterator[FloatArray]:
    """Yield the rows of the portions `size` at a time; the last block may be smaller."""
    pending: list[FloatArray] = []
    held = total = 0
    for portion in portions:
        if portion.shape[1] != shape[1]:
            raise ValueError(f"a portion of shape {portion.shape} does not fit a matrix of {shape}")
        total += len(portion)
        start = 0
        while start < len(portion):
            pending.append(portion[start : start + size - held])
            start += len(pending[-1])
            held += len(pending[-1])
            if held == size:
                yield pending[0] if len(pending) == 1 else np.concatenate(pending)
                pending, held = [], 0
    if total != shape[0]:
        raise ValueError(f"the portions hold {total} rows, not {shape[0]}")
    if pending:
        yield np.concatenate(pending)


def _write_genes(folder: Path, blocks: Iterable[FloatArray], labels: Sequence[str], rows: int) -> None:
    """Write a file a block of genes; each gene's values are already a column."""

    def write(number: int, block: FloatArray) -> None:
        start = number * BLOCK_GENES
        table = _table(labels[start : start + len(block)], block)
        with _writer(block_path(folder, number), table.schema) as writer:
            writer.write_table(table, row_group_size=rows)

    _behind(write, blocks, workers=2)


def _write_samples(folder: Path, blocks: Iterable[FloatArray], labels: Sequence[str]) -> None:
    """Append a row group to every file for each block of samples."""
    starts = range(0, len(labels), BLOCK_GENES)
    with ExitStack() as stack:
        writers: list[pq.ParquetWriter] = []

        def write(_: int, block: FloatArray) -> None:
            for number, start in enumerate(starts):
                names = labels[start : start + BLOCK_GENES]
                table = _table(names, np.ascontiguousarray(block[:, start : start + BLOCK_GENES].T))
                if number == len(writers):
                    writers.append(stack.enter_context(_writer(block_path(folder, number), table.schema)))
                writers[number].write_table(table, row_group_size=len(block))

        _behind(write, blocks, workers=1)


def _behind(write: Callable[[int, FloatArray], None], blocks: Iterable[FloatArray], *, workers: int) -> None:
    """Write blocks on threads while the next are made; no more than `workers` of them wait or are written."""
    tasks: deque[Future[None]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="store") as pool:
        for number, block in enumerate(blocks):
            if len(tasks) == workers:
                tasks.popleft().result()
            tasks.append(pool.submit(write, number, np.ascontiguousarray(block)))
        while tasks:
            tasks.popleft().result()


def _table(labels: Sequence[str], values: FloatArray) -> pa.Table:
    """Make a table with a column a gene from ``(genes, samples)``, without copying."""
    return pa.Table.from_arrays([pa.array(row) for row in values], names=list(labels))


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        path,
        schema,
        compression="snappy",
        use_dictionary=False,
        write_statistics=False,
        write_page_checksum=True,
        store_schema=False,
    )


def _write_table(frame: pd.DataFrame, path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)


def _checksums(folder: Path, units: str) -> dict[str, Any]:
    """Record every file, and a fingerprint of the data: one hash over all of them and the units."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    with ThreadPoolExecutor() as pool:
        records = pool.map(file_record, paths)
        files = {path.relative_to(folder).as_posix(): record for path, record in zip(paths, records, strict=True)}
    content = json.dumps([SCHEMA_VERSION, units, [[name, files[name]["sha256"]] for name in files]])
    return {"fingerprint": hashlib.sha256(content.encode()).hexdigest(), "files": files}
