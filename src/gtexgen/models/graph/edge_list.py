"""Samples are joined as a file says."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.data.sample_tables import TextTable, read_text_table
from gtexgen.data.splits import Part
from gtexgen.data.training_part import SamplePart
from gtexgen.errors import DataError
from gtexgen.models.graph.base import GraphBuilder
from gtexgen.models.graph.sample_graph import Edges

__all__ = ["EdgeList"]

log = logging.getLogger(__name__)


class EdgeList(GraphBuilder):
    """The edges are the rows of a table, each with the ids of two samples.

    An edge between samples of different parts, such as one that is trained on and one that is held out, is left out.

    Parameters
    ----------
    path
        The table: ``.csv``, ``.tsv``, ``.txt`` (tabs), plain or ``.gz``, or ``.parquet``.
    first, second
        The names of the two columns.
    """

    def __init__(self, path: str, first: str = "first", second: str = "second") -> None:
        self.path = Path(path)
        self.columns = (first, second)

    def build(self, parts: Mapping[Part, SamplePart]) -> dict[Part, Edges]:
        """Give the graph of each part; see `GraphBuilder.build`."""
        samples = pd.concat({name: part.samples["sample_id"] for name, part in parts.items()}).reset_index(level=0)
        rows = self._rows(pd.Index(samples["sample_id"]))
        part_of = samples["level_0"].to_numpy()[rows]
        position = np.concatenate([np.arange(len(part.samples)) for part in parts.values()])[rows]
        graphs = {
            name: Edges(position[(part_of == name).all(axis=1)], len(part.samples)) for name, part in parts.items()
        }
        kept = ", ".join(f"{len(graph.edges)} in the {name} part" for name, graph in graphs.items())
        across = len(rows) - sum(len(graph.edges) for graph in graphs.values())
        log.info("%s: %d edges, %s; %d between parts are left out", self.path, len(rows), kept, across)
        return graphs

    def _rows(self, sample_ids: pd.Index) -> npt.NDArray[np.int64]:
        """Read the edges as rows among `sample_ids`, ``(edges, 2)``."""
        table = read_text_table(self.path)
        for column in self.columns:
            if column not in table.frame:
                raise DataError(
                    "there is no such column",
                    path=self.path,
                    column=column,
                    remedy="set model.head.graph.first and model.head.graph.second to two of this table's columns: "
                    + ", ".join(table.frame.columns),
                )
        rows = np.stack([sample_ids.get_indexer(pd.Index(table.frame[column])) for column in self.columns], axis=1)
        self._check(table, rows)
        return rows

    def _check(self, table: TextTable, rows: npt.NDArray[np.int64]) -> None:
        """Raise where a sample is unknown, an edge joins a sample to itself, or an edge comes twice."""
        unknown = rows < 0
        if unknown.any():
            row, side = np.argwhere(unknown)[0]
            column = self.columns[side]
            sample = table.frame[column].iloc[row]
            message = "the cell is empty" if pd.isna(sample) else f"no sample {sample!r} in the store"
            remedy = f"mend or remove the {int(unknown.any(axis=1).sum())} edges whose samples the store does not have"
            self._refuse(table, row, message, remedy, column)
        loops = rows[:, 0] == rows[:, 1]
        if loops.any():
            self._refuse(table, loops.argmax(), "the edge joins a sample to itself", "remove this line")
        repeated = pd.DataFrame(np.sort(rows, axis=1)).duplicated().to_numpy()
        if repeated.any():
            self._refuse(table, repeated.argmax(), "these two samples are joined twice", "remove this line")

    def _refuse(
        self, table: TextTable, row: np.integer, message: str, remedy: str, column: str | None = None
    ) -> NoReturn:
        raise DataError(
            message,
            path=self.path,
            line=table.line(int(row)),
            column=column or " and ".join(self.columns),
            remedy=remedy,
        )
