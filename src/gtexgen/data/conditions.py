"""From condition columns of a samples table to numbers that a network takes, and back.

Rules. What can be encoded is what training has. A missing value (null) is a level of its own where training
has missing values, and an error where it has none. Any other value is an error that lists the known ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.data.encodings import ENCODINGS
from gtexgen.errors import ConfigError, DataError

__all__ = ["ConditionEncoder"]

FloatArray = npt.NDArray[np.float32]


class ConditionEncoder:
    """Joins the encodings of several columns, in the order in which they are given.

    Parameters
    ----------
    fields
        Column of the samples table to its encoding: ``"one_hot"``, ``"ordinal"`` or ``"midpoint"`` (see
        `gtexgen.data.encodings`). No field at all is a condition of width 0.

    Raises
    ------
    ConfigError
        An encoding is unknown.

    Examples
    --------
    >>> table = pd.DataFrame({"tissue": ["Lung", "Liver"], "age": ["20-29", "60-69"]})
    >>> encoder = ConditionEncoder({"tissue": "one_hot", "age": "midpoint"}).fit(table)
    >>> encoder.feature_names
    ['tissue=Liver', 'tissue=Lung', 'age']
    >>> encoder.encode(table).round(2).tolist()
    [[0.0, 1.0, 0.07999999821186066], [1.0, 0.0, 0.75]]
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        for column, encoding in fields.items():
            if encoding not in ENCODINGS:
                raise ConfigError(f"condition.{column}.encoding is {encoding!r}; known: {', '.join(ENCODINGS)}")
        self.fields = dict(fields)
        self.vocabulary: dict[str, list[str]] = {}
        self.has_missing: dict[str, bool] = {}

    @property
    def is_fitted(self) -> bool:
        """Whether `encode` can be used; always so without fields."""
        return self.vocabulary.keys() == self.fields.keys()

    @property
    def n_features(self) -> int:
        """Width of the condition."""
        return len(self.feature_names)

    @property
    def feature_names(self) -> list[str]:
        """One name a feature, such as ``tissue=Lung``, ``age>=30-39`` or ``age missing``."""
        self._require_fitted()
        return [name for column in self.fields for name in self._field_names(column)]

    def fit(self, samples: pd.DataFrame) -> Self:
        """Learn the levels of each column from training samples.

        Raises
        ------
        DataError
            A column is not there, is all missing, or has values that its encoding cannot take.
        """
        self._require_columns(samples)
        for column, encoding in self.fields.items():
            values = samples[column].astype("str")
            levels = values.dropna().unique().tolist()
            if not levels:
                raise DataError(
                    "no training sample has a value",
                    column=column,
                    remedy=f"leave {column} out of the condition",
                )
            self.vocabulary[column] = ENCODINGS[encoding].sort(levels, column)
            self.has_missing[column] = bool(values.isna().any())
        return self

    def encode(self, table: pd.DataFrame) -> FloatArray:
        """Give the condition of each row, shape ``(samples, features)``.

        Raises
        ------
        DataError
            A column is not there, or holds a value that training does not have.
        """
        self._require_fitted()
        self._require_columns(table)
        blocks = [np.zeros((len(table), 0), dtype=np.float32)]
        for column, encoding in self.fields.items():
            codes = self._codes(column, table[column])
            known = codes >= 0
            block = np.zeros((len(table), len(self._field_names(column))), dtype=np.float32)
            features = ENCODINGS[encoding].features(self.vocabulary[column])
            block[known, : features.shape[1]] = features[codes[known]]
            if self.has_missing[column]:
                block[~known, -1] = 1
            blocks.append(block)
        return np.concatenate(blocks, axis=1)

    def decode(self, condition: npt.NDArray[np.floating[Any]]) -> pd.DataFrame:
        """Give the levels nearest to a condition ``(samples, features)``, a column a field.

        Raises
        ------
        DataError
            The width is not `n_features`.
        """
        if condition.ndim != 2 or condition.shape[1] != self.n_features:
            raise DataError(
                f"a condition of shape {condition.shape} is not (samples, {self.n_features}), which has "
                f"{', '.join(self.feature_names) or 'no features'}"
            )
        columns: dict[str, pd.Series] = {}
        start = 0
        for column, encoding in self.fields.items():
            features = ENCODINGS[encoding].features(self.vocabulary[column])
            stop = start + len(self._field_names(column))
            block = condition[:, start:stop]
            start = stop
            # The nearest level, without the square of the condition itself, which all levels share.
            distances = np.square(features).sum(axis=1) - 2 * block[:, : features.shape[1]] @ features.T
            codes = distances.argmin(axis=1)
            values = pd.Series(np.array(self.vocabulary[column], dtype=object)[codes], dtype="str")
            if self.has_missing[column]:
                values = values.mask(block[:, -1] > 0.5)
            columns[column] = values
        names = pd.Index(list(self.fields), dtype="str")
        return pd.DataFrame(columns, index=pd.RangeIndex(len(condition)), columns=names)

    def to_json(self) -> dict[str, Any]:
        """Give all of it as plain values for a JSON file."""
        return {"fields": self.fields, "vocabulary": self.vocabulary, "has_missing": self.has_missing}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> ConditionEncoder:
        """Restore what `to_json` gave."""
        encoder = cls(content["fields"])
        encoder.vocabulary = {column: list(content["vocabulary"][column]) for column in encoder.fields}
        encoder.has_missing = {column: bool(content["has_missing"][column]) for column in encoder.fields}
        return encoder

    def _field_names(self, column: str) -> list[str]:
        names = ENCODINGS[self.fields[column]].names(column, self.vocabulary[column])
        return names + ([f"{column} missing"] if self.has_missing[column] else [])

    def _codes(self, column: str, values: pd.Series) -> npt.NDArray[np.intp]:
        """Give the index of each value in the vocabulary, and -1 for a missing value."""
        text = values.astype("str")
        codes = pd.Index(self.vocabulary[column]).get_indexer(pd.Index(text))
        known = ", ".join(self.vocabulary[column])
        missing = text.isna().to_numpy()
        if (strange := ~missing & (codes < 0)).any():
            unknown = ", ".join(repr(value) for value in text[strange].unique()[:5])
            raise DataError(f"training has no {unknown}; known: {known}", column=column)
        if missing.any() and not self.has_missing[column]:
            raise DataError(
                f"{missing.sum()} samples have no value, and training has no missing ones; known: {known}",
                column=column,
                remedy=f"fill in {column}, or leave these samples out",
            )
        return codes

    def _require_columns(self, table: pd.DataFrame) -> None:
        if absent := [column for column in self.fields if column not in table]:
            known = ", ".join(map(str, table.columns[:20]))
            raise DataError(f"the table has no condition column {', '.join(absent)}; it has: {known}")

    def _require_fitted(self) -> None:
        if not self.is_fitted:
            raise RuntimeError("the condition encoder is used before it is fitted")
