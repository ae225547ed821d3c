"""Which samples of which bodies are to be drawn: what ``donors=``, ``tissues=`` and ``given=`` mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.data.tables.base import SAMPLE_ID
from gtexgen.errors import GeneratorError
from gtexgen.generator.tally import SEX, DonorTally

__all__ = ["DONOR_ID", "DRAW", "Bodies", "Tissues", "missing_bodies", "synthetic_bodies"]

Tissues: TypeAlias = str | Sequence[str] | None
IndexArray: TypeAlias = npt.NDArray[np.int64]

DONOR_ID = "donor_id"
DRAW = "draw"
ALL = "all"


@dataclass(frozen=True, eq=False)
class Bodies:
    """Samples to draw. A body is one draw of one donor; its samples follow each other.

    Attributes
    ----------
    tally
        Knows the conditions of samples.
    donors
        ``donor_id``, ``sex`` (missing where unknown) and the donor-level condition columns; one row a donor.
    draws
        Bodies of each donor; None where each is drawn once, and the draws need no number.
    body
        The number of each sample's body, ``(samples,)``, rising: draw ``k`` of donor ``d`` is ``d * draws + k``.
    row
        The row of the tally that has the sample's own conditions, ``(samples,)``.
    """

    tally: DonorTally
    donors: pd.DataFrame
    draws: int | None
    body: IndexArray
    row: IndexArray

    @property
    def columns(self) -> list[str]:
        """The columns beside the sample id and the genes."""
        return [DONOR_ID, *self.tally.fields, *([] if self.draws is None else [DRAW])]

    @property
    def donor(self) -> IndexArray:
        """The row of each sample's donor, ``(samples,)``."""
        return self.body // (self.draws or 1)

    def sex(self, rows: slice) -> pd.Series:
        """Give the sex of the donors of some samples, missing where unknown."""
        return self.donors[SEX].iloc[self.donor[rows]].reset_index(drop=True)

    def samples(self, rows: slice) -> pd.DataFrame:
        """Describe some samples: ``sample_id``, then `columns`, all text."""
        donors = self.donors.iloc[self.donor[rows]].reset_index(drop=True)
        own = self.tally.samples.iloc[self.row[rows]].reset_index(drop=True)
        number = np.arange(rows.start, rows.stop) - np.searchsorted(self.body, self.body[rows]) + 1
        marks = [f"{n:02d}" for n in number]
        table = pd.DataFrame({DONOR_ID: donors[DONOR_ID]})
        for name in self.tally.fields:
            table[name] = (donors if name in self.tally.donor_fields else own)[name]
        if self.draws is not None:
            table[DRAW] = [str(draw + 1) for draw in self.body[rows] % self.draws]
            marks = [f"SYN-{mark}-{draw}" for mark, draw in zip(marks, table[DRAW], strict=True)]
        ids = [f"{donor}-{mark}" for donor, mark in zip(donors[DONOR_ID], marks, strict=True)]
        table.insert(0, SAMPLE_ID, ids)
        return table.astype("str")

    def chunks(self, most_rows: int, extra_rows: IndexArray | int = 0) -> Iterator[slice]:
        """Cut the samples into whole bodies, as many at a time as fit `most_rows`, and one at least.

        Parameters
        ----------
        most_rows
            Samples a chunk.
        extra_rows
            Rows that a body of each donor takes besides its samples, ``(donors,)``.
        """
        starts = np.flatnonzero(np.diff(self.body, prepend=-1))
        stops = np.append(starts[1:], len(self.body))
        sizes = stops - starts + np.broadcast_to(extra_rows, len(self.donors))[self.donor[starts]]
        first, filled = 0, 0
        for place, size in enumerate(sizes):
            if place > first and filled + size > most_rows:
                yield slice(int(starts[first]), int(starts[place]))
                first, filled = place, 0
            filled += int(size)
        yield slice(int(starts[first]), len(self.body))


def synthetic_bodies(tally: DonorTally, n: int, tissues: Tissues = None, *, seed: int = 0) -> Bodies:
    """Draw the conditions of synthetic donors.

    Parameters
    ----------
    tally
        The training donors. Each synthetic donor has the donor-level conditions of one of them.
    n
        How many.
    tissues
        None: the samples of that training donor. A list: these tissues, of donors whose sex can have them all.
        ``"all"``: every tissue that the donor's sex can have. Conditions of a sample besides its tissue are those of a
        random training sample of the tissue.
    seed
        Of the choice.

    Raises
    ------
    GeneratorError
        `n` is not a number of 1 or more, a tissue is unknown or named twice, or no donor can have all of them.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise GeneratorError(f"The number of donors must be a whole number of 1 or more, not {n!r}.")
    rng = np.random.default_rng(seed)
    asked = _asked(tally, tissues)
    can_have = _can_have(tally, [_known(sex) for sex in tally.donors[SEX]])
    able = np.arange(len(can_have)) if _everything(tissues) else np.flatnonzero(can_have[:, asked].all(axis=1))
    if not len(able):
        raise GeneratorError(_why_nobody(tally, asked))
    chosen = able[rng.integers(len(able), size=n)]
    known = list(dict.fromkeys([SEX, *tally.donor_fields]))
    donors = tally.donors.iloc[chosen][known].reset_index(drop=True)
    donors.insert(0, DONOR_ID, [f"SYN-{number + 1:05d}" for number in range(n)])
    if tissues is not None:
        return Bodies(tally, donors, None, *_drawn(tally, can_have[chosen] & asked, rng))
    own = tally.samples.groupby("donor").indices
    body = np.repeat(np.arange(n), [len(own[donor]) for donor in chosen])
    return Bodies(tally, donors, None, body, np.concatenate([own[donor] for donor in chosen]))


def missing_bodies(
    tally: DonorTally,
    donors: pd.DataFrame,
    samples: pd.DataFrame,
    tissues: Tissues = None,
    *,
    draws: int,
    seed: int = 0,
) -> Bodies:
    """Work out which tissues known donors lack.

    Parameters
    ----------
    tally
        The training donors.
    donors
        ``donor_id``, ``sex`` (missing where unknown) and the donor-level condition columns; one row a donor.
    samples
        ``donor``, the row of the donor, and the tissue column; one row a known sample.
    tissues
        The tissues to give, of those that a donor lacks and its sex can have; all of these where None or ``"all"``. A
        donor of unknown sex may be of any that has all of its known tissues.
    draws
        How often each is drawn.
    seed
        Of the conditions of a sample besides its tissue.

    Raises
    ------
    GeneratorError
        `draws` is not a number of 1 or more, a tissue is unknown or named twice, or nobody lacks any.
    """
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1:
        raise GeneratorError(f"The number of draws must be a whole number of 1 or more, not {draws!r}.")
    names = list(tally.rows_of)
    counts = pd.crosstab(samples["donor"], samples[tally.tissue_column])
    has = counts.reindex(index=range(len(donors)), columns=names, fill_value=0).to_numpy() > 0
    sexes = [_known(sex) or _possible(tally, has[donor]) for donor, sex in enumerate(donors[SEX])]
    lacks = ~has & _can_have(tally, sexes) & _asked(tally, tissues)
    if not lacks.any():
        raise GeneratorError(_why_nothing(donors, tissues))
    rng = np.random.default_rng(seed)
    return Bodies(tally, donors, draws, *_drawn(tally, np.repeat(lacks, draws, axis=0), rng))


def _everything(tissues: Tissues) -> bool:
    return tissues is None or tissues == ALL


def _listed(tissues: Tissues) -> list[str]:
    return [tissues] if isinstance(tissues, str) else [str(name) for name in tissues or ()]


def _asked(tally: DonorTally, tissues: Tissues) -> npt.NDArray[np.bool_]:
    """Mark the tissues asked for among those of the tally."""
    known = list(tally.rows_of)
    if _everything(tissues):
        return np.ones(len(known), dtype=bool)
    names = _listed(tissues)
    if unknown := [name for name in names if name not in known]:
        raise GeneratorError(
            f"The generator has seen no {tally.tissue_column} {unknown[0]!r}. Known: {', '.join(map(repr, known))}."
        )
    if not names or len(set(names)) < len(names):
        raise GeneratorError(f"tissues={names} must name one tissue or more, and each once.")
    return np.isin(known, names)


def _can_have(tally: DonorTally, sexes: Sequence[set[str]]) -> npt.NDArray[np.bool_]:
    """Say which tissues donors can have who may be of these sexes, or of any where there are none; a row a donor."""
    everyone = set().union(*tally.sexes_of.values())
    rows = [[(candidates or everyone) <= of_tissue for of_tissue in tally.sexes_of.values()] for candidates in sexes]
    return np.array(rows, dtype=bool)


def _known(sex: str | float | None) -> set[str]:
    return {sex} if isinstance(sex, str) else set()


def _possible(tally: DonorTally, has: npt.NDArray[np.bool_]) -> set[str]:
    """Give the sexes that have all of some tissues."""
    everyone = set().union(*tally.sexes_of.values())
    return everyone.intersection(*(sexes for sexes, given in zip(tally.sexes_of.values(), has, strict=True) if given))


def _why_nobody(tally: DonorTally, asked: npt.NDArray[np.bool_]) -> str:
    names = [name for name, wanted in zip(tally.rows_of, asked, strict=True) if wanted]
    of_whom = "; ".join(f"{name}: {', '.join(sorted(tally.sexes_of[name])) or 'unknown'}" for name in names)
    return f"No training donor can have all of {', '.join(names)}. The sexes that they were seen in: {of_whom}."


def _why_nothing(donors: pd.DataFrame, tissues: Tissues) -> str:
    asked = "a tissue" if _everything(tissues) else " or ".join(_listed(tissues))
    unknown = int(donors[SEX].isna().sum())
    remedy = f"\n  Remedy: a column sex; {unknown} of them have none, which leaves out what only one sex has."
    message = f"Nothing is to be drawn: none of the {len(donors)} donors lacks {asked} that its sex can have."
    return message + (remedy if unknown else "")


def _drawn(tally: DonorTally, wanted: npt.NDArray[np.bool_], rng: np.random.Generator) -> tuple[IndexArray, IndexArray]:
    """Choose a training sample of each tissue that a body is to have, for its other conditions.

    Parameters
    ----------
    wanted
        ``(bodies, tissues)``.

    Returns
    -------
    body, row
        As in `Bodies`.
    """
    chosen = np.stack([rows[rng.integers(len(rows), size=len(wanted))] for rows in tally.rows_of.values()], axis=1)
    body, tissue = np.nonzero(wanted)
    return body, chosen[body, tissue]
