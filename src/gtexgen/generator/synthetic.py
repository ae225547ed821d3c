"""Synthetic samples on their way out, chunk by chunk: into a table, into AnnData or into a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from gtexgen.data.tables.base import TableHeader, check_columns
from gtexgen.data.tables.writers import obs_and_var, open_table_writer
from gtexgen.generator.counts import count_combinations
from gtexgen.version import __version__

if TYPE_CHECKING:
    from anndata import AnnData

    from gtexgen.generator.fitted import FittedModel

__all__ = ["Chunk", "SyntheticSamples", "synthetic_samples"]

Chunk: TypeAlias = tuple[pd.DataFrame, np.ndarray]
"""``sample_id`` and the other columns of some samples, and their expression ``(samples, genes)`` in store units."""


@dataclass(frozen=True, eq=False)
class SyntheticSamples:
    """Samples that are drawn as they are taken, which can be done once.

    Attributes
    ----------
    header
        What the table says of itself.
    conditions
        Which of its columns are conditions.
    chunks
        The samples.
    """

    header: TableHeader
    conditions: Sequence[str]
    chunks: Iterator[Chunk]

    def table(self) -> pd.DataFrame:
        """Give all samples: ``sample_id``, the other columns, then one float32 column a gene, by label."""
        check_columns(self.header.fields, self.header.labels)
        samples, expression = self._all()
        return pd.concat([samples, pd.DataFrame(expression, columns=self.header.labels)], axis=1)

    def anndata(self) -> AnnData:
        """Give all samples as AnnData: X in store units, obs, var by label, and the units in ``uns["units"]``."""
        from anndata import AnnData

        samples, expression = self._all()
        obs, var = obs_and_var(samples, self.header.genes)
        return AnnData(expression, obs=obs, var=var, uns={"units": self.header.units})

    def write(self, path: str | Path, progress: Callable[[int], object] | None = None) -> pd.DataFrame:
        """Write all samples to a file, in bounded memory.

        Parameters
        ----------
        path
            The table; its suffix is one of `gtexgen.data.tables.writers.KNOWN_SUFFIXES`.
        progress
            Called with the number of samples after each chunk.

        Returns
        -------
        pandas.DataFrame
            How many samples were written of each condition combination: the condition columns, then ``n``.
        """
        written: list[pd.DataFrame] = []
        with open_table_writer(path, self.header) as table:
            for samples, expression in self.chunks:
                table.write(samples, expression)
                written.append(count_combinations(samples, self.conditions))
                if progress is not None:
                    progress(len(samples))
        return _added(written, self.conditions)

    def _all(self) -> Chunk:
        chunks = list(self.chunks)
        samples = pd.concat([samples for samples, _ in chunks], ignore_index=True)
        return samples, np.concatenate([expression for _, expression in chunks])


def synthetic_samples(
    model: FittedModel, columns: Sequence[str], chunks: Iterator[Chunk], *, seed: int, noise: bool
) -> SyntheticSamples:
    """Say of the samples of a model where they come from.

    Parameters
    ----------
    model
        Draws them.
    columns
        Those beside ``sample_id`` and the genes.
    chunks
        The samples.
    seed, noise
        What they are drawn with.
    """
    provenance = {"gtexgen": __version__, "trained_on": model.fingerprint, "seed": seed, "noise": noise}
    header = TableHeader(model.genes, list(columns), model.units, provenance)
    return SyntheticSamples(header, model.fields, chunks)


def _added(tallies: Sequence[pd.DataFrame], fields: Sequence[str]) -> pd.DataFrame:
    """Add up tables of the condition columns and ``n``."""
    together = pd.concat(tallies, ignore_index=True)
    if not fields:
        return together.sum().to_frame().T
    return together.groupby(list(fields), dropna=False)["n"].sum().reset_index()
