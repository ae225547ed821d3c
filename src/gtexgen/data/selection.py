"""Which samples of a file are kept, and the record of what was dropped and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from gtexgen.data.formats.sources import IndexArray
from gtexgen.errors import DataError

__all__ = ["Drop", "SampleChoice", "WhereValue", "select_samples"]

OURS = {
    "SAMPID": "sample_id",
    "SUBJID": "donor_id",
    "SMTS": "tissue",
    "SMTSD": "subtissue",
    "SEX": "sex",
    "AGE": "age",
}
N_EXAMPLES = 5
COMPARISON = re.compile(r"\s*(>=|<=|!=|==|>|<)\s*(.*\S)\s*")
WhereValue = str | int | float | bool
ORDER: dict[str, Callable[[pd.Series, float], pd.Series]] = {
    ">=": pd.Series.ge,
    "<=": pd.Series.le,
    ">": pd.Series.gt,
    "<": pd.Series.lt,
}


@dataclass(frozen=True)
class Drop:
    """Samples or genes that were left out together.

    Parameters
    ----------
    what
        ``"samples"`` or ``"genes"``.
    why
        The reason, as a phrase.
    count
        How many.
    examples
        A few of their names.
    """

    what: Literal["samples", "genes"]
    why: str
    count: int
    examples: list[str]

    @classmethod
    def of(cls, what: Literal["samples", "genes"], why: str, names: Sequence[str]) -> list[Drop]:
        """Record `names`: a list of one record, or of none where there are no names."""
        return [cls(what, why, len(names), [str(name) for name in names[:N_EXAMPLES]])] if len(names) else []


@dataclass(frozen=True)
class SampleChoice:
    """The samples that are kept.

    Parameters
    ----------
    index
        Their positions in the expression file, in its order.
    table
        Their rows of the samples table, in the same order, with a fresh index.
    drops
        What was left out, of the file and of the table.
    """

    index: IndexArray
    table: pd.DataFrame
    drops: list[Drop]


def select_samples(
    samples: pd.DataFrame,
    matrix_sample_ids: Sequence[str],
    *,
    tissues: Sequence[str] | None = None,
    where: Mapping[str, WhereValue | Sequence[WhereValue]] | None = None,
    min_samples: int | None = None,
    incomplete: Literal["error", "drop"] = "error",
    path: Path | None = None,
) -> SampleChoice:
    """Choose the samples of an expression file by their annotations.

    Parameters
    ----------
    samples
        The samples table (`gtexgen.data.annotations`).
    matrix_sample_ids
        The samples of the expression file, in its order.
    tissues
        Tissues to keep; all when None.
    where
        For each column of the table the value, the list of values or the comparison (``">=6"``,
        ``"!=Blood"``) to keep. A missing value satisfies ``!=`` and nothing else.
    min_samples
        Drop tissues with fewer samples than this, counted after the other choices.
    incomplete
        What to do with samples of the file that are not in the table or have no tissue. Samples of the table
        without expression are normal (GTEx lists every aliquot): they are counted and left out.
    path
        The sample table's file, for messages.

    Raises
    ------
    DataError
        A sample is incomplete and `incomplete` is ``"error"``; no sample is in both files; a tissue, column
        or value is unknown; no sample is left.
    """
    table, drops = _matched(samples, matrix_sample_ids, incomplete, path)
    keep = np.ones(len(table), dtype=bool)
    if tissues is not None:
        keep &= _one_of(table, "tissue", list(tissues), path).to_numpy()
        drops += Drop.of("samples", "of another tissue than those asked for", _names(table, ~keep))
    for column, wanted in (where or {}).items():
        passes = _condition(table, column, wanted, path).to_numpy()
        drops += Drop.of("samples", f"{column} is not {_text(wanted)}", _names(table, keep & ~passes))
        keep &= passes
    for tissue, count in table.loc[keep, "tissue"].value_counts().items():
        if min_samples is not None and count < min_samples:
            few = keep & (table["tissue"] == tissue).to_numpy()
            why = f"{tissue} has {count} samples, fewer than min_samples={min_samples}"
            drops += Drop.of("samples", why, _names(table, few))
            keep &= ~few
    if not keep.any():
        reasons = "; ".join(f"{drop.count} {drop.why}" for drop in drops) or "the expression file has none"
        raise DataError(f"no sample is left ({reasons})", path=path, remedy="relax data.select")
    kept = table[keep]
    return SampleChoice(kept.index.to_numpy(dtype=np.int64), kept.reset_index(drop=True), drops)


def _matched(
    samples: pd.DataFrame, matrix_sample_ids: Sequence[str], incomplete: str, path: Path | None
) -> tuple[pd.DataFrame, list[Drop]]:
    """Rows of the table for the samples of the file, indexed by position in the file."""
    row_of = {name: row for row, name in enumerate(samples["sample_id"])}
    rows = np.array([row_of.get(name, -1) for name in matrix_sample_ids], dtype=np.int64)
    in_table = rows >= 0
    if not in_table.any():
        raise DataError(
            f"none of the expression file's samples ({_some(matrix_sample_ids)}) is among the sample table's "
            f"({_some(samples['sample_id'])})",
            path=path,
            remedy="give the sample table of this expression file, and name its sample id column",
        )
    unknown = [name for name, known in zip(matrix_sample_ids, in_table, strict=True) if not known]
    table = samples.iloc[rows[in_table]].set_axis(np.flatnonzero(in_table), axis=0)
    without_tissue = table["tissue"].isna().to_numpy()
    drops = Drop.of("samples", "in the expression file, not in the sample table", unknown)
    drops += Drop.of("samples", "without a tissue", _names(table, without_tissue))
    if drops and incomplete == "error":
        found = "; ".join(f"{drop.count} {drop.why} ({', '.join(drop.examples)})" for drop in drops)
        raise DataError(
            f"samples are incomplete: {found}",
            path=path,
            column="tissue" if without_tissue.any() else "sample_id",
            remedy="complete the sample table, or leave these samples out with data.select.incomplete=drop",
        )
    in_file = set(matrix_sample_ids)
    spare = [name for name in samples["sample_id"] if name not in in_file]
    drops += Drop.of("samples", "in the sample table, not in the expression file", spare)
    return table[~without_tissue], drops


def _condition(
    table: pd.DataFrame, column: str, wanted: WhereValue | Sequence[WhereValue], path: Path | None
) -> pd.Series:
    """Which rows satisfy one entry of `where`; GTEx's names stand for ours."""
    column = column if column in table.columns else OURS.get(column, column)
    if column not in table.columns:
        remedy = f"the columns are {', '.join(table.columns)}"
        raise DataError("the sample table has no such column", path=path, column=column, remedy=remedy)
    if isinstance(wanted, str) and (match := COMPARISON.fullmatch(wanted)):
        sign, operand = match.groups()
        if sign in ORDER:
            return ORDER[sign](_numbers(table[column], column, path), _number(operand, column, path))
        equal = _equals(table[column], operand)
        return equal if sign == "==" else ~equal
    values = [wanted] if isinstance(wanted, str | int | float) else list(wanted)
    return _one_of(table, column, values, path)


def _one_of(table: pd.DataFrame, column: str, values: Sequence[WhereValue], path: Path | None) -> pd.Series:
    """Which rows have one of `values`; a value that no row has is an error."""
    passes = pd.Series(data=False, index=table.index)
    for value in values:
        equal = _equals(table[column], str(value))
        if not equal.any():
            known = ", ".join(sorted(table[column].dropna().unique())[:60])
            raise DataError(f"no sample has {value!r}", path=path, column=column, remedy=f"known are {known}")
        passes |= equal
    return passes


def _equals(column: pd.Series, value: str) -> pd.Series:
    """Equality as text, or as numbers where both are (a file's ``1.0`` is a config's 1)."""
    equal = (column == value).fillna(value=False).astype(bool)
    number = pd.to_numeric(pd.Series([value]), errors="coerce")[0]
    if np.isnan(number):
        return equal
    same: pd.Series = pd.to_numeric(column, errors="coerce") == number
    return equal | same


def _numbers(values: pd.Series, column: str, path: Path | None) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    text = values[numbers.isna() & values.notna()]
    if len(text):
        message = f"{text.iloc[0]!r} is not a number, so this column has no order"
        raise DataError(message, path=path, column=column, remedy="give the wanted values as a list")
    return numbers


def _number(text: str, column: str, path: Path | None) -> float:
    try:
        return float(text)
    except ValueError:
        message = f"{text!r} is not a number to compare with"
        raise DataError(message, path=path, column=column, remedy='write for example ">=6"') from None


def _names(table: pd.DataFrame, mask: np.ndarray) -> list[str]:
    return [str(name) for name in table.loc[mask, "sample_id"]]


def _text(wanted: object) -> str:
    return wanted if isinstance(wanted, str) else str(wanted)


def _some(names: Iterable[str]) -> str:
    first = [str(name) for name, _ in zip(names, range(3), strict=False)]
    return ", ".join([*first, "..."])
