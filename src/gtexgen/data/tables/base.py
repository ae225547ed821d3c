"""What every writer of synthetic tables is told and does, whatever the format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd

from gtexgen.errors import DataError

__all__ = ["SAMPLE_ID", "TableHeader", "TableWriter", "check_columns", "name_some"]

SAMPLE_ID = "sample_id"


@dataclass(frozen=True)
class TableHeader:
    """What is known of a table before its first row.

    Parameters
    ----------
    genes
        Columns ``label``, ``gene_id`` and ``symbol``; one row a gene, in the order of the expression columns.
    fields
        Names of the condition columns, in their order.
    units
        Units of the expression (TPM, RPKM, counts).
    provenance
        Where the table comes from; anything that JSON can hold.
    """

    genes: pd.DataFrame
    fields: Sequence[str]
    units: str
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        """Gene labels, in the order of the expression columns."""
        return self.genes["label"].astype(str).tolist()


def name_some(names: Sequence[str]) -> str:
    """Name ten of many columns in a message, and say how many more there are."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


def check_columns(fields: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse a gene whose label is also the name of a metadata column.

    Raises
    ------
    DataError
        A label is ``sample_id`` or one of the condition columns.
    """
    if taken := sorted({SAMPLE_ID, *fields} & set(labels)):
        raise DataError(
            f"genes called {', '.join(taken)} have names of sample columns, and a table holds a name once",
            remedy="write .gct or .h5ad, which keep genes and sample columns apart",
        )


class TableWriter(ABC):
    """Writes one table; a context manager whose file is complete once it is left without an error."""

    def __init__(self, path: Path, header: TableHeader) -> None:
        self.path = path
        self.header = header
        self._resources = ExitStack()

    @abstractmethod
    def write(self, samples: pd.DataFrame, expression: np.ndarray) -> None:
        """Append samples.

        Parameters
        ----------
        samples
            Columns ``sample_id`` and the condition columns.
        expression
            Shape ``(samples, genes)``, float32, in the table's units.
        """

    @abstractmethod
    def finish(self) -> None:
        """Write what can only be written once every sample is known."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._resources:
            if kind is None:
                self.finish()
