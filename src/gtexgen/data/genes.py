"""How genes are named: identifier, version, symbol and the unique label that names a column.

The rule: the version of an Ensembl identifier stands apart (``ENSG00000002586.18_PAR_Y`` is gene
``ENSG00000002586_PAR_Y``, version ``18``). A gene's label is its symbol where no other gene has it, else
``SYMBOL_<gene id>`` for every gene that shares it. A gene without a symbol has its identifier for one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import pandas as pd

__all__ = ["gene_labels", "gene_table", "is_ensembl", "split_version"]

ENSEMBL = re.compile(r"(ENS[A-Z]*G\d{6,})(?:\.(\d+))?(_PAR_Y)?")


def is_ensembl(text: str) -> bool:
    """Whether `text` is an Ensembl gene identifier, of any species, with or without a version."""
    return ENSEMBL.fullmatch(text) is not None


def split_version(gene_id: str) -> tuple[str, str]:
    """Split an identifier into ``(gene_id, version)``; the version is empty where there is none.

    Examples
    --------
    >>> split_version("ENSG00000002586.18_PAR_Y")
    ('ENSG00000002586_PAR_Y', '18')
    >>> split_version("XIST")
    ('XIST', '')
    """
    match = ENSEMBL.fullmatch(gene_id)
    if match is None:
        return gene_id, ""
    stem, version, suffix = match.groups(default="")
    return stem + suffix, version


def gene_labels(gene_ids: Sequence[str], symbols: Sequence[str]) -> list[str]:
    """Name each gene uniquely by the rule above.

    Parameters
    ----------
    gene_ids
        Identifiers without versions, each once.
    symbols
        Their symbols.

    Raises
    ------
    ValueError
        An identifier occurs twice.
    """
    if len(set(gene_ids)) != len(gene_ids):
        raise ValueError("labels need every gene id once")
    labels = list(symbols)
    while len(set(labels)) != len(labels):  # a second round only where SYMBOL_<id> is itself another's symbol
        shared = {label for label, count in Counter(labels).items() if count > 1}
        labels = [f"{label}_{gene}" if label in shared else label for label, gene in zip(labels, gene_ids, strict=True)]
    return labels


def gene_table(ids: Sequence[str], symbols: Sequence[str]) -> pd.DataFrame:
    """Make the table of genes from names as a file gives them, in its order.

    Parameters
    ----------
    ids
        Identifiers with their versions; each gene once (see `gtexgen.data.selection.distinct_genes`).
    symbols
        Symbols; an empty one is replaced by the identifier.

    Returns
    -------
    pandas.DataFrame
        Columns ``label, gene_id, version, symbol``, all text.
    """
    split = [split_version(name) for name in ids]
    gene_ids = [gene for gene, _ in split]
    named = [symbol or gene for symbol, gene in zip(symbols, gene_ids, strict=True)]
    named = [split_version(symbol)[0] for symbol in named]
    return pd.DataFrame(
        {
            "label": gene_labels(gene_ids, named),
            "gene_id": gene_ids,
            "version": [version for _, version in split],
            "symbol": named,
        },
        dtype="str",
    )
