"""What ``counts=`` means: from a short request to a number of samples for every condition combination."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.errors import GeneratorError

__all__ = ["Counts", "combination_numbers", "count_combinations", "resolve_counts"]

Counts: TypeAlias = str | int | Mapping[Any, int] | Sequence[Mapping[str, Any]]
Combination: TypeAlias = tuple[str | None, ...]
Tally: TypeAlias = dict[Combination, int]

FORMS = "counts=training, counts=500, 'counts={Lung: 200, Liver: 50}' or 'counts=[{tissue: Lung, sex: female, n: 50}]'"
EXAMPLES = 20


def count_combinations(samples: pd.DataFrame, fields: Sequence[str]) -> pd.DataFrame:
    """Count the samples of every condition combination that occurs.

    Parameters
    ----------
    samples
        Samples in rows; holds the condition columns.
    fields
        Names of the condition columns, in their order.

    Returns
    -------
    pandas.DataFrame
        One row a combination: the condition columns (missing values are null), then ``n``; sorted by
        value, missing last. Without fields, one row with ``n`` alone.

    Raises
    ------
    GeneratorError
        A condition column is called ``n``, the name that a request needs for the number of samples.
    """
    if "n" in fields:
        raise GeneratorError("A condition column may not be called 'n': rename it in the samples table.")
    tally: Tally = {}
    for combination in _combinations(samples, fields):
        tally[combination] = tally.get(combination, 0) + 1
    ordered = sorted(tally.items(), key=lambda item: tuple(map(_rank, item[0])))
    return _frame(dict(ordered), fields)


def combination_numbers(samples: pd.DataFrame, combinations: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Find each sample's row among condition combinations, -1 where it has none.

    Parameters
    ----------
    samples
        Samples in rows; holds the condition columns.
    combinations
        The condition columns and ``n``, as `count_combinations` gives them.
    """
    fields = [str(name) for name in combinations if name != "n"]
    row_of = {combination: row for row, combination in enumerate(_combinations(combinations, fields))}
    rows = [row_of.get(combination, -1) for combination in _combinations(samples, fields)]
    return np.array(rows, dtype=np.int64)


def resolve_counts(
    counts: Counts,
    training_counts: pd.DataFrame,
    fields: Sequence[str],
    *,
    seed: int = 0,
    allow_unseen: bool = False,
) -> pd.DataFrame:
    """Work out how many samples of every condition combination are asked for.

    Parameters
    ----------
    counts
        - ``"training"``: as many samples of each combination as the training part has.
        - an integer: that many in all, shared out in the training proportions by the largest remainder.
        - ``{"Lung": 200, "Liver": 50}``: values of one condition column, the first in the declared order
          that knows them all.
        - ``[{"tissue": "Lung", "sex": "female", "n": 50}, ...]``: combinations, whole or in part. A column
          given as None asks for samples whose value is missing.

        Columns that a request leaves open are drawn from their joint distribution among the training
        samples that match it. If none matches and `allow_unseen` is set, they are drawn from all of them.
    training_counts
        The condition columns and ``n``, as `count_combinations` gives them.
    fields
        Names of the condition columns, in their order.
    seed
        Seed of that draw; the same request and seed give the same combinations.
    allow_unseen
        Accept combinations of known values that no training sample has.

    Returns
    -------
    pandas.DataFrame
        One row a combination, in the order asked for: the condition columns (missing values are null),
        then ``n``, always above 0.

    Raises
    ------
    GeneratorError
        The request is malformed, asks for no sample, or names an unknown column, value or combination; the
        message lists what is known.
    """
    training = dict(zip(_combinations(training_counts, fields), training_counts["n"].astype(int).tolist(), strict=True))
    tally: Tally = {}
    if isinstance(counts, str):
        if counts != "training":
            raise GeneratorError(f"counts={counts!r} is not understood. Use {FORMS}.")
        tally = dict(training)
    elif isinstance(counts, int | np.integer) and not isinstance(counts, bool):
        tally = _apportion(_number(counts, "counts"), training)
    elif isinstance(counts, Mapping):
        column = _column_of(list(counts), training, fields)
        requests = [({column: _value(value)}, _number(n, value)) for value, n in counts.items()]
        tally = _draw(requests, training, fields, seed=seed, allow_unseen=allow_unseen)
    elif isinstance(counts, Sequence):
        requests = [_request(entry, fields) for entry in counts]
        tally = _draw(requests, training, fields, seed=seed, allow_unseen=allow_unseen)
    else:
        raise GeneratorError(f"counts={counts!r} is not understood. Use {FORMS}.")
    if not sum(tally.values()):
        raise GeneratorError(f"counts={counts!r} asks for no samples at all.")
    return _frame(tally, fields)


def _draw(
    requests: Iterable[tuple[Mapping[str, str | None], int]],
    training: Tally,
    fields: Sequence[str],
    *,
    seed: int,
    allow_unseen: bool,
) -> Tally:
    """Complete each request with values drawn from training, and add them up."""
    rng = np.random.default_rng(seed)
    tally: Tally = {}
    for wanted, n in requests:
        matches = _matches(wanted, training, fields, allow_unseen=allow_unseen)
        weights = np.array(list(matches.values()), dtype=np.float64)
        for combination, drawn in zip(matches, rng.multinomial(n, weights / weights.sum()), strict=True):
            tally[combination] = tally.get(combination, 0) + int(drawn)
    return tally


def _matches(wanted: Mapping[str, str | None], training: Tally, fields: Sequence[str], *, allow_unseen: bool) -> Tally:
    """Training combinations that agree with `wanted`; when there are none, all of them made to agree."""
    for position, field in enumerate(fields):
        known = _known(training, position)
        if field in wanted and wanted[field] not in known:
            listed = ", ".join(map(_shown, known))
            raise GeneratorError(f"The generator has seen no {field} {_shown(wanted[field])}. Known: {listed}.")
    positions = {fields.index(field): value for field, value in wanted.items()}
    matches = {
        combination: n
        for combination, n in training.items()
        if all(combination[position] == value for position, value in positions.items())
    }
    if matches:
        return matches
    if not allow_unseen:
        raise GeneratorError(
            f"No training sample has {_described(wanted)} together. {_nearest(wanted, training, fields)}"
            "\n  Remedy: ask for one of these. Networks also extrapolate, with allow_unseen=true; nothing then says "
            "how good the samples are."
        )
    for combination, n in training.items():
        made = tuple(positions.get(position, value) for position, value in enumerate(combination))
        matches[made] = matches.get(made, 0) + n
    return matches


def _nearest(wanted: Mapping[str, str | None], training: Tally, fields: Sequence[str]) -> str:
    """List the combinations seen for the first value asked for, in the columns asked for."""
    asked = [field for field in fields if field in wanted]
    first, others = asked[0], asked[1:]
    seen = {
        tuple(combination[fields.index(field)] for field in others)
        for combination in training
        if combination[fields.index(first)] == wanted[first]
    }
    ordered = sorted(seen, key=lambda values: tuple(map(_rank, values)))
    listed = "; ".join(_described(dict(zip(others, values, strict=True))) for values in ordered[:EXAMPLES])
    more = f"; and {len(ordered) - EXAMPLES} more" if len(ordered) > EXAMPLES else ""
    return f"Known with {first}={_shown(wanted[first])}: {listed}{more}."


def _apportion(total: int, training: Tally) -> Tally:
    """Share `total` out in the training proportions by the largest remainder (Hamilton's method)."""
    weights = np.array(list(training.values()), dtype=np.float64)
    quota = total * weights / weights.sum()
    shares = np.floor(quota).astype(int)
    short = total - int(shares.sum())
    shares[np.argsort(shares - quota, kind="stable")[:short]] += 1
    return dict(zip(training, shares.tolist(), strict=True))


def _column_of(values: Sequence[Any], training: Tally, fields: Sequence[str]) -> str:
    """Find the first condition column that knows every one of `values`."""
    if not fields:
        raise GeneratorError("This generator was trained without conditions: give a number, such as counts=500.")
    for position, field in enumerate(fields):
        if all(_value(value) in _known(training, position) for value in values):
            return field
    everywhere = {value for combination in training for value in combination}
    unknown = [_shown(_value(value)) for value in values if _value(value) not in everywhere]
    known = "\n".join(
        f"  {field}: {', '.join(map(_shown, _known(training, position)))}" for position, field in enumerate(fields)
    )
    if unknown:
        raise GeneratorError(
            f"The generator has never seen {', '.join(unknown)}. Known values:\n{known}"
            "\n  Remedy: take one of these values, or train with a condition that has the other ones too."
        )
    asked = ", ".join(_shown(_value(value)) for value in values)
    raise GeneratorError(
        f"No single condition column knows all of {asked}. Known values:\n{known}"
        "\n  Remedy: name the columns, as in 'counts=[{tissue: Lung, n: 200}, {sex: female, n: 50}]'."
    )


def _request(entry: Any, fields: Sequence[str]) -> tuple[dict[str, str | None], int]:
    """Check one entry of the list form and take its number apart from its values."""
    if not isinstance(entry, Mapping) or "n" not in entry:
        raise GeneratorError(f"counts holds {entry!r}, which is not a combination with its n. Use {FORMS}.")
    wanted = {str(field): _value(value) for field, value in entry.items() if field != "n"}
    if unknown := sorted(set(wanted) - set(fields)):
        raise GeneratorError(
            f"counts names {', '.join(unknown)}, on which this generator is not conditioned. "
            f"Its condition columns: {', '.join(fields) or 'none'}."
            f"\n  Remedy: leave it out, or train with condition=[{','.join([*fields, *unknown])}]."
        )
    return wanted, _number(entry["n"], _described(wanted))


def _number(n: Any, what: object) -> int:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
        raise GeneratorError(f"The number of samples for {what} must be a whole number of 0 or more, not {n!r}.")
    return int(n)


def _value(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)


def _shown(value: str | None) -> str:
    return "null (missing)" if value is None else repr(value)


def _described(wanted: Mapping[str, str | None]) -> str:
    return ", ".join(f"{field}={_shown(value)}" for field, value in wanted.items()) or "any condition"


def _known(training: Tally, position: int) -> list[str | None]:
    return sorted({combination[position] for combination in training}, key=_rank)


def _rank(value: str | None) -> tuple[bool, str]:
    return value is None, value or ""


def _combinations(table: pd.DataFrame, fields: Sequence[str]) -> list[Combination]:
    if not fields:
        return [()] * len(table)
    columns = [[_value(value) for value in table[field]] for field in fields]
    return list(zip(*columns, strict=True))


def _frame(tally: Tally, fields: Sequence[str]) -> pd.DataFrame:
    kept = {combination: n for combination, n in tally.items() if n}
    columns: dict[str, Any] = {
        field: pd.Series([combination[position] for combination in kept], dtype="str")
        for position, field in enumerate(fields)
    }
    return pd.DataFrame(columns | {"n": pd.Series(list(kept.values()), dtype=np.int64)})
