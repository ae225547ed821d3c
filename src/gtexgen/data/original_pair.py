"""The original project's pair of Parquet files, opened as an expression store."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gtexgen.data.annotations import samples_from_frame
from gtexgen.data.formats.orientation import SAMPLE_METADATA_NAMES
from gtexgen.data.formats.parquet import ParquetSamplesInRows, open_parquet, paired_samples
from gtexgen.data.genes import gene_table
from gtexgen.data.store import ExpressionStore
from gtexgen.errors import DataError, StoreError

__all__ = ["open_pair"]


def open_pair(path: Path) -> ExpressionStore:
    """Open ``X_expressions.parquet`` (a column a gene, keyed by ``Name``) with ``X_samples.parquet``.

    The samples' columns ``Tissue``, ``Sex`` (1 or 2), ``Age`` and others become the samples table. The values
    are taken to be TPM. The row groups are the file's own.

    Raises
    ------
    StoreError
        The second file is missing or does not describe every sample, or a file is malformed.
    """
    beside = paired_samples(path)
    if beside is None:
        raise StoreError(
            "this is no expression store, nor X_expressions.parquet with X_samples.parquet beside it",
            path=path,
            remedy="make a store from it with gtexgen-prepare data=files data.expression=FILE store=DIR",
        )
    try:
        source = open_parquet(path, orientation="samples_in_rows")
        assert isinstance(source, ParquetSamplesInRows)
        assert source.embedded_samples is not None
        samples = _described(samples_from_frame(source.embedded_samples, path=beside), source, beside)
    except StoreError:
        raise
    except DataError as error:
        raise StoreError(str(error)) from None
    labels = [field.name for field in pq.read_schema(path) if _is_gene(field)]
    genes = gene_table(labels, labels).assign(label=labels, block=0)
    return ExpressionStore(
        path,
        files=[path],
        genes=genes,
        samples=samples,
        units="TPM",
        fingerprint=lambda: _hash([path, beside]),
    )


def _is_gene(column: pa.Field) -> bool:
    is_number = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
    return is_number and column.name.lower() not in SAMPLE_METADATA_NAMES


def _described(samples: pd.DataFrame, source: ParquetSamplesInRows, beside: Path) -> pd.DataFrame:
    """Rows of the samples table in the order of the expression."""
    indexed = samples.set_index("sample_id", drop=False)
    missing = [name for name in source.sample_ids if name not in indexed.index]
    if missing:
        message = f"{len(missing)} samples of the expression are not described: {', '.join(missing[:5])}"
        raise StoreError(message, path=beside, remedy="add their rows")
    return indexed.loc[source.sample_ids].reset_index(drop=True)


def _hash(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()
