"""From an expression file to an expression store, without ever holding the whole matrix.

Which genes to write, and under which labels, is known only at the end of a file with genes in rows. So they wait
in memory, and past 128 MiB in a nameless temporary file beside the store. A large GCT file whose genes are chosen
without statistics has its names read first instead, and one with samples in rows is read twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gtexgen.data.atomic import explain_full_disk
from gtexgen.data.formats.gct import GctSource
from gtexgen.data.formats.sources import (
    FloatArray,
    GeneMajorSource,
    GeneTable,
    IndexArray,
    Progress,
    SampleMajorSource,
)
from gtexgen.data.gene_selection import GeneChoice, GeneSelector, GeneStatistics, gene_statistics
from gtexgen.data.genes import gene_table, split_version
from gtexgen.data.selection import Drop, SampleChoice
from gtexgen.data.store import ExpressionStore
from gtexgen.data.store_writer import check_free, file_record, write_store

__all__ = ["PreparedStore", "prepare_store"]

READ_GENES = 512
READ_VALUES = 2**24  # of a block of samples: 64 MiB
SPOOL_BYTES = 2**27  # genes that wait in memory


Spool = tempfile.SpooledTemporaryFile[bytes]


@dataclass(frozen=True)
class PreparedStore:
    """What was written.

    Parameters
    ----------
    store
        The store, opened.
    dropped
        The samples and the genes that were left out, and why; `store.json` holds the same.
    """

    store: ExpressionStore
    dropped: list[Drop]


@dataclass(frozen=True)
class Plan:
    """The genes of a file, those that are kept, and how to get their expression in portions."""

    genes: GeneTable
    choice: GeneChoice
    portions: Iterator[FloatArray]


def prepare_store(
    source: GeneMajorSource | SampleMajorSource,
    samples: SampleChoice,
    selector: GeneSelector,
    path: str | Path,
    *,
    units: str,
    files: Sequence[str | Path] = (),
    origin: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    row_group_rows: int | None = None,
    companions: Callable[[Path], object] | None = None,
) -> PreparedStore:
    """Write the chosen genes of the chosen samples as an expression store.

    Parameters
    ----------
    source
        The expression (`gtexgen.data.formats.sources.open_source`).
    samples
        The samples to keep (`gtexgen.data.selection.select_samples`).
    selector
        The choice of genes.
    path
        The store's folder.
    units
        Of the expression: TPM, RPKM, counts.
    files
        Other files that went into it, such as the sample tables; their checksums are recorded, as `source`'s.
    origin
        Anything else to record of where the data come from, for JSON.
    overwrite
        Replace an older store.
    row_group_rows
        Samples of a row group; by default `gtexgen.data.store_writer.default_row_group_rows`.
    companions
        Called with the folder before it gets its name, to put more files beside the data.

    Raises
    ------
    DataError
        The expression file is malformed, no gene is left, the folder is taken, or the disk is full.
    """
    path = Path(path)
    check_free(path, overwrite=overwrite)
    with ExitStack() as stack:
        stack.enter_context(explain_full_disk(path))
        hashing = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="checksum"))
        inputs = [Path(file) for file in (source.path, *files) if Path(file).is_file()]
        records = [(file, hashing.submit(file_record, file)) for file in inputs]
        if source.major == "genes":
            path.parent.mkdir(parents=True, exist_ok=True)
            spool = stack.enter_context(tempfile.SpooledTemporaryFile(SPOOL_BYTES, dir=str(path.parent)))
            progress = _progress(stack, source.path, passes=1)
            plan = _plan_genes(source, samples.index, selector, spool, progress)
        else:
            two_passes = selector.needs_statistics or _repeats(source.genes.ids)
            progress = _progress(stack, source.path, passes=1 + two_passes)
            plan = _plan_samples(source, samples.index, selector, progress, statistics=two_passes)
        chosen = plan.choice.index.tolist()
        table = gene_table([plan.genes.ids[i] for i in chosen], [plan.genes.symbols[i] for i in chosen])
        dropped = samples.drops + plan.choice.drops
        write_store(
            path,
            plan.portions,
            major=source.major,
            genes=table,
            samples=samples.table,
            units=units,
            source=lambda: {
                **(origin or {}),
                "files": {str(file): record.result() for file, record in records},
            },
            dropped=dropped,
            overwrite=overwrite,
            row_group_rows=row_group_rows,
            companions=companions,
        )
    return PreparedStore(ExpressionStore.open(path), dropped)


def _plan_genes(
    source: GeneMajorSource, index: IndexArray, selector: GeneSelector, spool: Spool, progress: Progress
) -> Plan:
    all_genes = selector.path is None and not selector.needs_statistics
    if isinstance(source, GctSource) and all_genes and source.n_genes * len(index) * 4 > SPOOL_BYTES:
        genes = source.genes
        if not _repeats(genes.ids):
            choice = selector.choose(genes.ids, genes.symbols, path=source.path)
            return Plan(genes, choice, (block.values for block in source.blocks(index, READ_GENES, progress)))
    return _spool_genes(source, index, selector, spool, progress)


def _spool_genes(
    source: GeneMajorSource, index: IndexArray, selector: GeneSelector, spool: Spool, progress: Progress
) -> Plan:
    """Read the file to its end, gathering statistics; the genes that may be kept go to `spool`."""
    genes = GeneTable([], [])
    wanted, means, variances = [], [], []
    for block in source.blocks(index, READ_GENES, progress):
        genes.ids.extend(block.ids)
        genes.symbols.extend(block.symbols)
        wanted.append(selector.wanted(block.ids, block.symbols))
        mean, variance = _statistics(block.values, selector)
        means.append(mean)
        variances.append(variance)
        spool.write(np.ascontiguousarray(block.values[wanted[-1]]).data)
    none = np.empty(0)
    choice = selector.choose(
        genes.ids,
        genes.symbols,
        np.concatenate([none, *means]),
        np.concatenate([none, *variances]),
        path=source.path,
    )
    place = np.cumsum(np.concatenate([none, *wanted])).astype(np.int64) - 1
    return Plan(genes, choice, _spooled(spool, place[choice.index], len(index)))


def _statistics(values: FloatArray, selector: GeneSelector) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and variance of log2(x+1), ``(genes,)``; the variance, which takes long, only where it is asked for."""
    if selector.top_variance is not None:
        return gene_statistics(values)
    return values.mean(axis=1, dtype=np.float64), np.zeros(len(values))


def _spooled(spool: Spool, places: IndexArray, n_samples: int) -> Iterator[FloatArray]:
    """Yield the genes at these places of the spool."""
    for start in range(0, len(places), READ_GENES):
        some = places[start : start + READ_GENES].tolist()
        values = np.empty((len(some), n_samples), dtype=np.float32)
        for row, place in zip(values, some, strict=True):
            spool.seek(place * row.nbytes)
            spool.readinto(row.data)
        yield values


def _plan_samples(
    source: SampleMajorSource,
    index: IndexArray,
    selector: GeneSelector,
    progress: Progress,
    *,
    statistics: bool,
) -> Plan:
    genes = source.genes
    rows = max(READ_VALUES // max(len(genes.ids), 1), 1)
    gathered = GeneStatistics(len(genes.ids))
    if statistics:
        for block in source.blocks(index, rows, progress):
            gathered.add(block)
    choice = selector.choose(
        genes.ids,
        genes.symbols,
        gathered.mean if statistics else None,
        gathered.log_variance if statistics else None,
        path=source.path,
    )
    portions = (block[:, choice.index] for block in source.blocks(index, rows, progress))
    return Plan(genes, choice, portions)


def _repeats(ids: Sequence[str]) -> bool:
    """Whether a gene occurs twice, versions apart."""
    return len({split_version(gene)[0] for gene in ids}) < len(ids)


def _progress(stack: ExitStack, path: Path, *, passes: int) -> Progress:
    """Show a bar over the bytes of the file where stderr is a terminal."""
    from tqdm import tqdm

    size = path.stat().st_size if path.is_file() else None
    bar = stack.enter_context(
        tqdm(
            total=size and size * passes,
            desc=f"Preparing {path.name}",
            unit="B",
            unit_scale=True,
            disable=None,
        )
    )

    def advance(n_bytes: int) -> None:
        bar.update(n_bytes)

    return advance
