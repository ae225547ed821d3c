"""Who was trained on: each real sample's part, by the generator's own split, by a list, or by a new split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.data.sample_tables import read_text_table
from gtexgen.data.splits import PARTS, Split, split_donors
from gtexgen.errors import DataError

__all__ = ["Membership", "by_list", "by_new_split", "by_split"]

Parts: TypeAlias = npt.NDArray[np.str_]

LEFT_OUT = ""
TEST = "test"
INDEPENDENT_SHARE = 1 / 3
KEYS = {"sample_id": ("sample_id", "sampid", "sample"), "donor_id": ("donor_id", "subjid", "donor", "subject_id")}


@dataclass(frozen=True, eq=False)
class Membership:
    """The part of each sample of a store.

    Attributes
    ----------
    parts
        ``"train"``, ``"validation"``, ``"test"``, or empty for one that is left out, ``(samples,)``.
    source
        How they are known, in words.
    notes
        What a reader must know about them.
    """

    parts: Parts
    source: str
    notes: list[str]

    def rows(self, part: str) -> npt.NDArray[np.intp]:
        """Give the positions of a part's samples."""
        return np.flatnonzero(self.parts == part)


def by_split(samples: pd.DataFrame, split: Split, source: str) -> Membership:
    """Take the parts from the split that a generator was trained with.

    Samples of donors that the split does not know are held out with the test part.

    Parameters
    ----------
    samples
        The samples table of a store: ``sample_id`` and ``donor_id``.
    split
        Of that store, or of another that shares samples with it.
    source
        Where it is from, in words.

    Raises
    ------
    DataError
        No sample of the store is in the split.
    """
    known = dict(zip(split.sample_ids, split.parts.tolist(), strict=True))
    found = samples["sample_id"].map(known)
    if found.isna().all():
        raise DataError(
            "none of the store's samples is known to the generator",
            remedy="give the store that it was trained on, or one that has its samples and others",
        )
    of_donor = samples["donor_id"].map({donor: part for part in PARTS for donor in split.donors[part]})
    parts = found.fillna(of_donor)
    notes = []
    if new := int(parts.isna().sum()):
        notes.append(
            f"{new:,} samples are of donors that the generator never saw: they are held out with the test part."
        )
    if split.by == "sample":
        notes.append(
            "The split is by sample: held-out samples share donors with training ones, so scores are too good."
        )
    return Membership(parts.fillna(TEST).to_numpy(dtype=np.str_), source, notes)


def by_list(samples: pd.DataFrame, path: Path, *, seed: int) -> Membership:
    """Take a list of the samples or donors that were trained on.

    Of the other donors a third, by chance and balanced by tissue, is kept as independent (the validation part), unless
    they are too few. A donor's other samples, where only some were trained on, are left out.

    Parameters
    ----------
    samples
        The samples table of a store.
    path
        A table with a column ``sample_id`` or ``donor_id``.
    seed
        Of the choice of the third.

    Raises
    ------
    DataError
        The table has neither column, lists what the store does not have, or leaves nobody held out.
    """
    key, listed = _listed(path)
    if unknown := sorted(listed - set(samples[key])):
        raise DataError(
            f"{len(unknown)} of the {len(listed)} are not in the store, the first {unknown[0]!r}",
            path=path,
            column=key,
            remedy="list ids as the store's samples.parquet has them, or prepare a store that has these samples",
        )
    trained = samples[key].isin(listed).to_numpy()
    parts = np.where(trained, "train", LEFT_OUT).astype("<U10")
    free = ~samples["donor_id"].isin(set(samples["donor_id"][trained])).to_numpy()
    if not free.any():
        raise DataError(
            "every donor of the store was trained on, so nobody is held out to judge by",
            path=path,
            remedy="train on some of the donors only, or prepare a store that has others too",
        )
    others = samples[free].reset_index(drop=True)
    notes = []
    try:
        split = split_donors(others, validation=INDEPENDENT_SHARE, test=0.0, seed=seed)
        parts[free] = np.where(split.parts == "validation", "validation", TEST)
    except DataError:
        parts[free] = TEST
        notes.append("Too few donors were not trained on to keep some of them as independent: all are held out.")
    if left_out := int((parts == LEFT_OUT).sum()):
        notes.append(f"{left_out:,} samples were not trained on but are of donors who were: they are left out.")
    return Membership(parts, f"the list {path}", notes)


def by_new_split(samples: pd.DataFrame, settings: dict[str, Any], *, seed: int) -> Membership:
    """Split donors anew, where nobody says who was trained on."""
    split = split_donors(samples, **settings, seed=seed)
    note = (
        "Nothing says which donors the table was made from, so a new split is assumed. If the tool saw the held-out "
        "donors, all figures are too good and those of privacy mean nothing. Remedy: trained_on=LIST."
    )
    return Membership(split.parts, f"a new split by {split.by}, seed {seed}", [note])


def _listed(path: Path) -> tuple[str, set[str]]:
    frame = read_text_table(path).frame
    lowered = {str(name).lower(): name for name in frame.columns}
    for key, usual in KEYS.items():
        for name in usual:
            if name in lowered:
                return key, set(frame[lowered[name]].dropna())
    raise DataError(
        "there is no column of samples or donors",
        path=path,
        remedy=f"call it sample_id or donor_id; the table has: {', '.join(map(str, frame.columns))}",
    )
