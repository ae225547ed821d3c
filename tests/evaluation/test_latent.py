from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, silhouette_score

from gtexgen.evaluation.latent import adjusted_rand_index, measure_grouping, nearest_conditions
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined

FIGURES = ("silhouette", "ari", "purity")


def cohort(tissue_apart: float, age_apart: float, seed: int = 0) -> tuple[np.ndarray, pd.DataFrame]:
    """240 samples of three tissues and two ages, whose centres are as far apart as asked, 1 being the noise."""
    rng = np.random.default_rng(seed)
    tissue, age = rng.integers(0, 3, 240), rng.integers(0, 2, 240)
    points = rng.normal(size=(240, 4)) / 2
    points[:, 0] += tissue_apart * tissue
    points[:, 1] += age_apart * age
    labels = {
        "donor_id": rng.integers(0, 60, 240),
        "tissue": np.array(["Liver", "Lung", "Skin"], object)[tissue],
        "age": np.array(["20-29", "60-69"], object)[age],
    }
    return points, pd.DataFrame(labels)


def measure(points: np.ndarray, labels: pd.DataFrame) -> dict[str, Outcome]:
    return measure_grouping(points, labels, resamples=30, seed=0)


def value(outcome: Outcome) -> float:
    assert isinstance(outcome, Estimate)
    return outcome.value


def test_separate_tissues_are_grouped_and_mixed_ages_are_not() -> None:
    found = measure(*cohort(100.0, 0.0))
    assert value(found["latent_silhouette_tissue"]) > 0.95
    assert value(found["latent_ari_tissue"]) == 1
    assert value(found["latent_purity_tissue"]) == 1
    assert abs(value(found["latent_silhouette_age"])) < 0.05
    assert abs(value(found["latent_ari_age"])) < 0.1
    assert value(found["latent_purity_age"]) == pytest.approx(0.5, abs=0.06)


def test_ages_are_judged_within_tissues() -> None:
    points, labels = cohort(0.0, 100.0)
    found = measure(points, labels)
    assert all(value(found[f"latent_{figure}_age"]) > 0.95 for figure in FIGURES)
    assert abs(value(found["latent_silhouette_tissue"])) < 0.1
    assert abs(value(found["latent_ari_tissue"])) < 0.05
    # Moving whole tissues changes nothing of what is within them.
    points[:, 2] += 1000.0 * pd.factorize(labels["tissue"])[0]
    moved = measure(points, labels)
    assert [value(moved[f"latent_{figure}_age"]) for figure in FIGURES] == pytest.approx(
        [value(found[f"latent_{figure}_age"]) for figure in FIGURES]
    )
    assert value(moved["latent_ari_tissue"]) == 1


def test_figures_come_with_resamples_and_with_those_of_each_tissue() -> None:
    points, labels = cohort(1.5, 1.0)
    found = measure(points, labels)
    for key, outcome in found.items():
        assert isinstance(outcome, Estimate)
        assert outcome.replicates.shape == (30,)
        assert outcome.replicates.std() > 0
        assert abs(outcome.replicates.mean() - outcome.value) < 4 * outcome.replicates.std()
        if key != "latent_ari_tissue":
            assert outcome.by_condition.keys() == {"Liver", "Lung", "Skin"}
    assert value(found["latent_silhouette_tissue"]) == pytest.approx(silhouette_score(points, labels["tissue"]))
    lung = labels["tissue"] == "Lung"
    of_age = found["latent_silhouette_age"]
    assert isinstance(of_age, Estimate)
    assert of_age.by_condition["Lung"] == pytest.approx(silhouette_score(points[lung], labels["age"][lung]))


def test_samples_without_a_label_and_rare_classes_are_left_out() -> None:
    points, labels = cohort(10.0, 1.0)
    expected = measure(points, labels)
    strange = labels.iloc[:8].assign(tissue=np.repeat(np.array([None, "Rare"], object), 4))
    found = measure(np.vstack([points, np.full((8, 4), 1e3)]), pd.concat([labels, strange], ignore_index=True))
    assert {key: value(outcome) for key, outcome in found.items()} == pytest.approx(
        {key: value(outcome) for key, outcome in expected.items()}
    )


def test_many_samples_are_judged_by_some_of_them() -> None:
    rng = np.random.default_rng(0)
    tissue = np.arange(6000) % 2
    points = rng.normal(size=(6000, 2)) + 3 * tissue[:, None]
    labels = pd.DataFrame({"donor_id": np.arange(6000), "tissue": tissue.astype(str)})
    found = measure_grouping(points, labels, resamples=2, seed=0)["latent_purity_tissue"]
    again = measure_grouping(points, labels, resamples=2, seed=1)["latent_purity_tissue"]
    assert value(found) == pytest.approx(value(again), abs=0.01)
    assert value(found) != value(again)


def test_what_cannot_be_grouped_says_why() -> None:
    points, labels = cohort(1.0, 1.0)
    found = measure(points, labels.drop(columns="age").assign(tissue="Lung"))
    assert all(isinstance(outcome, Undefined) for outcome in found.values())
    why = found["latent_ari_age"]
    assert isinstance(why, Undefined)
    assert "age" in why.why


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_the_index_is_that_of_scikit_learn_on_repeated_samples(seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes, clusters = rng.integers(0, 4, (2, 30))
    weights = rng.integers(0, 4, (3, 30)).astype(np.float32)
    weights[:, :2] = 1
    classes[:2] = [0, 1]
    expected = []
    for of_resample in weights.astype(int):
        rows = np.repeat(np.arange(30), of_resample)
        expected.append(adjusted_rand_score(classes[rows], clusters[rows]))
    np.testing.assert_allclose(adjusted_rand_index(classes, clusters, weights), expected, atol=1e-12)


def test_the_nearest_conditions_are_those_of_the_nearest_centroids() -> None:
    rng = np.random.default_rng(0)
    condition = np.repeat(np.array(["A", "B", "C", None], object), 4000)
    points = rng.normal(size=(16000, 4)) + np.repeat([0.0, 10.0, 14.0, 1e6], 4000)[:, None] * [1, 0, 0, 0]
    found = nearest_conditions(points, condition, n=3)
    assert found[["condition", "rank", "neighbour"]].to_numpy().tolist() == [
        ["A", 1, "B"],
        ["A", 2, "C"],
        ["B", 1, "C"],
        ["B", 2, "A"],
        ["C", 1, "B"],
        ["C", 2, "A"],
    ]
    # A sample is sqrt(4) = 2 from its centroid, in the root mean square.
    assert found["distance"].to_numpy() == pytest.approx([5, 7, 2, 5, 2, 7], rel=0.02)
