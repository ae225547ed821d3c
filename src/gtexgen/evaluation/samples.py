"""Labelled samples on the scale that all comparisons use, and pairs of tables with equally many of each condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.evaluation.resampling import donor_weights

__all__ = ["EVERYTHING", "LABELS", "Comparison", "FloatArray", "Samples", "matched_rows"]

FloatArray = npt.NDArray[np.floating]
IndexArray = npt.NDArray[np.intp]

LABELS = ("donor_id", "tissue", "subtissue", "sex", "age")
"""The columns by which samples may be labelled."""
EVERYTHING = "none"
"""The label that all samples share: to compare by it is to compare all with all."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Expression with what is known of each sample.

    Attributes
    ----------
    expression
        ``(samples, genes)``, float32, log2(x + 1) of store units.
    labels
        Those of `LABELS` that are known, one row a sample, index 0, 1, ...; missing values are null.
    """

    expression: npt.NDArray[np.float32]
    labels: pd.DataFrame

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Self:
        """Give some samples, by position or by mask."""
        return type(self)(self.expression[rows], self.labels.loc[rows].reset_index(drop=True))

    def column(self, name: str) -> npt.NDArray[np.object_]:
        """Give a label of each sample as text, None where it is missing; `EVERYTHING` is one label for all."""
        if name == EVERYTHING:
            return np.full(len(self), "all samples", dtype=object)
        values = self.labels[name].astype(object)
        return values.where(values.notna(), None).to_numpy()


@dataclass(frozen=True, eq=False)
class Comparison:
    """Real and synthetic samples with equally many of each condition, row by row of the same condition.

    Attributes
    ----------
    real, synthetic
        ``(samples, genes)`` each, float32, log2(x + 1) of store units.
    condition
        The condition of row i in both, ``(samples,)``, as text.
    donor, synthetic_donor
        The donor of each real row, and of each synthetic one, ``(samples,)``; where the table names no donors, each of
        its samples is of one of its own.
    real_weights, synthetic_weights
        How often each row counts in each resample, ``(resamples, samples)``, float32; see
        `gtexgen.evaluation.resampling.donor_weights`.
    """

    real: npt.NDArray[np.float32]
    synthetic: npt.NDArray[np.float32]
    condition: npt.NDArray[np.str_]
    donor: npt.NDArray[np.object_]
    synthetic_donor: npt.NDArray[np.object_]
    real_weights: npt.NDArray[np.float32]
    synthetic_weights: npt.NDArray[np.float32]

    @classmethod
    def match(cls, real: Samples, synthetic: Samples, condition: str, *, resamples: int, seed: int) -> Self:
        """Pick, of each condition, as many samples of either table as the smaller one has.

        Parameters
        ----------
        real, synthetic
            Both with the label `condition`; `real` with ``donor_id`` too.
        condition
            The label by which they are matched; samples without it are left out.
        resamples
            Number of bootstrap resamples.
        seed
            Of the choice and of the resamples.
        """
        rng = np.random.default_rng(seed)
        of_real, of_synthetic = matched_rows(real.column(condition), synthetic.column(condition), rng)
        donor, synthetic_donor = real.column("donor_id")[of_real], _donors(synthetic)[of_synthetic]
        return cls(
            real=real.expression[of_real],
            synthetic=synthetic.expression[of_synthetic],
            condition=real.column(condition)[of_real].astype(np.str_),
            donor=donor,
            synthetic_donor=synthetic_donor,
            real_weights=donor_weights(donor, resamples, rng),
            synthetic_weights=donor_weights(synthetic_donor, resamples, rng),
        )


def _donors(samples: Samples) -> npt.NDArray[np.object_]:
    """Give the donor of each sample, or a number of its own where none is named."""
    own = np.arange(len(samples)).astype(object)
    if "donor_id" not in samples.labels:
        return own
    named = samples.column("donor_id")
    return np.where(pd.isna(named), own, named)


def matched_rows(
    first: npt.NDArray[np.object_], second: npt.NDArray[np.object_], rng: np.random.Generator
) -> tuple[IndexArray, IndexArray]:
    """Choose rows of two tables so that the i-th of either have the same label, as many as possible of each label.

    Parameters
    ----------
    first, second
        The labels, ``(samples,)`` each; None is no label.
    rng
        Makes the choice.

    Returns
    -------
    tuple of numpy.ndarray
        Positions in `first` and in `second`, label by label in alphabetical order.
    """
    shared = sorted({*first} & {*second} - {None})
    chosen: tuple[list[IndexArray], list[IndexArray]] = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    for label in shared:
        rows = [np.flatnonzero(labels == label) for labels in (first, second)]
        n = min(map(len, rows))
        for taken, candidates in zip(chosen, rows, strict=True):
            taken.append(np.sort(rng.permutation(candidates)[:n]))
    return np.concatenate(chosen[0]), np.concatenate(chosen[1])
