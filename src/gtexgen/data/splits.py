"""Training, validation and test parts that share no donor and are balanced by tissue.

Rules. A donor's samples all go to one part. A level (of ``tissue`` or of a condition column) held by fewer
than `min_donors` donors is not split: those donors are trained on. The other donors are taken in turn, those
of rare tissues first with ties and near ties in a random order, and each goes to the part whose tissues are
then filled least; this is iterative stratification (Sechidis et al. 2011, doi:10.1007/978-3-642-23808-6_10)
with donors as examples and tissues as labels. Last, a level that training still lacks brings its smallest
donor there. A missing value is a level like any.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.errors import ConfigError, DataError, GtexgenWarning

__all__ = ["PARTS", "Part", "Split", "split_donors"]

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")

ORDER_JITTER = 0.5  # how far chance moves a donor in the queue; without it every seed gives much the same split


@dataclass(frozen=True, eq=False)
class Split:
    """Which part each sample of a store is in.

    Attributes
    ----------
    sample_ids
        Every sample, in the store's order.
    parts
        ``"train"``, ``"validation"`` or ``"test"``, shape ``(samples,)``.
    donors
        The donors of each part, sorted.
    by
        ``"donor"``, or ``"sample"`` where donors may be in several parts.
    seed
        What it was drawn with.
    unsplit
        The levels of each column that are in training alone because fewer than `min_donors` donors have them.
    """

    sample_ids: list[str]
    parts: npt.NDArray[np.str_]
    donors: dict[str, list[str]]
    by: Literal["donor", "sample"]
    seed: int
    unsplit: dict[str, list[str]]

    def indices(self, part: Part) -> npt.NDArray[np.int64]:
        """Give the indices of a part's samples in the store, ascending."""
        return np.flatnonzero(self.parts == part)

    def to_json(self) -> dict[str, Any]:
        """Give all of it as plain values for a JSON file."""
        return {
            "by": self.by,
            "seed": self.seed,
            "unsplit": self.unsplit,
            "donors": self.donors,
            "samples": dict(zip(self.sample_ids, self.parts.tolist(), strict=True)),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Split:
        """Restore what `to_json` gave.

        Raises
        ------
        DataError
            A sample is in a part of another name.
        """
        samples: dict[str, str] = content["samples"]
        if strange := sorted(set(samples.values()) - set(PARTS)):
            raise DataError(f"the split names unknown parts: {', '.join(strange)}; known: {', '.join(PARTS)}")
        return cls(
            sample_ids=list(samples),
            parts=np.array(list(samples.values()), dtype=np.str_),
            donors=content["donors"],
            by=content["by"],
            seed=content["seed"],
            unsplit=content["unsplit"],
        )


def split_donors(
    samples: pd.DataFrame,
    *,
    by: Literal["donor", "sample"] = "donor",
    validation: float = 0.15,
    test: float = 0.15,
    min_donors: int = 3,
    columns: Sequence[str] = (),
    seed: int,
) -> Split:
    """Divide samples into training, validation and test parts by the rules above.

    Parameters
    ----------
    samples
        The samples table of a store: ``sample_id``, ``donor_id``, ``tissue`` and `columns`.
    by
        ``"sample"`` puts each sample in a part of its own accord, which leaks: it counts as a donor in all
        the rules.
    validation, test
        Shares of the samples, aimed at in every tissue.
    min_donors
        Levels of fewer donors are not split.
    columns
        Condition columns, each of whose levels must be in training; ``tissue`` always is one.
    seed
        Of the order of donors.

    Raises
    ------
    ConfigError
        The shares leave nothing to train on, or `by` or a column is unknown.
    DataError
        A donor is missing, or there are too few donors for a part that is asked for.
    """
    columns = list(dict.fromkeys(["tissue", *columns]))
    _check(samples, by, validation, test, columns)
    groups, names = pd.factorize(samples["donor_id" if by == "donor" else "sample_id"])
    levels = {column: _level_counts(groups, samples[column]) for column in columns}
    few = {column: (counts > 0).sum().to_numpy() < min_donors for column, counts in levels.items()}
    always_trained = sum((levels[c].to_numpy() @ few[c] for c in columns), start=np.zeros(len(names))) > 0
    part = _stratify(
        levels["tissue"].to_numpy(),
        np.array([1 - validation - test, validation, test]),
        always_trained,
        np.random.default_rng(seed),
    )
    for counts in levels.values():
        _complete_training(part, counts.to_numpy())
    _check_parts(part, {"validation": validation, "test": test}, by, len(names))
    if by == "sample":
        warnings.warn(
            "The split is by sample: tissues of one donor are on both sides, so scores on held-out samples "
            "come out too good. Use split=donor for figures that hold for new people.",
            GtexgenWarning,
            stacklevel=2,
        )
    parts = np.array(PARTS)[part[groups]]
    return Split(
        sample_ids=samples["sample_id"].tolist(),
        parts=parts,
        donors={name: sorted(samples.loc[parts == name, "donor_id"].unique()) for name in PARTS},
        by=by,
        seed=seed,
        unsplit={c: [str(level) for level in levels[c].columns[few[c]]] for c in columns if few[c].any()},
    )


def _check(samples: pd.DataFrame, by: str, validation: float, test: float, columns: list[str]) -> None:
    if by not in {"donor", "sample"}:
        raise ConfigError(f"split.by is {by!r}; known: donor, sample")
    if min(validation, test) < 0 or validation + test >= 1:
        raise ConfigError(
            f"split.validation={validation:g} and split.test={test:g} must not be negative, "
            "and must be below 1 together"
        )
    if strange := [column for column in columns if column not in samples]:
        known = ", ".join(map(str, samples.columns))
        raise ConfigError(f"the samples table has no column {', '.join(strange)}; it has: {known}")
    if (missing := samples["donor_id"].isna()).any():
        raise DataError(
            f"no donor for {missing.sum()} samples, first {samples.loc[missing, 'sample_id'].iloc[0]!r}",
            column="donor_id",
            remedy="name the donor of every sample, or leave those samples out",
        )


def _level_counts(groups: npt.NDArray[np.intp], values: pd.Series) -> pd.DataFrame:
    """Count samples, ``(groups, levels)``; a missing value is the level ``missing``."""
    return pd.crosstab(groups, values.astype("str").fillna("missing").to_numpy())


def _stratify(
    counts: npt.NDArray[np.int64],
    shares: npt.NDArray[np.float64],
    always_trained: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> npt.NDArray[np.intp]:
    """Give the part of each donor from its samples a tissue, ``(donors, tissues)``."""
    total = counts.sum(axis=0)
    weight = counts / total
    wanted = np.maximum(shares[:, None] * total, 1e-9)
    part = np.zeros(len(counts), dtype=np.intp)
    filled = np.zeros(wanted.shape)
    filled[0] = counts[always_trained].sum(axis=0)
    priority = weight.sum(axis=1) * rng.uniform(1 - ORDER_JITTER, 1 + ORDER_JITTER, len(counts))
    queue = np.argsort(-priority, kind="stable")
    for donor in queue[~always_trained[queue]]:
        # Half of the donor's own samples counts (Sainte-Lague), so that no part is favoured for being large.
        fullness = ((filled + counts[donor] / 2) / wanted) @ weight[donor]
        part[donor] = fullness.argmin()
        filled[part[donor]] += counts[donor]
    return part


def _complete_training(part: npt.NDArray[np.intp], counts: npt.NDArray[np.int64]) -> None:
    """Move donors into training, in place, until it has every level of ``(donors, levels)``."""
    size = counts.sum(axis=1)
    for level in range(counts.shape[1]):
        holders = np.flatnonzero(counts[:, level])
        if not (part[holders] == 0).any():
            part[holders[size[holders].argmin()]] = 0


def _check_parts(part: npt.NDArray[np.intp], shares: dict[str, float], by: str, n_groups: int) -> None:
    for code, (name, share) in enumerate(shares.items(), start=1):
        if share > 0 and not (part == code).any():
            raise DataError(
                f"{n_groups} {by}s are too few: once training has every level of the conditions, "
                f"none is left for the {name} part",
                remedy="use more donors or fewer condition columns, or lower split.min_donors",
            )
