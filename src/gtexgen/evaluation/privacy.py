"""Whom a table gives away: membership inference, copies, and distances to the training samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.evaluation.averages import Share, average, condition_masks
from gtexgen.evaluation.feature_space import FeatureSpace
from gtexgen.evaluation.membership import Suspects, attack_by_density, attack_by_distance
from gtexgen.evaluation.neighbours import nearest_distances
from gtexgen.evaluation.resampling import donor_weights
from gtexgen.evaluation.samples import Samples, matched_rows
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined

__all__ = ["measure_privacy", "weighted_median"]

FloatArray = npt.NDArray[np.float64]

CLOSE = 0.01
"""The quantile of distances between training samples below which a sample counts as a copy."""
LARGEST = 2500
"""Of more samples, as many are chosen whose nearest training sample is looked for."""
LEAST = 20
"""Fewer samples have no quantiles to speak of."""
METRICS = ("membership_auc", "membership_tpr", "domias_auc", "domias_tpr", "copies", "nearest_ratio")


def measure_privacy(
    members: Samples,
    others: Samples,
    independent: Samples | None,
    table: Samples,
    space: FeatureSpace,
    *,
    condition: str,
    resamples: int,
    seed: int,
) -> dict[str, Outcome]:
    """Attack a table, look for copies in it, and measure how near its samples are to the training samples.

    Parameters
    ----------
    members
        What the generator was trained on, with ``donor_id`` and the condition.
    others
        The like, of donors that it never saw.
    independent
        The like, of further donors, for an attacker who has real samples; None where there are none.
    table
        The synthetic samples.
    space
        Fitted to `members`.
    condition
        The label by which samples are balanced and densities estimated; samples without it are left out.
    resamples, seed
        Of the bootstrap over donors, and of every choice.

    Returns
    -------
    dict
        ``membership_auc``, ``membership_tpr``, ``domias_auc``, ``domias_tpr``, ``copies`` and ``nearest_ratio``.
    """
    rng = np.random.default_rng(seed)
    suspects = Suspects.choose(members, others, condition, resamples=resamples, rng=rng)
    chosen = _some(table, condition, rng)
    if min(len(chosen), len(members)) < LEAST:
        why = f"fewer than {LEAST} samples of the table have a {condition}, or fewer than {LEAST} are training samples"
        return dict.fromkeys(METRICS, Undefined(why))
    distances = nearest_distances(chosen.expression, members.expression)[:, 0]
    near = Share(distances <= _copy_distance(members, rng), _singly(len(chosen), resamples, rng))
    return {
        **attack_by_distance(suspects, table),
        **attack_by_density(suspects, table, independent, space, condition),
        "copies": average(chosen.column(condition).astype(np.str_), [near]),
        "nearest_ratio": _nearest_ratio(suspects, members, chosen.column(condition), distances, rng),
    }


def weighted_median(values: npt.NDArray[np.floating], weights: npt.NDArray[np.floating]) -> FloatArray:
    """Give the median of ``(samples,)`` under each row of ``(resamples, samples)``; of two middle values, the lower.

    It is NaN where the weights are all 0.
    """
    order = values.argsort(kind="stable")
    reached = weights[:, order].astype(np.float64).cumsum(axis=1)
    middle = (reached >= reached[:, -1:] / 2).argmax(axis=1)
    return np.where(reached[:, -1] > 0, values[order][middle], np.nan)


def _some(samples: Samples, condition: str, rng: np.random.Generator) -> Samples:
    """Choose up to `LARGEST` samples that have a condition."""
    known = np.flatnonzero(pd.notna(samples.column(condition)))
    return samples.take(np.sort(rng.permutation(known)[:LARGEST]))


def _singly(n: int, resamples: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    return donor_weights(np.arange(n), resamples, rng)


def _copy_distance(members: Samples, rng: np.random.Generator) -> float:
    """Give the distance below which only `CLOSE` of the training samples have another one."""
    rows = rng.permutation(len(members))[:LARGEST]
    distances = nearest_distances(members.expression[rows], members.expression, k=2)[:, 1]
    return float(np.quantile(distances, CLOSE))


def _nearest_ratio(
    suspects: Suspects,
    members: Samples,
    condition: npt.NDArray[np.object_],
    distances: FloatArray,
    rng: np.random.Generator,
) -> Outcome:
    """Divide the median distance of the table's samples by that of others, with equally many of each condition."""
    others = np.flatnonzero(~suspects.member)
    of_table, of_others = matched_rows(condition, suspects.condition[others].astype(object), rng)
    if len(of_table) < LEAST:
        return Undefined(f"fewer than {LEAST} held-out samples have their like in the table")
    others = others[of_others]
    of_condition = suspects.condition[others]
    masks = condition_masks(of_condition)
    within = np.array([np.ones(len(others)), *masks.values()], np.float32)
    to_others = nearest_distances(suspects.expression[others], members.expression)[:, 0]
    weights = _singly(len(others), suspects.weights.shape[0], rng)
    above = weighted_median(distances[of_table], np.vstack([within, weights]))
    below = weighted_median(to_others, np.vstack([within, suspects.weights[:, others]]))
    ratio = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    first = len(within)
    return Estimate(float(ratio[0]), ratio[first:], dict(zip(masks, ratio[1:first].tolist(), strict=True)))
