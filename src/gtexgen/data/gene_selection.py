"""Which genes of a file are kept: by a list of names, and by statistics gathered as the file streams past."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gtexgen.data.formats.sources import FloatArray, IndexArray
from gtexgen.data.genes import is_ensembl, split_version
from gtexgen.data.selection import Drop
from gtexgen.errors import DataError

__all__ = ["GeneChoice", "GeneSelector", "GeneStatistics", "gene_statistics", "read_gene_list"]

NAME_COLUMNS = (
    "symbol",
    "ensg",
    "gene",
    "gene_id",
    "gene_symbol",
    "gene_name",
    "label",
    "ensembl_id",
    "name",
)


@dataclass(frozen=True)
class GeneChoice:
    """The genes that are kept: their positions in the file, in its order, and what was left out."""

    index: IndexArray
    drops: list[Drop]


class GeneStatistics:
    """Per-gene mean and variance of log2(x+1), merged block by block in float64 (Chan et al. 1979).

    Parameters
    ----------
    n_genes
        Genes in every block.
    """

    def __init__(self, n_genes: int) -> None:
        self.n_samples = 0
        self._total = np.zeros(n_genes)
        self._log_mean = np.zeros(n_genes)
        self._log_squares = np.zeros(n_genes)

    def add(self, values: FloatArray) -> None:
        """Add expression ``(samples, genes)`` in store units."""
        rows = len(values)
        if not rows:
            return
        logged = np.log2(values + 1)
        mean = logged.mean(axis=0, dtype=np.float64)
        squares = rows * logged.var(axis=0, dtype=np.float64)
        shift = mean - self._log_mean
        n = self.n_samples + rows
        self._log_squares += squares + shift**2 * (self.n_samples * rows / n)
        self._log_mean += shift * (rows / n)
        self._total += values.sum(axis=0, dtype=np.float64)
        self.n_samples = n

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """Mean expression ``(genes,)`` in store units."""
        return self._total / max(self.n_samples, 1)

    @property
    def log_variance(self) -> npt.NDArray[np.float64]:
        """Variance of log2(x+1), ``(genes,)``."""
        return self._log_squares / max(self.n_samples, 1)


def gene_statistics(values: FloatArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean, and variance of log2(x+1), each ``(genes,)``, over ``(genes, samples)`` of all kept samples."""
    return values.mean(axis=1, dtype=np.float64), np.log2(values + 1).var(axis=1, dtype=np.float64)


class GeneSelector:
    """The choice of genes.

    The rules apply in this order: the list, then of rows with one gene id (versions apart) the one of highest
    mean, then `min_expression`, then `top_variance`.

    Parameters
    ----------
    genes
        A list file (see `read_gene_list`); every gene when None.
    min_expression
        Least mean over the kept samples, in store units.
    top_variance
        How many genes to keep, by the variance of log2(x+1) over the kept samples.
    """

    def __init__(
        self,
        *,
        genes: str | Path | None = None,
        min_expression: float | None = None,
        top_variance: int | None = None,
    ) -> None:
        self.path = None if genes is None else Path(genes)
        self.min_expression = min_expression
        self.top_variance = top_variance
        self._asked = [] if self.path is None else read_gene_list(self.path)
        self._names = {name for alternatives in self._asked for name in alternatives}

    @property
    def needs_statistics(self) -> bool:
        """Whether the choice depends on expression even where no gene id occurs twice."""
        return self.min_expression is not None or self.top_variance is not None

    def wanted(self, ids: Sequence[str], symbols: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which genes the list asks for, by identifier (with or without version) or symbol, ``(genes,)``."""
        if self.path is None:
            return np.ones(len(ids), dtype=bool)
        pairs = zip(ids, symbols, strict=True)
        return np.array([not self._names.isdisjoint(_spellings(*pair)) for pair in pairs], dtype=bool)

    def choose(
        self,
        ids: Sequence[str],
        symbols: Sequence[str],
        mean: npt.NDArray[np.float64] | None = None,
        log_variance: npt.NDArray[np.float64] | None = None,
        *,
        path: Path | None = None,
    ) -> GeneChoice:
        """Choose among all the genes of a file.

        Parameters
        ----------
        ids, symbols
            As the file gives them, ``(genes,)``.
        mean, log_variance
            Statistics over the kept samples, ``(genes,)``; those of genes that are not `wanted` are not read.
            May be None where `needs_statistics` is false and no gene id occurs twice.
        path
            The expression file, for messages.

        Raises
        ------
        DataError
            No gene of the list is in the file, or no gene is left.
        """
        keep = self.wanted(ids, symbols)
        drops = self._list_drops(ids, symbols, keep, path)
        for why, chosen in (
            ("another row of the same gene id has the higher mean", _distinct(ids, keep, mean)),
            (f"mean below min_expression={self.min_expression}", self._expressed(keep, mean)),
        ):
            drops += Drop.of("genes", why, _names(ids, keep & ~chosen))
            keep = keep & chosen
        varying = self._top(keep, log_variance)
        why = f"not among the top_variance={self.top_variance} most variable genes"
        drops += Drop.of("genes", why, _names(ids, keep & ~varying))
        keep &= varying
        if not keep.any():
            reasons = "; ".join(f"{drop.count} {drop.why}" for drop in drops) or "the file has none"
            raise DataError(f"no gene is left ({reasons})", path=path, remedy="relax data.select")
        return GeneChoice(np.flatnonzero(keep).astype(np.int64), drops)

    def _list_drops(
        self, ids: Sequence[str], symbols: Sequence[str], keep: npt.NDArray[np.bool_], path: Path | None
    ) -> list[Drop]:
        if self.path is None:
            return []
        present = {name for pair in zip(ids, symbols, strict=True) for name in _spellings(*pair)}
        missing = [names[0] for names in self._asked if present.isdisjoint(names)]
        if not keep.any():
            some = ", ".join([*ids[:3], *symbols[:3]])
            message = f"none of the {len(self._asked)} genes of {self.path} is in the file, which has {some}, ..."
            raise DataError(message, path=path, remedy="list Ensembl gene ids or symbols of this species")
        drops = Drop.of("genes", f"asked for in {self.path.name}, not in the expression file", missing)
        return drops + Drop.of("genes", f"not in {self.path.name}", _names(ids, ~keep))

    def _expressed(self, keep: npt.NDArray[np.bool_], mean: npt.NDArray[np.float64] | None) -> npt.NDArray[np.bool_]:
        if self.min_expression is None:
            return keep
        if mean is None:
            raise ValueError("min_expression needs the genes' means")
        return mean >= self.min_expression

    def _top(self, keep: npt.NDArray[np.bool_], log_variance: npt.NDArray[np.float64] | None) -> npt.NDArray[np.bool_]:
        if self.top_variance is None:
            return keep
        if log_variance is None:
            raise ValueError("top_variance needs the genes' variances")
        candidates = np.flatnonzero(keep)
        order = np.argsort(-log_variance[candidates], kind="stable")
        top = np.zeros(len(keep), dtype=bool)
        top[candidates[order[: self.top_variance]]] = True
        return top


def read_gene_list(path: str | Path) -> list[tuple[str, ...]]:
    """Read the genes that a list file asks for, each as the names it may have in an expression file.

    One gene a line, by symbol or Ensembl id, ``#`` starting a comment; or a CSV or TSV whose header holds one
    or more of ``symbol, ensg, gene, gene_id, gene_symbol, gene_name, label, ensembl_id, name``, where a gene
    is found by any of them. A label such as ``PINX1_ENSG00000258724`` is found by its identifier.

    Raises
    ------
    DataError
        The file is missing or lists no gene.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read the gene list ({error.strerror})", path=path) from None
    lines = [line for raw in text.splitlines() if (line := raw.partition("#")[0].rstrip())]
    delimiter = "\t" if lines and "\t" in lines[0] else ","
    rows = [[cell.strip().strip('"') for cell in line.split(delimiter)] for line in lines]
    header = [name.lower() for name in rows[0]] if rows else []
    columns = [place for name in NAME_COLUMNS for place, found in enumerate(header) if found == name]
    if len(header) > 1 and not columns:
        message = f"the header ({', '.join(rows[0])}) names no column of genes"
        raise DataError(message, path=path, line=1, remedy=f"name a column one of {', '.join(NAME_COLUMNS)}")
    body = rows[1:] if columns else rows
    cells = [[row[place] for place in columns or [0] if place < len(row) and row[place]] for row in body]
    asked = [tuple(dict.fromkeys(name for cell in row for name in _alternatives(cell))) for row in cells if row]
    if not asked:
        raise DataError("the gene list is empty", path=path, remedy="list one symbol or Ensembl id a line")
    return list(dict.fromkeys(asked))


def _alternatives(name: str) -> list[str]:
    """Spell a listed name as it may stand in a file."""
    identifier = re.sub(r".*_(?=ENS[A-Z]*G\d)", "", name)
    return [split_version(identifier)[0]] if is_ensembl(identifier) else [name]


def _spellings(gene_id: str, symbol: str) -> set[str]:
    return {split_version(gene_id)[0], split_version(symbol)[0]}


def _distinct(
    ids: Sequence[str], keep: npt.NDArray[np.bool_], mean: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.bool_]:
    """Mark, of kept rows with one gene id, the one of highest mean (the first of equals)."""
    best: dict[str, int] = {}
    for row in np.flatnonzero(keep).tolist():
        gene = split_version(ids[row])[0]
        rival = best.setdefault(gene, row)
        if rival == row:
            continue
        if mean is None:
            raise ValueError(f"gene id {gene} occurs twice: its rows' means are needed")
        if mean[row] > mean[rival]:
            best[gene] = row
    distinct = np.zeros(len(ids), dtype=bool)
    distinct[list(best.values())] = True
    return distinct


def _names(ids: Sequence[str], mask: npt.NDArray[np.bool_]) -> list[str]:
    return [ids[row] for row in np.flatnonzero(mask).tolist()]
