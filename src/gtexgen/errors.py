"""The errors that a user can mend, each with a message that says how."""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "ConfigError",
    "DataError",
    "GeneratorError",
    "GtexgenError",
    "GtexgenWarning",
    "StoreError",
    "TrainingError",
]


class GtexgenError(Exception):
    """An error in what the user gave us; the console scripts print its message without a traceback."""


class ConfigError(GtexgenError):
    """A setting is misspelt, of the wrong type, out of range or at odds with another."""


class DataError(GtexgenError):
    """A file does not hold what it should.

    Parameters
    ----------
    message
        What is wrong, in one sentence.
    path
        The file at fault.
    line
        Its line, counted from 1.
    column
        The name of its column (a sample or a field).
    remedy
        What the user can do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | Path | None = None,
        line: int | None = None,
        column: str | None = None,
        remedy: str | None = None,
    ) -> None:
        place = [str(path)] if path is not None else []
        place += [f"line {line}"] if line is not None else []
        place += [f"column {column!r}"] if column is not None else []
        text = f"{', '.join(place)}: {message}" if place else message
        super().__init__(f"{text}\n  Remedy: {remedy}" if remedy else text)


class StoreError(DataError):
    """A folder is not an expression store that this version can read."""


class GeneratorError(GtexgenError):
    """A generator folder is damaged or cannot give what it was asked for."""


class TrainingError(GtexgenError):
    """Training cannot go on."""


class GtexgenWarning(UserWarning):
    """Something works but is probably not what the user wants."""
