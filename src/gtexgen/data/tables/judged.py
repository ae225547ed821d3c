"""Tables of any tool, read to be judged: expression on log2(x + 1) and the labels of each sample.

The table has a sample a row, a column a gene and label columns anywhere among them; or it is GCT or h5ad, which keep
labels apart. Whatever is left out or changed is said in a note.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.data.annotations import age_bracket, sex_name
from gtexgen.data.genes import split_version
from gtexgen.data.sample_tables import as_text
from gtexgen.data.tables.base import name_some
from gtexgen.data.tables.contents import Contents, gene_places, open_contents
from gtexgen.errors import DataError

__all__ = ["SCALES", "JudgedTable", "Scale", "read_judged_table"]

Scale: TypeAlias = Literal["auto", "linear", "log2", "log1p"]
SCALES: dict[str, Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]] = {
    "linear": lambda values: np.log2(values + 1),
    "log2": lambda values: values,
    "log1p": lambda values: values / np.float32(np.log(2)),
}
"""From what a table holds (x, log2(x + 1), ln(x + 1)) to log2(x + 1)."""

LARGEST_LOG2 = 40.0
"""No expression value has a larger log2(x + 1): a trillion."""

NORMAL_FORMS: dict[str, Callable[[str], str]] = {"sex": sex_name, "age": age_bracket}


@dataclass(frozen=True, eq=False)
class JudgedTable:
    """A table to judge.

    Attributes
    ----------
    expression
        ``(samples, genes)``, float32, log2(x + 1) of store units.
    labels
        The labels that the table has, by the store's names and in the store's words, one row a sample.
    genes
        The labels of the genes, in the store's order.
    notes
        What was left out or changed.
    """

    expression: npt.NDArray[np.float32]
    labels: pd.DataFrame
    genes: list[str]
    notes: list[str]


def read_judged_table(
    path: str | Path,
    genes: pd.DataFrame,
    columns: Mapping[str, str | None],
    required: str | None,
    *,
    labelled: bool = False,
    scale: Scale = "auto",
    shared_genes: bool = False,
    negative_as_zero: bool = False,
) -> JudgedTable:
    """Read a table of synthetic samples, whoever made it.

    Parameters
    ----------
    path
        ``.csv``, ``.tsv``, ``.txt`` (tabs; each also ``.gz``), ``.parquet``, ``.gct`` or ``.h5ad``.
    genes
        Columns ``label`` and ``gene_id``; a gene is found by either, with or without a version.
    columns
        What the table calls each label. One without a name is unknown, and one whose column is not there, unless the
        column has another name than the label: then somebody meant it.
    required
        The label that every sample must have; None where none must be there.
    labelled
        Refuse a table without any label but the donor.
    scale
        What the values are; ``auto`` takes them for store units, unless they can only be logarithms.
    shared_genes
        Go on with the genes that the table has, where it lacks some.
    negative_as_zero
        Take values below 0 for 0.

    Raises
    ------
    DataError
        The file is missing, of an unknown kind or damaged, or lacks a gene or the required label; or a value is no
        expression value, or a sex or age is not understood.
    """
    path = Path(path)
    contents = open_contents(path, {name for name in columns.values() if name}, genes)
    if labelled and not any(column in contents.text for label, column in columns.items() if label != "donor_id"):
        required = next(iter(columns))
    named = [label for label, column in columns.items() if column is not None and column != label]
    for label in dict.fromkeys([*named, *([] if required is None else [required])]):
        _check_column(contents, label, columns[label], genes, path)
    if required is not None:
        _check_filled(contents, required, columns[required], path)
    places, missing = gene_places(contents.names, genes)
    if missing and (not shared_genes or len(missing) == len(genes)):
        raise DataError(
            f"{len(missing)} of the {len(genes)} genes are not in the table: {name_some(missing)}",
            path=path,
            remedy="give every gene by its label or gene id; or genes=shared, to judge the others"
            if len(missing) < len(genes)
            else "name the columns by the store's gene labels or gene ids (genes.parquet of the store lists them)",
        )
    kept = genes["label"][~genes["label"].isin(missing)].tolist()
    notes = [f"{len(missing)} genes are not in the table and were left out: {name_some(missing)}"] if missing else []
    expression = np.ascontiguousarray(contents.values(places), dtype=np.float32)
    expression, changed = _checked(expression, kept, path, negative_as_zero=negative_as_zero)
    expression = SCALES[_scale(scale, expression, path)](expression)
    return JudgedTable(expression, _labels(contents.text, columns, path), kept, notes + changed)


def _check_column(contents: Contents, label: str, column: str | None, genes: pd.DataFrame, path: Path) -> None:
    """Refuse a table without the column of a label."""
    if column in contents.text:
        return
    known = {*genes["label"], *genes["gene_id"]}
    others = [names[0] for names in contents.names if not known & {split_version(name)[0] for name in names}]
    raise DataError(
        f"there is no such column for the {label}",
        path=path,
        column=column,
        remedy=f"set columns.{label} to the column that holds it; those that are no genes: "
        f"{name_some([*contents.text, *(name for name in others if name not in contents.text)]) or 'none'}",
    )


def _check_filled(contents: Contents, label: str, column: str | None, path: Path) -> None:
    """Refuse a table with samples that lack the label by which it is to be compared."""
    empty = as_text(contents.text[column]).isna()
    if empty.any():
        raise DataError(
            f"{empty.sum():,} samples have no {label}, the first in row {int(empty.to_numpy().argmax()) + 1}",
            path=path,
            column=column,
            remedy="fill in these cells or remove the rows",
        )


def _checked(
    expression: npt.NDArray[np.float32], genes: Sequence[str], path: Path, *, negative_as_zero: bool
) -> tuple[npt.NDArray[np.float32], list[str]]:
    """Refuse what is no expression value; say how many values below 0 were taken for 0."""
    if not len(expression):
        raise DataError("the table holds no rows", path=path, remedy="give a table with a row for each sample")
    bad = ~np.isfinite(expression)
    if not negative_as_zero:
        bad |= expression < 0
    if bad.any():
        row, column = (int(place) for place in np.argwhere(bad)[0])
        remedy = "expression must be finite and not negative"
        if expression[row, column] < 0:
            remedy += "; negative=zero takes all values below 0 for 0 and says how many there were"
        raise DataError(
            f"row {row + 1} holds {expression[row, column]}, one of {bad.sum():,} values that are no expression values",
            path=path,
            column=genes[column],
            remedy=remedy,
        )
    below = expression < 0
    if not below.any():
        return expression, []
    note = f"{below.sum():,} values below 0 ({below.mean():.2%} of all) were taken for 0"
    return np.maximum(expression, 0), [note]


def _scale(scale: Scale, expression: npt.NDArray[np.float32], path: Path) -> str:
    """Say what the values are, refusing where they can be either, or are impossible."""
    largest = float(expression.max())
    if scale == "auto":
        if largest <= LARGEST_LOG2:
            raise DataError(
                f"the largest value is {largest:g}: these may be logarithms",
                path=path,
                remedy="scale=log2 for log2(x + 1), scale=log1p for ln(x + 1), scale=linear for the store's units",
            )
        return "linear"
    if scale != "linear" and float(SCALES[scale](np.array(largest, dtype=np.float32))) > LARGEST_LOG2:
        raise DataError(
            f"the largest value is {largest:g}, which is no logarithm of expression", path=path, remedy="scale=linear"
        )
    return scale


def _labels(text: pd.DataFrame, columns: Mapping[str, str | None], path: Path) -> pd.DataFrame:
    labels = pd.DataFrame(index=text.index)
    for label, column in columns.items():
        if column is None or column not in text:
            continue
        labels[label] = as_text(text[column])
        if label in NORMAL_FORMS:
            labels[label] = _normal(labels[label], NORMAL_FORMS[label], column, path)
    return labels


def _normal(values: pd.Series, form: Callable[[str], str], column: str, path: Path) -> pd.Series:
    """Put each sex or age into the store's words."""
    words: dict[str, str] = {}
    for value in values.dropna().unique():
        try:
            words[value] = form(value)
        except ValueError as error:
            raise DataError(f"{value!r} is not understood", path=path, column=column, remedy=str(error)) from None
    return values.map(words).astype("str")
