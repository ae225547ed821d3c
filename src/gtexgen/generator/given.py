"""Real samples that a user gives, checked: their expression, their conditions and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from gtexgen.data.annotations import sex_name
from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.formats.sources import FloatArray, first_invalid
from gtexgen.data.tables.base import SAMPLE_ID, name_some
from gtexgen.errors import DataError
from gtexgen.generator.bodies import DONOR_ID
from gtexgen.generator.tally import SEX

__all__ = ["GivenDonors", "expression_of", "require_columns"]


def expression_of(table: pd.DataFrame, labels: Sequence[str], units: str, path: Path | None = None) -> FloatArray:
    """Take expression out of a table, ``(samples, genes)`` in store units.

    Parameters
    ----------
    table
        Samples in rows, a column a gene by label.
    labels
        The genes, in the order wanted.
    units, path
        For messages: the store units, and the file that the table comes from.

    Raises
    ------
    DataError
        A gene is missing, or a value is negative, not finite, or a fraction where counts are wanted.
    """
    require_columns(table, labels, "genes", path)
    expression = table[list(labels)].to_numpy(dtype=np.float32)
    if (bad := first_invalid(expression)) is not None:
        raise DataError(
            f"row {bad[0]} holds {expression[bad]}, which is not an expression value",
            path=path,
            column=labels[bad[1]],
            remedy=f"give finite {units} of 0 or more",
        )
    if units == "counts" and (fractions := np.argwhere(expression != np.rint(expression))).size:
        row, column = fractions[0]
        raise DataError(
            f"row {row} holds {expression[row, column]}, which is not a count, and the generator is of counts",
            path=path,
            column=labels[column],
            remedy="give raw counts, or use a generator that was trained in the table's units",
        )
    return expression


def require_columns(table: pd.DataFrame, names: Sequence[str], what: str, path: Path | None = None) -> None:
    """Raise `DataError` where a table lacks any of the generator's columns."""
    if missing := [name for name in names if name not in table.columns]:
        message = f"{len(missing)} of the generator's {len(names)} {what} are not in the table: {name_some(missing)}"
        raise DataError(message, path=path, remedy="add these columns, under these names")


@dataclass(frozen=True, eq=False)
class GivenDonors:
    """Donors some of whose samples are known.

    Attributes
    ----------
    donors
        ``donor_id``, ``sex`` (missing where unknown) and the donor-level condition columns; one row a donor.
    samples
        ``donor``, the row of each sample's donor, rising, and the condition columns; one row a sample.
    expression
        Of these samples, ``(samples, genes)`` in store units.
    condition
        Of these samples, encoded, ``(samples, conditions)``.
    """

    donors: pd.DataFrame
    samples: pd.DataFrame
    expression: FloatArray
    condition: FloatArray

    @classmethod
    def of(
        cls,
        table: pd.DataFrame,
        expression: FloatArray,
        *,
        encoder: ConditionEncoder,
        donor_fields: Sequence[str],
        path: Path | None = None,
    ) -> Self:
        """Find out whose the samples of a table are.

        Parameters
        ----------
        table
            ``donor_id``, or ``sample_id`` of which the first two dash-separated parts are it; the condition columns;
            ``sex`` where it is known.
        expression
            Of these samples, in the same order.
        encoder
            Encodes the condition columns.
        donor_fields
            Those of them that are the same in all samples of a donor.
        path
            The file that the table comes from, for messages.

        Raises
        ------
        DataError
            A condition column is missing or holds a value that training does not have, a sample has no donor or is
            there twice, a sex is not understood, or a donor has two values of what should be the same in all its
            samples.
        """
        fields = list(encoder.fields)
        require_columns(table, fields, "condition columns", path)
        _refuse_repeated(table, path)
        ids = _donor_ids(table, path)
        number, names = pd.factorize(ids)
        order = np.argsort(number, kind="stable")
        samples = table.reindex(columns=list(dict.fromkeys([*fields, SEX]))).astype("str").reset_index(drop=True)
        samples[SEX] = _sexes(samples[SEX], path)
        donors = pd.DataFrame({DONOR_ID: names})
        for name in dict.fromkeys([SEX, *donor_fields]):
            donors[name] = _of_donors(samples[name], ids, names, path)
            samples[name] = donors[name].to_numpy()[number]
        samples.insert(0, "donor", number)
        condition = _encoded(samples, encoder, path)
        return cls(donors, samples.iloc[order].reset_index(drop=True), expression[order], condition[order])


def _refuse_repeated(table: pd.DataFrame, path: Path | None) -> None:
    if SAMPLE_ID in table and (repeated := table[SAMPLE_ID][table[SAMPLE_ID].duplicated()]).size:
        raise DataError(
            f"sample {repeated.iloc[0]!r} is there more than once",
            path=path,
            column=SAMPLE_ID,
            remedy="give each known sample once",
        )


def _encoded(samples: pd.DataFrame, encoder: ConditionEncoder, path: Path | None) -> FloatArray:
    try:
        return encoder.encode(samples)
    except DataError as error:
        raise DataError(str(error), path=path) from error


def _donor_ids(table: pd.DataFrame, path: Path | None) -> pd.Series:
    if DONOR_ID in table:
        ids = table[DONOR_ID].astype("str").reset_index(drop=True)
        if ids.isna().any():
            row = int(ids.isna().to_numpy().argmax())
            raise DataError(
                f"row {row} has no donor", path=path, column=DONOR_ID, remedy="name the donor of each sample"
            )
        return ids
    require_columns(table, [SAMPLE_ID], "columns that name the samples or their donors", path)
    parts = [str(sample).split("-") for sample in table[SAMPLE_ID]]
    if short := ["-".join(of_sample) for of_sample in parts if len(of_sample) < 3]:
        message = f"the table has no such column, and the sample id {short[0]!r} is not of the kind DONOR-PART-REST"
        raise DataError(message, path=path, column=DONOR_ID, remedy="add a column that names the donor of each sample")
    return pd.Series(["-".join(of_sample[:2]) for of_sample in parts], dtype="str")


def _sexes(values: pd.Series, path: Path | None) -> pd.Series:
    translation: dict[str, str] = {}
    for text in values.dropna().unique():
        try:
            translation[text] = sex_name(text)
        except ValueError as error:
            raise DataError(f"{text!r} is not understood", path=path, column=SEX, remedy=str(error)) from None
    return values.map(translation).astype("str")


def _of_donors(values: pd.Series, ids: pd.Series, names: pd.Index, path: Path | None) -> pd.Series:
    """Give the one value that each donor has, missing where none of its samples has any."""
    pairs = pd.DataFrame({"donor": ids, "value": values}).dropna().drop_duplicates()
    if (twice := pairs["donor"].duplicated(keep=False)).any():
        donor = pairs.loc[twice, "donor"].iloc[0]
        both = " and ".join(map(repr, pairs.loc[pairs["donor"] == donor, "value"]))
        message = f"donor {donor!r} has {both}"
        raise DataError(
            message, path=path, column=str(values.name), remedy="give all samples of a donor the same value"
        )
    return pairs.set_index("donor")["value"].reindex(names).reset_index(drop=True)
