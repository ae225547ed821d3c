"""The unit of expression values, as file names tell it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["UNKNOWN_UNITS", "units_of"]

UNKNOWN_UNITS = "unknown units"

_WORDS = {"tpm": "TPM", "rpkm": "RPKM", "fpkm": "FPKM", "reads": "counts", "counts": "counts"}


def units_of(path: Path) -> str:
    """Return the unit that the name of `path` tells, such as TPM for ``gene_tpm.gct.gz``.

    Examples
    --------
    >>> units_of(Path("GTEx_v8_gene_reads.gct.gz"))
    'counts'
    >>> units_of(Path("matrix.csv"))
    'unknown units'
    """
    name = path.name.lower()
    return next((unit for word, unit in _WORDS.items() if word in name), UNKNOWN_UNITS)
