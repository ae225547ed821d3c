"""Whether the rows of a table are genes or samples.

The rule. Where the sample table's ids are known, the side that holds any of them is the samples. Else, or
where neither side does, names tell: Ensembl ids are genes, ``GTEX-...`` are samples, and the first column may
be called ``gene_id`` or ``sample_id``. Contradictory or missing evidence is an error that asks for
``data.orientation``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

from gtexgen.data.formats.sources import Orientation
from gtexgen.data.genes import is_ensembl
from gtexgen.errors import DataError

__all__ = [
    "GENE_ID_NAMES",
    "SAMPLE_ID_NAMES",
    "SAMPLE_METADATA_NAMES",
    "SYMBOL_NAMES",
    "decide_orientation",
]

SAMPLE_ID_NAMES = ("sample_id", "sampid", "sample", "sample_name")
GENE_ID_NAMES = ("gene_id", "gene_ids", "gene", "ensg", "geneid", "ensembl_id", "ensembl_gene_id", "ensembl")
SYMBOL_NAMES = (
    *("symbol", "gene_symbol", "gene_symbols", "gene_name", "gene_names", "hgnc_symbol", "feature_name"),
    "description",
)
SAMPLE_METADATA_NAMES = (
    *("donor_id", "donor", "subjid", "subject_id", "tissue", "smts", "subtissue", "smtsd", "sex", "age"),
    *("death", "dthhrdy"),
)

Rows = Literal["genes_in_rows", "samples_in_rows"]


def decide_orientation(
    path: Path,
    asked: Orientation,
    *,
    key: str,
    rows: Sequence[str],
    columns: Sequence[str],
    sample_ids: Collection[str] | None,
) -> Rows:
    """Say what the rows of a table are.

    Parameters
    ----------
    path
        The file, for messages.
    asked
        The user's word; anything but ``"auto"`` is taken for it.
    key
        Name of the column that names the rows.
    rows, columns
        Names of the first rows, and of the columns.
    sample_ids
        The sample table's ids, where they are known.

    Raises
    ------
    DataError
        It cannot be told.
    """
    if asked != "auto":
        return asked
    known = set(sample_ids or ())
    evidence = {
        "genes_in_rows": not known.isdisjoint(columns),
        "samples_in_rows": not known.isdisjoint(rows),
    }
    if not any(evidence.values()):
        name = key.lower()
        evidence = {
            "genes_in_rows": _mostly_genes(rows) or _mostly_samples(columns) or name in (*GENE_ID_NAMES, *SYMBOL_NAMES),
            "samples_in_rows": _mostly_genes(columns) or _mostly_samples(rows) or name in SAMPLE_ID_NAMES,
        }
    if evidence["genes_in_rows"] == evidence["samples_in_rows"]:
        sides = f"rows {', '.join(rows[:3])}, ... and columns {', '.join(columns[:3])}, ..."
        raise DataError(
            f"cannot tell whether the rows are genes or samples ({sides})",
            path=path,
            remedy="set data.orientation=genes_in_rows or data.orientation=samples_in_rows",
        )
    return "genes_in_rows" if evidence["genes_in_rows"] else "samples_in_rows"


def _mostly_genes(names: Sequence[str]) -> bool:
    return 2 * sum(map(is_ensembl, names)) > len(names)


def _mostly_samples(names: Sequence[str]) -> bool:
    return 2 * sum(name.startswith("GTEX-") for name in names) > len(names)
