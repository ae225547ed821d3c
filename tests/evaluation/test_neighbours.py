from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from gtexgen.evaluation import neighbours
from gtexgen.evaluation.neighbours import ADVERSARIAL, measure_neighbours, nearest_distances, place
from gtexgen.evaluation.samples import Comparison
from gtexgen.evaluation.scores import Estimate, Undefined


def cloud(n: int, genes: int = 12, seed: int = 0, centre: float = 7.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(centre, 1, (n, genes)).astype(np.float32)


def comparison(real: np.ndarray, synthetic: np.ndarray, condition: np.ndarray | None = None) -> Comparison:
    n = len(real)
    weights = np.random.default_rng(3).integers(0, 3, (2, 20, n)).astype(np.float32)
    names = np.full(n, "Lung") if condition is None else condition
    return Comparison(
        real, synthetic, names, np.arange(n).astype(object), np.arange(n).astype(object), weights[0], weights[1]
    )


def naive(real: np.ndarray, synthetic: np.ndarray, k: int) -> dict[str, float]:
    """The definitions of the papers, sample by sample."""
    rr, ss, rs = cdist(real, real), cdist(synthetic, synthetic), cdist(real, synthetic)
    real_radius = [sorted(row)[k] for row in rr]
    synthetic_radius = [sorted(row)[k] for row in ss]
    n, m = rs.shape
    inside = [[rs[i, j] < real_radius[i] for i in range(n)] for j in range(m)]
    return {
        "precision": np.mean([any(row) for row in inside]),
        "recall": np.mean([any(rs[i, j] < synthetic_radius[j] for j in range(m)) for i in range(n)]),
        "density": np.mean([sum(row) / k for row in inside]),
        "coverage": np.mean([min(rs[i]) < real_radius[i] for i in range(n)]),
        "adversarial_accuracy": (
            np.mean([min(rs[i]) > sorted(rr[i])[1] for i in range(n)])
            + np.mean([min(rs[:, j]) > sorted(ss[j])[1] for j in range(m)])
        )
        / 2,
    }


@pytest.mark.parametrize("block", [1, 700, 8_000_000])
def test_distances_are_those_of_scipy_whatever_the_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", block)
    queries, points = cloud(50), cloud(70, seed=1)
    expected = np.sort(cdist(queries.astype(float), points.astype(float)), axis=1)
    np.testing.assert_allclose(nearest_distances(queries, points, 4), expected[:, :4], rtol=1e-12)
    own = np.sort(cdist(points.astype(float), points.astype(float)), axis=1)
    np.testing.assert_allclose(nearest_distances(points, points, 4, exclude_self=True), own[:, 1:5], rtol=1e-12)


def test_a_copy_is_at_distance_zero_though_expression_is_large() -> None:
    points = cloud(300, genes=500, centre=3000)
    queries = points[::-1][:100]
    assert (nearest_distances(queries, points) == 0).all()
    assert (nearest_distances(points, points, exclude_self=True) > 20).all()
    twice = np.concatenate([points, points])
    assert (nearest_distances(twice, twice, exclude_self=True) == 0).all()


def test_differences_that_single_precision_would_lose_are_measured() -> None:
    points = cloud(30, genes=500)
    queries = points.copy()
    queries[:, 0] += 2e-4
    expected = np.abs(queries[:, 0].astype(float) - points[:, 0])
    np.testing.assert_allclose(nearest_distances(queries, points)[:, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("k", [1, 5])
def test_placement_is_that_of_a_naive_loop_for_tables_of_any_length(k: int) -> None:
    real, synthetic = cloud(60, 3), cloud(45, 3, seed=1, centre=7.4)
    synthetic[:5] = real[:5]
    placed = place(real, synthetic, k)
    found = {
        "precision": (placed.balls > 0).mean(),
        "recall": placed.recalled.mean(),
        "density": placed.balls.mean() / k,
        "coverage": placed.covered.mean(),
        "adversarial_accuracy": (placed.real_apart.mean() + placed.synthetic_apart.mean()) / 2,
    }
    assert found == pytest.approx(naive(real.astype(float), synthetic.astype(float), k))


def test_identical_tables_are_copies_of_full_density() -> None:
    real = cloud(80)
    found = measure_neighbours(comparison(real, real[::-1].copy()))
    values = {name: outcome.value for name, outcome in found.items() if isinstance(outcome, Estimate)}
    assert values == pytest.approx(
        {"precision": 1, "recall": 1, "density": 1, "coverage": 1, **dict.fromkeys(ADVERSARIAL, 0)}
    )


def test_tables_far_apart_share_nothing() -> None:
    found = measure_neighbours(comparison(cloud(80), cloud(80, seed=1, centre=30)))
    values = {name: outcome.value for name, outcome in found.items() if isinstance(outcome, Estimate)}
    assert values == {"precision": 0, "recall": 0, "density": 0, "coverage": 0, **dict.fromkeys(ADVERSARIAL, 1)}


def test_figures_of_conditions_and_resamples_are_means_of_the_same_numbers() -> None:
    condition = np.array(["Liver"] * 30 + ["Lung"] * 50 + ["Skin"] * 4)
    real, synthetic = cloud(84, 4), cloud(84, 4, seed=1)
    synthetic[condition == "Lung"] += 40
    matched = comparison(real, synthetic, condition)
    found = measure_neighbours(matched)
    placed = place(real, synthetic)
    recall, precision, accuracy = (found[name] for name in ("recall", "precision", "adversarial_accuracy"))
    assert isinstance(recall, Estimate)
    assert isinstance(precision, Estimate)
    assert isinstance(accuracy, Estimate)
    assert set(precision.by_condition) == {"Liver", "Lung"}
    assert precision.by_condition["Lung"] == 0 < precision.by_condition["Liver"]
    assert accuracy.by_condition["Lung"] > accuracy.by_condition["Liver"]
    resample = matched.real_weights[7].astype(int)
    assert recall.replicates[7] == pytest.approx(np.repeat(placed.recalled, resample).mean())
    assert recall.replicates.shape == (20,)


def test_too_few_samples_have_no_neighbours() -> None:
    found = measure_neighbours(comparison(cloud(5), cloud(5, seed=1)))
    assert len(found) == 7
    assert all(isinstance(outcome, Undefined) and "5 samples" in outcome.why for outcome in found.values())


def test_a_table_that_is_spread_out_too_far_fails_one_half_of_the_adversary() -> None:
    """The mean of both halves is near the ideal, and means nothing."""
    found = measure_neighbours(comparison(cloud(200, 50), 7 + np.float32(1.6) * (cloud(200, 50, seed=1) - 7)))
    whole, real, synthetic = (found[name] for name in ADVERSARIAL)
    assert isinstance(whole, Estimate)
    assert isinstance(real, Estimate)
    assert isinstance(synthetic, Estimate)
    assert whole.value == pytest.approx(0.5, abs=0.1)
    assert real.value > 0.9
    assert synthetic.value < 0.1
