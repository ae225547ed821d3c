from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from gtexgen.evaluation.density import log_density, typical_gap


def test_the_density_of_a_gaussian_sample_is_near_the_truth() -> None:
    rng = np.random.default_rng(0)
    covariance = np.array([[2.0, 0.8], [0.8, 1.0]])
    points, queries = (rng.multivariate_normal([5, -3], covariance, n) for n in (4000, 200))
    truth = multivariate_normal([5, -3], covariance).logpdf(queries)
    assert np.abs(log_density(queries, points, gap=2.0) - truth).mean() < 0.4


def test_it_integrates_to_one() -> None:
    points = np.random.default_rng(0).normal(size=(30, 1))
    grid = np.linspace(-8, 8, 8001)[:, None]
    assert np.exp(log_density(grid, points, gap=0.2)).sum() * (grid[1, 0] - grid[0, 0]) == pytest.approx(1, abs=1e-3)


def test_points_of_the_sample_are_much_denser_than_points_between() -> None:
    rng = np.random.default_rng(0)
    points, others = rng.normal(size=(2, 200, 10))
    gap = typical_gap(points)
    of_points, of_others = (log_density(queries, points, gap) for queries in (points, others))
    assert of_points.min() > of_others.max() + 5


def test_a_gap_is_the_median_distance_to_the_nearest_other_point() -> None:
    assert typical_gap(np.array([[0.0], [1.0], [3.0], [7.0], [7.0]])) == 1.0
