"""The bootstrap over donors, and the interval that it gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["LEVEL", "donor_weights", "interval"]

LEVEL = 0.95
"""The share of resamples that an interval holds."""


def donor_weights(donor: npt.ArrayLike, n_resamples: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw donors with replacement: the samples of one donor are alike, so they are drawn together or not at all.

    Parameters
    ----------
    donor
        The donor of each sample, ``(samples,)``; samples with a donor each are resampled singly.
    n_resamples
        How often as many donors as there are get drawn.
    rng
        Draws them.

    Returns
    -------
    numpy.ndarray
        How often each sample counts in each resample, ``(resamples, samples)``, float32.
    """
    numbers, names = pd.factorize(np.asarray(donor), use_na_sentinel=False)
    n = len(names)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples) if n else np.zeros((n_resamples, 0))
    return drawn.astype(np.float32)[:, numbers]


def interval(estimates: Sequence[float], replicates: Sequence[npt.NDArray[np.floating]]) -> tuple[float, float] | None:
    """Give the interval in which the figure of one new table, against other donors, is expected.

    The replicates of each table are centred on their own mean, because a resample repeats rows and many figures are
    biased by that, and then moved by what the table's estimate differs from the mean of all tables'. So the interval
    holds both the choice of donors and the luck of a generation seed.

    Parameters
    ----------
    estimates
        Of each table.
    replicates
        Of each table, its estimate in every resample, ``(resamples,)``; NaN where it is undefined.

    Returns
    -------
    tuple of float or None
        The central interval of `LEVEL`; None where there are fewer than two replicates in all.
    """
    centre = float(np.mean(estimates))
    moved = []
    for estimate, of_table in zip(estimates, replicates, strict=True):
        defined = of_table[np.isfinite(of_table)]
        if len(defined):
            moved.append(defined - defined.mean() + (estimate - centre))
    deviations = np.concatenate(moved) if moved else np.empty(0)
    if len(deviations) < 2:
        return None
    low, high = np.quantile(deviations, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return centre + float(low), centre + float(high)
