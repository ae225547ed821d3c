"""Who the training donors were, without their names: what whole bodies are drawn from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

__all__ = ["SEX", "DonorTally", "tissue_column"]

SEX = "sex"
TISSUE_COLUMNS = ("subtissue", "tissue")


def tissue_column(fields: Sequence[str]) -> str | None:
    """Find which condition column tells the tissues of a body apart: the subtissue, else the tissue, else none."""
    return next((name for name in TISSUE_COLUMNS if name in fields), None)


@dataclass(frozen=True, eq=False)
class DonorTally:
    """The conditions of the training samples, donor by donor; in no order that tells who the donors are.

    Attributes
    ----------
    samples
        ``donor``, a number from 0 that rises; ``sex`` of the donor, missing where unknown, whether it is a condition or
        not, since it decides which tissues a body has; and the condition columns. One row a training sample.
    fields
        The condition columns, in their order.
    donor_fields
        Those that are the same in all samples of a donor, of every donor. The tissue is none of them.
    """

    samples: pd.DataFrame
    fields: list[str]
    donor_fields: list[str]

    @classmethod
    def of(cls, samples: pd.DataFrame, fields: Sequence[str]) -> Self:
        """Tally training samples.

        Parameters
        ----------
        samples
            ``donor_id``, ``sex`` where it is known, and the condition columns; one row a sample.
        fields
            The condition columns, in their order; one of them is the tissue or the subtissue.
        """
        table = samples.reindex(columns=list(dict.fromkeys(["donor_id", SEX, *fields])))
        n_donors = table["donor_id"].nunique()
        constant = [name for name in fields if len(table[["donor_id", name]].drop_duplicates()) == n_donors]
        donor_fields = [name for name in constant if name != tissue_column(fields)]
        records = [_record(rows, fields, donor_fields) for _, rows in table.groupby("donor_id", sort=False)]
        return cls._from_records(sorted(records, key=json.dumps), list(fields), donor_fields)

    def to_json(self) -> dict[str, Any]:
        """Give all of it as plain values for a JSON file."""
        records = [_record(rows, self.fields, self.donor_fields) for _, rows in self.samples.groupby("donor")]
        return {"fields": self.fields, "donor_fields": self.donor_fields, "donors": records}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Restore what `to_json` gave."""
        return cls._from_records(content["donors"], list(content["fields"]), list(content["donor_fields"]))

    @classmethod
    def _from_records(cls, records: list[dict[str, Any]], fields: list[str], donor_fields: list[str]) -> Self:
        rows = [
            {"donor": number, SEX: record[SEX], **record["conditions"], **sample}
            for number, record in enumerate(records)
            for sample in record["samples"]
        ]
        columns = list(dict.fromkeys(["donor", SEX, *fields]))
        table = pd.DataFrame(rows, columns=columns)
        return cls(table.astype(dict.fromkeys(columns[1:], "str")), fields, donor_fields)

    @property
    def tissue_column(self) -> str:
        """The condition column that tells the tissues of a body apart."""
        return str(tissue_column(self.fields))

    @cached_property
    def donors(self) -> pd.DataFrame:
        """The first row of each donor: its sex and its donor-level conditions."""
        return self.samples.drop_duplicates("donor").reset_index(drop=True)

    @cached_property
    def rows_of(self) -> dict[str, np.ndarray]:
        """The rows of each tissue in `samples`, tissues in alphabetical order."""
        rows = self.samples.groupby(self.tissue_column).indices
        return {str(name): np.asarray(rows[name]) for name in sorted(rows, key=str)}

    @cached_property
    def sexes_of(self) -> dict[str, set[str]]:
        """The sexes of the donors of each tissue; all of them where none is known."""
        everyone = set(self.samples[SEX].dropna())
        return {name: set(self.samples[SEX].iloc[rows].dropna()) or everyone for name, rows in self.rows_of.items()}


def _record(rows: pd.DataFrame, fields: Sequence[str], donor_fields: Sequence[str]) -> dict[str, Any]:
    """Write one donor as plain values, its samples in alphabetical order."""
    sexes = rows[SEX].dropna().unique()
    plain = rows.astype(object).where(rows.notna(), None)
    samples = plain[[name for name in fields if name not in donor_fields]].to_dict("records")
    return {
        SEX: str(sexes[0]) if len(sexes) == 1 else None,
        "conditions": {name: plain[name].iloc[0] for name in donor_fields},
        "samples": sorted(samples, key=json.dumps),
    }
