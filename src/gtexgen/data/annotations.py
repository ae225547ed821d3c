"""The samples table: who gave each sample, from which tissue, of which sex and age.

Rules. The donor is the donor column's value, else the first two dash-separated parts of the sample id
(``GTEX-1117F-0226-SM-5GZZ7`` is of donor ``GTEX-1117F``). Sex is ``male`` or ``female``; GTEx's 1 and 2, and
m, f, male and female in any case, are understood. Age is a ten-year bracket such as ``60-69``; an age in
years is put into its bracket. Any other text is an error. A missing sex, age, subtissue or tissue stays
missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from gtexgen.data.sample_tables import TextTable, as_text, read_text_table
from gtexgen.errors import DataError

__all__ = ["SAMPLE_COLUMNS", "SampleColumns", "age_bracket", "read_samples", "samples_from_frame", "sex_name"]

SAMPLE_COLUMNS = ("sample_id", "donor_id", "tissue", "subtissue", "sex", "age")

SYNONYMS = {
    "sample": ("SAMPID", "sample_id", "sample", "Name"),
    "donor": ("donor_id", "donor", "SUBJID", "subject_id", "subject"),
    "tissue": ("SMTS", "tissue"),
    "subtissue": ("SMTSD", "subtissue"),
    "subject": ("SUBJID", "subject_id", "subject", "donor_id", "donor", "Name"),
    "sex": ("SEX",),
    "age": ("AGE",),
}
SEXES = {"1": "male", "2": "female", "m": "male", "f": "female", "male": "male", "female": "female"}
BRACKET = re.compile(r"(\d{0,2})0-(\d{0,2})9")


@dataclass(frozen=True)
class SampleColumns:
    """What the user's tables call their columns.

    A name that is a usual one for its role stands for all the usual ones, case apart: ``SMTS`` also finds
    ``tissue``. Any other name must be in the tables.

    Parameters
    ----------
    sample
        Sample id, in the sample table.
    donor
        In the sample table; None: ``donor_id`` or the like where there is one, else cut from the sample id.
    tissue, subtissue
        In the sample table; None for `subtissue`: there is none.
    subject
        Donor, in the subject table.
    sex, age
        In the subject table, else in the sample table; None: unknown.
    """

    sample: str = "SAMPID"
    donor: str | None = None
    tissue: str = "SMTS"
    subtissue: str | None = "SMTSD"
    subject: str = "SUBJID"
    sex: str | None = "SEX"
    age: str | None = "AGE"


def read_samples(
    path: str | Path, *, subjects: str | Path | None = None, columns: SampleColumns | None = None
) -> pd.DataFrame:
    """Read the samples table from GTEx's two files, or from any table with a row a sample.

    Parameters
    ----------
    path
        SampleAttributesDS, or another table (see `gtexgen.data.sample_tables.read_text_table`).
    subjects
        SubjectPhenotypesDS, or another table with a row a donor; None where the sample table has sex and age.
    columns
        The names of their columns.

    Returns
    -------
    pandas.DataFrame
        Columns ``sample_id, donor_id, tissue, subtissue, sex, age``, then every other column of the sample
        table and of the subject table under its own name; text, missing cells null. Where that name is taken,
        it is ``other_NAME`` for the sample table and ``subject_NAME`` for the subject table.

    Raises
    ------
    DataError
        A table is malformed, lacks a named column, repeats a sample or a donor, or holds a sex or age that
        the rules do not cover; no donor is in both tables.
    """
    subject_table = read_text_table(subjects) if subjects is not None else None
    return _samples(read_text_table(path), subject_table, columns or SampleColumns())


def samples_from_frame(
    frame: pd.DataFrame,
    *,
    subjects: str | Path | None = None,
    columns: SampleColumns | None = None,
    path: Path | None = None,
) -> pd.DataFrame:
    """Make the samples table from annotations in memory, indexed by sample id (as `embedded_samples` are).

    Parameters
    ----------
    frame
        One row a sample; a column of any type.
    subjects, columns
        As for `read_samples`; the sample id is the index.
    path
        The file that the frame comes from, for messages.
    """
    columns = columns or SampleColumns()
    index = _unused(frame.columns, "sample_id", "index")
    text = frame.apply(as_text) if len(frame.columns) else pd.DataFrame(index=frame.index)
    text.insert(0, index, as_text(frame.index.to_series()))
    table = TextTable(text.reset_index(drop=True), path)
    subject_table = read_text_table(subjects) if subjects is not None else None
    return _samples(table, subject_table, replace(columns, sample=index))


def sex_name(text: str) -> str:
    """``male`` or ``female`` from a code; `ValueError` for anything else."""
    try:
        return SEXES[text.strip().lower().removesuffix(".0")]
    except KeyError:
        raise ValueError("it must be 1, m or male, or 2, f or female (or empty where unknown)") from None


def age_bracket(text: str) -> str:
    """Ten-year bracket from a bracket or an age in years; `ValueError` for anything else.

    Examples
    --------
    >>> age_bracket("60-69"), age_bracket("61.5")
    ('60-69', '60-69')
    """
    text = text.strip()
    match = BRACKET.fullmatch(text)
    if match and match[1] == match[2]:
        return text
    try:
        years = float(text)
    except ValueError:
        years = -1.0
    if not 0 <= years < 130:
        raise ValueError("it must be a ten-year bracket such as 60-69, or years (or empty where unknown)")
    decade = int(years // 10) * 10
    return f"{decade}-{decade + 9}"


PHENOTYPES: dict[str, Callable[[str], str]] = {"sex": sex_name, "age": age_bracket}


def _samples(table: TextTable, subjects: TextTable | None, columns: SampleColumns) -> pd.DataFrame:
    frame = table.frame
    sources = {
        "sample_id": _column(table, "sample", columns.sample, required=True),
        "donor_id": _column(table, "donor", columns.donor or "donor_id"),
        "tissue": _column(table, "tissue", columns.tissue, required=True),
        "subtissue": _column(table, "subtissue", columns.subtissue),
    }
    out = pd.DataFrame({name: _values(frame, source) for name, source in sources.items()})
    _check_key(table, str(sources["sample_id"]))
    if sources["donor_id"] is None:
        out["donor_id"] = out["sample_id"].str.split("-").str[:2].str.join("-")
    else:
        _check_filled(table, sources["donor_id"])
    given = _of_donors(subjects, columns, out["donor_id"]) if subjects is not None else pd.DataFrame()
    for name, mapping in PHENOTYPES.items():
        source = None if name in given else _column(table, name, getattr(columns, name))
        out[name] = given[name] if name in given else _mapped(table, source, mapping)
        sources[name] = source
    for column in frame.columns:
        if column not in sources.values():
            out[_unused(out.columns, column, "other")] = frame[column]
    for column in given.columns.difference(list(PHENOTYPES), sort=False):
        out[_unused(out.columns, column, "subject")] = given[column]
    return out.astype("str")


def _of_donors(subjects: TextTable, columns: SampleColumns, donors: pd.Series) -> pd.DataFrame:
    """Join the subject table to the donor of each sample; sex and age are mapped, the key is left out."""
    key = str(_column(subjects, "subject", columns.subject, required=True))
    _check_key(subjects, key)
    frame = subjects.frame.copy()
    for name, mapping in PHENOTYPES.items():
        wanted = getattr(columns, name)
        source = _find(frame, name, wanted) if wanted is not None else None
        if source is not None:
            mapped = _mapped(subjects, source, mapping)
            frame = frame.drop(columns=source).rename(columns={name: f"subject_{name}"})
            frame[name] = mapped
    frame = frame.set_index(key)
    if not donors.isin(frame.index).any():
        message = (
            f"none of the donors of the samples ({donors.iloc[0]}, ...) is in the subject table ({frame.index[0]}, ...)"
        )
        remedy = "name the donor columns: data.columns.donor (sample table), data.columns.subject (this table)"
        raise DataError(message, path=subjects.path, column=key, remedy=remedy)
    return frame.reindex(donors).set_axis(donors.index, axis=0)


def _find(frame: pd.DataFrame, role: str, name: str) -> str | None:
    """Look for a column by its name, or by any usual name of its role where `name` is one of those."""
    if name in frame.columns:
        return name
    usual = [synonym.lower() for synonym in SYNONYMS[role]]
    if name.lower() not in usual:
        return None
    found = [column for column in frame.columns if column.lower() in usual]
    return min(found, key=lambda column: usual.index(column.lower()), default=None)


def _column(table: TextTable, role: str, name: str | None, *, required: bool = False) -> str | None:
    """Find the column of a role; missing is an error where it is required or has a name of the user's own."""
    if name is None:
        return None
    found = _find(table.frame, role, name)
    usual = {synonym.lower() for synonym in SYNONYMS[role]}
    if found is None and (required or name.lower() not in usual):
        columns = ", ".join(table.frame.columns)
        remedy = f"set data.columns.{role} to one of this table's columns: {columns}"
        raise DataError(f"there is no such column for the {role}", path=table.path, column=name, remedy=remedy)
    return found


def _values(frame: pd.DataFrame, column: str | None) -> pd.Series:
    return pd.Series(None, index=frame.index, dtype="str") if column is None else frame[column]


def _mapped(table: TextTable, column: str | None, mapping: Callable[[str], str]) -> pd.Series:
    """Translate a column value by value, naming the line of the first that cannot be."""
    values = _values(table.frame, column)
    translation: dict[str, str] = {}
    for text in values.dropna().unique():
        try:
            translation[text] = mapping(text)
        except ValueError as error:
            row = int((values == text).to_numpy().argmax())
            message, line = f"{text!r} is not understood", table.line(row)
            raise DataError(message, path=table.path, line=line, column=column, remedy=str(error)) from None
    return values.map(translation).astype("str")


def _check_key(table: TextTable, column: str) -> None:
    """Raise unless every row has its own value in `column`."""
    _check_filled(table, column)
    repeated = table.frame[column].duplicated()
    if repeated.any():
        row = int(repeated.to_numpy().argmax())
        value = table.frame[column].iloc[row]
        first = table.line(int((table.frame[column] == value).to_numpy().argmax()))
        message = f"{value!r} occurs twice" + (f" (first on line {first})" if first is not None else "")
        remedy = "remove or rename one of the two"
        raise DataError(message, path=table.path, line=table.line(row), column=column, remedy=remedy)


def _check_filled(table: TextTable, column: str) -> None:
    empty = table.frame[column].isna().to_numpy()
    if empty.any():
        row = int(empty.argmax())
        remedy = "fill in this cell or remove the row"
        line = table.line(row)
        raise DataError("the cell is empty", path=table.path, line=line, column=column, remedy=remedy)


def _unused(taken: pd.Index, name: str, prefix: str) -> str:
    """Give `name`, prefixed as often as it takes where another column has it."""
    while name in taken:
        name = f"{prefix}_{name}"
    return name
