r"""Whether synthetic samples lie where real ones lie: nearest neighbours by Euclidean distance on log2(x + 1).

A ball of a sample reaches to its k-th nearest neighbour of its own table. From balls and distances come precision and
recall (Kynkaanniemi et al. 2019, arXiv 1904.06991), density and coverage (Naeem et al. 2020, arXiv 2002.09797), and the
adversarial accuracy (Yale et al. 2020, doi 10.1016/j.neucom.2019.12.136). Each is the mean over samples of a number
that a sample has, so a bootstrap resample weighs these numbers anew, against the same neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gtexgen.evaluation.averages import Share, average
from gtexgen.evaluation.samples import Comparison
from gtexgen.evaluation.scores import Outcome, Undefined

__all__ = ["ADVERSARIAL", "NEIGHBOURS", "Placement", "measure_neighbours", "nearest_distances", "place"]

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]

NEIGHBOURS = 5
ADVERSARIAL = ("adversarial_accuracy", "adversarial_real", "adversarial_synthetic")
"""k: a ball reaches to the k-th neighbour."""

BLOCK = 8_000_000
"""Distances that are held at a time."""

OPEN = 1 - 1e-9
"""Balls are open; this much smaller, so that rounding does not decide on what lies on their edge."""


class Placement(NamedTuple):
    """Where the samples of two tables lie among each other.

    Attributes
    ----------
    balls
        Of each synthetic sample, in how many real balls it lies, ``(synthetic,)``.
    recalled
        Of each real sample, whether it lies in a synthetic ball, ``(real,)``.
    covered
        Of each real sample, whether a synthetic one lies in its ball, ``(real,)``.
    real_apart
        Of each real sample, whether the nearest other real one is nearer than the nearest synthetic one, ``(real,)``.
    synthetic_apart
        The same of each synthetic sample, ``(synthetic,)``. Ties, such as copies, are not apart.
    """

    balls: IndexArray
    recalled: BoolArray
    covered: BoolArray
    real_apart: BoolArray
    synthetic_apart: BoolArray


def nearest_distances(
    queries: npt.NDArray[np.floating], points: npt.NDArray[np.floating], k: int = 1, *, exclude_self: bool = False
) -> FloatArray:
    """Give the Euclidean distances of each query to its k nearest points, in blocks.

    Single precision finds the neighbours; their distances are then measured from the differences in double precision,
    so that a copy is at distance 0 and no near neighbour is rounded away.

    Parameters
    ----------
    queries, points
        ``(queries, genes)`` and ``(points, genes)``.
    k
        How many, at most as many as there are points (less one with `exclude_self`).
    exclude_self
        Query i is point i, and not its own neighbour.

    Returns
    -------
    numpy.ndarray
        Ascending, ``(queries, k)``.
    """
    centre = points.mean(axis=0, dtype=np.float64)
    centred = (points - centre).astype(np.float32)
    distances = np.empty((len(queries), k))
    for rows in _blocks(len(queries), len(points)):
        squared = _squared_distances((queries[rows] - centre).astype(np.float32), centred)
        if exclude_self:
            squared[np.arange(len(squared)), np.arange(rows.start, rows.stop)] = np.inf
        nearest = _smallest(squared, k)
        for column in range(k):
            differences = queries[rows].astype(np.float64) - points[nearest[:, column]]
            distances[rows, column] = np.sqrt(np.einsum("qg,qg->q", differences, differences))
    distances.sort(axis=1)
    return distances


def place(real: npt.NDArray[np.floating], synthetic: npt.NDArray[np.floating], k: int = NEIGHBOURS) -> Placement:
    """Find out where the samples of two tables, ``(samples, genes)`` each, lie among each other.

    The tables may differ in length; each must have more than `k` samples.
    """
    own_real, own_synthetic = (nearest_distances(table, table, k, exclude_self=True) for table in (real, synthetic))
    real_radius, synthetic_radius = own_real[:, -1], own_synthetic[:, -1]
    to_synthetic, to_real = nearest_distances(real, synthetic)[:, 0], nearest_distances(synthetic, real)[:, 0]
    return Placement(
        balls=_balls_around(synthetic, real, real_radius),
        recalled=_balls_around(real, synthetic, synthetic_radius) > 0,
        covered=to_synthetic < OPEN * real_radius,
        real_apart=to_synthetic > own_real[:, 0],
        synthetic_apart=to_real > own_synthetic[:, 0],
    )


def measure_neighbours(comparison: Comparison) -> dict[str, Outcome]:
    """Measure precision, recall, density, coverage and adversarial accuracy, which is the mean of its two halves."""
    names = ("precision", "recall", "density", "coverage", *ADVERSARIAL)
    if len(comparison.condition) <= NEIGHBOURS:
        why = f"nearest neighbours need more than {NEIGHBOURS} samples on both sides, not {len(comparison.condition)}"
        return dict.fromkeys(names, Undefined(why))
    placement = place(comparison.real, comparison.synthetic)
    real, synthetic = comparison.real_weights, comparison.synthetic_weights
    shares = (
        [Share(placement.balls > 0, synthetic)],
        [Share(placement.recalled, real)],
        [Share(placement.balls / NEIGHBOURS, synthetic)],
        [Share(placement.covered, real)],
        [Share(placement.real_apart, real), Share(placement.synthetic_apart, synthetic)],
        [Share(placement.real_apart, real)],
        [Share(placement.synthetic_apart, synthetic)],
    )
    return {name: average(comparison.condition, of) for name, of in zip(names, shares, strict=True)}


def _balls_around(
    queries: npt.NDArray[np.floating], centres: npt.NDArray[np.floating], radii: FloatArray
) -> IndexArray:
    """Count the balls about `centres` that hold each query."""
    centre = centres.mean(axis=0, dtype=np.float64)
    points, reach = centres - centre, np.square(OPEN * radii)
    counts = [
        (_squared_distances(queries[rows] - centre, points) < reach).sum(axis=1)
        for rows in _blocks(len(queries), len(points))
    ]
    return np.concatenate(counts)


def _squared_distances(queries: npt.NDArray[np.floating], points: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Give ``(queries, points)``, as precise as the centred values that it is given."""
    squared = queries @ points.T
    squared *= -2
    squared += np.einsum("qg,qg->q", queries, queries)[:, None]
    squared += np.einsum("pg,pg->p", points, points)
    return np.maximum(squared, 0, out=squared)


def _smallest(values: npt.NDArray[np.floating], k: int) -> IndexArray:
    """Give the columns of the k smallest values of each row, in any order, ``(rows, k)``."""
    columns: IndexArray = values.argmin(axis=1)[:, None] if k == 1 else np.argpartition(values, k - 1, axis=1)[:, :k]
    return columns


def _blocks(n_queries: int, n_points: int) -> Iterator[slice]:
    """Cut the queries so that each part has at most `BLOCK` distances to the points."""
    size = max(1, BLOCK // max(1, n_points))
    for start in range(0, n_queries, size):
        yield slice(start, min(start + size, n_queries))
