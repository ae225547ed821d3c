"""Writers of synthetic tables, chunk by chunk in bounded memory: the format is chosen by the suffix.

Parquet and h5ad stand here, and carry units and provenance; `gtexgen.data.tables.text` has the text formats.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gtexgen.data.atomic import atomic_file
from gtexgen.data.tables.base import SAMPLE_ID, TableHeader, TableWriter, check_columns
from gtexgen.data.tables.text import DelimitedWriter, GctWriter
from gtexgen.errors import DataError

__all__ = ["KNOWN_SUFFIXES", "H5adWriter", "ParquetWriter", "obs_and_var", "open_table_writer"]


class ParquetWriter(TableWriter):
    """Samples in rows; units, gene ids and provenance in the schema metadata under ``gtexgen``."""

    def __init__(self, path: Path, header: TableHeader) -> None:
        super().__init__(path, header)
        check_columns(header.fields, header.labels)
        named = [SAMPLE_ID, *header.fields]
        about = {
            "units": header.units,
            "gene_id": header.genes["gene_id"].astype(str).tolist(),
            "symbol": header.genes["symbol"].astype(str).tolist(),
            "provenance": dict(header.provenance),
        }
        self._schema = pa.schema(
            [(name, pa.string()) for name in named] + [(label, pa.float32()) for label in header.labels],
            metadata={"gtexgen": json.dumps(about)},
        )
        self._file = self._resources.enter_context(
            pq.ParquetWriter(path, self._schema, compression="zstd", use_dictionary=named, write_statistics=named)
        )

    def write(self, samples: pd.DataFrame, expression: np.ndarray) -> None:
        """Append one row group."""
        named = [pa.array(samples[name], pa.string(), from_pandas=True) for name in (SAMPLE_ID, *self.header.fields)]
        genes = [pa.array(column) for column in np.ascontiguousarray(expression.T, dtype=np.float32)]
        self._file.write_table(pa.Table.from_arrays(named + genes, schema=self._schema))

    def finish(self) -> None:
        """Nothing is left: the footer is written when the file is closed."""


def obs_and_var(samples: pd.DataFrame, genes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give AnnData's obs and var: conditions as categories by sample id, gene ids and symbols by label.

    All text is of object type, the one that every anndata writes to disk.
    """
    obs = samples.astype(object).set_index(SAMPLE_ID)
    for name in obs:
        values = pd.Index(sorted(obs[name].dropna().unique()), dtype=object)
        obs[name] = pd.Categorical(obs[name], categories=values)
    return obs, genes[["label", "gene_id", "symbol"]].astype(object).set_index("label")


class H5adWriter(TableWriter):
    """AnnData on disk: X dense float32, obs with the condition columns, var by label.

    X is written as it comes, the obs table at the end; uns holds the units, and the provenance as JSON.
    """

    def __init__(self, path: Path, header: TableHeader) -> None:
        import h5py

        super().__init__(path, header)
        n_genes = len(header.genes)
        self._file = self._resources.enter_context(h5py.File(path, "w"))
        self._x = self._file.create_dataset("X", (0, n_genes), np.float32, maxshape=(None, n_genes), chunks=True)
        self._x.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        self._samples: list[pd.DataFrame] = []

    def write(self, samples: pd.DataFrame, expression: np.ndarray) -> None:
        """Append rows to X."""
        start = self._x.shape[0]
        self._x.resize(start + len(expression), axis=0)
        self._x[start:] = expression
        self._samples.append(samples[[SAMPLE_ID, *self.header.fields]])

    def finish(self) -> None:
        """Write obs, var and uns."""
        from anndata.io import write_elem

        obs, var = obs_and_var(pd.concat(self._samples), self.header.genes)
        uns = {"units": self.header.units, "provenance": json.dumps(dict(self.header.provenance))}
        for name, element in {"obs": obs, "var": var, "uns": uns}.items():
            write_elem(self._file, name, element)
        for name in ("layers", "obsm", "obsp", "varm", "varp"):
            write_elem(self._file, name, {})
        self._file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})


WRITERS: dict[str, tuple[type[TableWriter], dict[str, Any]]] = {
    ".parquet": (ParquetWriter, {}),
    ".csv": (DelimitedWriter, {"delimiter": ",", "compressed": False}),
    ".csv.gz": (DelimitedWriter, {"delimiter": ",", "compressed": True}),
    ".tsv": (DelimitedWriter, {"delimiter": "\t", "compressed": False}),
    ".tsv.gz": (DelimitedWriter, {"delimiter": "\t", "compressed": True}),
    ".gct": (GctWriter, {"compressed": False}),
    ".gct.gz": (GctWriter, {"compressed": True}),
    ".h5ad": (H5adWriter, {}),
}
KNOWN_SUFFIXES = tuple(WRITERS)


@contextmanager
def open_table_writer(path: str | Path, header: TableHeader) -> Iterator[TableWriter]:
    """Open a table for writing; it gets its name only once it is complete.

    Parameters
    ----------
    path
        Its suffix chooses the format: one of `KNOWN_SUFFIXES`.
    header
        Genes, condition columns, units and provenance.

    Raises
    ------
    DataError
        The suffix is not known, or the format cannot hold the columns.

    Examples
    --------
    >>> with open_table_writer("synthetic.parquet", header) as table:
    ...     table.write(samples, expression)
    """
    path = Path(path)
    suffix = next((known for known in KNOWN_SUFFIXES if path.name.lower().endswith(known)), None)
    if suffix is None:
        raise DataError("no table format has this suffix", path=path, remedy=f"use one of {', '.join(KNOWN_SUFFIXES)}")
    writer, options = WRITERS[suffix]
    with atomic_file(path) as partial, writer(partial, header, **options) as table:
        yield table
