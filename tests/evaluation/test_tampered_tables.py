"""Which tampering with a table moves which metric, which way, and what it must leave alone.

A further metric needs a line in `EQUAL`, a call in `measured`, and a sign in each row of `MOVES` that it should see.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from gtexgen.evaluation.correlations import measure_correlations
from gtexgen.evaluation.detection import measure_detection
from gtexgen.evaluation.feature_space import FeatureSpace
from gtexgen.evaluation.frechet import measure_frechet
from gtexgen.evaluation.genes import measure_genes
from gtexgen.evaluation.neighbours import measure_neighbours
from gtexgen.evaluation.privacy import measure_privacy
from gtexgen.evaluation.samples import Comparison, Samples
from gtexgen.evaluation.scores import Estimate
from gtexgen.evaluation.utility import measure_utility

CONDITIONS = np.array(["Brain", "Liver", "Lung", "Skin"])
N_GENES, N_OF_CONDITION, N_DONORS = 40, 150, 60

EQUAL = {
    "mean_error": (np.sqrt(2 / N_OF_CONDITION) * np.sqrt(2 / np.pi), 0.035),
    "variance_ratio": (1, 0.05),
    "wasserstein": (0.14, 0.035),
    "correlation_score": (0.99, 0.01),
    "precision": (0.94, 0.04),
    "recall": (0.94, 0.06),
    "density": (1, 0.12),
    "coverage": (0.965, 0.04),
    "adversarial_accuracy": (0.5, 0.05),
    "adversarial_real": (0.5, 0.07),
    "adversarial_synthetic": (0.5, 0.07),
    "frechet_distance": (1.5, 1.4),
    "detection_auc": (0.5, 0.07),
    "linear_detection_auc": (0.5, 0.06),
    "tissue_transfer": (1, 0.01),
    "membership_auc": (0.5, 0.04),
    "domias_auc": (0.5, 0.05),
    "copies": (0.01, 0.025),
    "nearest_ratio": (1, 0.05),
}
"""What two samples of one distribution and of this size have, and the noise of it: finite samples are never ideal."""

MOVES = {
    "shifted": {
        "adversarial_synthetic": "+",
        "adversarial_real": "+",
        "mean_error": "+",
        "wasserstein": "+",
        "precision": "-",
        "recall": "-",
        "density": "-",
        "coverage": "-",
        "adversarial_accuracy": "+",
        "frechet_distance": "+",
        "detection_auc": "+",
        "linear_detection_auc": "+",
        "nearest_ratio": "+",
    },
    "shrunk": {
        "adversarial_synthetic": "+",
        "variance_ratio": "-",
        "wasserstein": "+",
        "precision": "+",
        "recall": "-",
        "density": "+",
        "adversarial_accuracy": "+",
        "frechet_distance": "+",
        "detection_auc": "+",
        "copies": "+",
        "nearest_ratio": "-",
    },
    "mode_dropped": {
        "adversarial_synthetic": "+",
        "adversarial_real": "+",
        "mean_error": "+",
        "wasserstein": "+",
        "correlation_score": "-",
        "recall": "-",
        "coverage": "-",
        "adversarial_accuracy": "+",
        "frechet_distance": "+",
        "detection_auc": "+",
        "linear_detection_auc": "+",
    },
    "decorrelated": {
        "adversarial_real": "+",
        "correlation_score": "-",
        "precision": "-",
        "recall": "-",
        "density": "-",
        "coverage": "-",
        "adversarial_accuracy": "+",
        "frechet_distance": "+",
        "detection_auc": "+",
        "nearest_ratio": "+",
    },
    "copied": {
        "adversarial_synthetic": "-",
        "adversarial_real": "-",
        "mean_error": "-",
        "wasserstein": "-",
        "correlation_score": "+",
        "precision": "+",
        "adversarial_accuracy": "-",
        "detection_auc": "-",
        "linear_detection_auc": "-",
        "membership_auc": "-",
        "domias_auc": "-",
    },
    "memorised": {
        "membership_auc": "+",
        "domias_auc": "+",
        "copies": "+",
        "nearest_ratio": "-",
    },
    "mislabelled": {
        "mean_error": "+",
        "variance_ratio": "+",
        "wasserstein": "+",
        "correlation_score": "-",
        "tissue_transfer": "-",
    },
    "swapped": {
        "mean_error": "+",
        "wasserstein": "+",
        "tissue_transfer": "-",
    },
}
"""By tampering, the metrics that see it; all others stay within their noise."""


@cache
def cohort(seed: int) -> Samples:
    """Give four conditions of correlated genes, donors that differ a little, and a mode of 3 in 10 samples of each."""
    world, rng = np.random.default_rng(0), np.random.default_rng(seed)
    means, loadings = world.normal(8, 2, (4, N_GENES)), world.normal(0, 0.5, (6, N_GENES))
    condition = np.repeat(np.arange(4), N_OF_CONDITION)
    donor, mode = rng.integers(0, N_DONORS, len(condition)), rng.random(len(condition)) < 0.3
    of_mode = 4.0 * (np.arange(N_GENES) < 10) * mode[:, None]
    of_donor = 0.1 * rng.normal(size=(N_DONORS, N_GENES))[donor]
    noise = rng.normal(size=(len(condition), 6)) @ loadings + 0.5 * rng.normal(size=(len(condition), N_GENES))
    labels = {"donor_id": [f"{seed}-{number}" for number in donor], "tissue": CONDITIONS[condition], "mode": mode}
    return Samples((means[condition] + of_mode + of_donor + noise).astype(np.float32), pd.DataFrame(labels))


def with_expression(table: Samples, expression: np.ndarray) -> Samples:
    return Samples(expression.astype(np.float32), table.labels)


def condition_means(table: Samples) -> np.ndarray:
    return pd.DataFrame(table.expression).groupby(table.labels["tissue"]).transform("mean").to_numpy()


def untampered() -> Samples:
    return cohort(2)


def shifted() -> Samples:
    """Move all genes up by half a real SD."""
    sd = (cohort(1).expression - condition_means(cohort(1))).std(axis=0)
    return with_expression(cohort(2), cohort(2).expression + sd / 2)


def shrunk() -> Samples:
    """Bring all samples nearer to the mean of their condition."""
    means = condition_means(cohort(2))
    return with_expression(cohort(2), means + 0.6 * (cohort(2).expression - means))


def mode_dropped() -> Samples:
    """Have none of the mode, and as many samples as before."""
    parts = [cohort(seed).take(~cohort(seed).labels["mode"].to_numpy()) for seed in (2, 7)]
    expression = np.concatenate([part.expression for part in parts])
    return Samples(expression, pd.concat([part.labels for part in parts], ignore_index=True))


def decorrelated() -> Samples:
    """Shuffle each gene by itself within conditions."""
    rng, expression = np.random.default_rng(0), cohort(2).expression.copy()
    for start in range(0, len(expression), N_OF_CONDITION):
        of = slice(start, start + N_OF_CONDITION)
        expression[of] = rng.permuted(expression[of], axis=0)
    return with_expression(cohort(2), expression)


def copied() -> Samples:
    """Give the held-out samples themselves, in another order: an attacker takes those for members."""
    return cohort(1).take(np.random.default_rng(1).permutation(len(cohort(1))))


def memorised() -> Samples:
    """Give the training samples themselves, each moved a little."""
    noise = 0.1 * np.random.default_rng(4).normal(size=cohort(3).expression.shape)
    return with_expression(cohort(3), cohort(3).expression + noise)


def mislabelled() -> Samples:
    """Shuffle the conditions."""
    table = cohort(2)
    tissue = np.random.default_rng(3).permutation(table.labels["tissue"].to_numpy())
    return Samples(table.expression, table.labels.assign(tissue=tissue))


def swapped() -> Samples:
    """Give the samples of each condition the mean of the next."""
    table = cohort(2)
    means = condition_means(table)
    return with_expression(table, table.expression - means + np.roll(means, -N_OF_CONDITION, axis=0))


TAMPERINGS = {
    of.__name__: of
    for of in (untampered, shifted, shrunk, mode_dropped, decorrelated, copied, memorised, mislabelled, swapped)
}


@cache
def measured(tampering: str) -> dict[str, float]:
    training, held_out, independent, table = cohort(3), cohort(1), cohort(4), TAMPERINGS[tampering]()
    space = FeatureSpace.fit(training.expression, n_components=10)
    compared = Comparison.match(held_out, table, "tissue", resamples=5, seed=0)
    privacy = measure_privacy(training, held_out, independent, table, space, condition="tissue", resamples=5, seed=0)
    outcomes = {
        **measure_genes(compared),
        **measure_correlations(compared),
        **measure_neighbours(compared),
        **measure_frechet(compared, space),
        **measure_detection(compared, seed=0),
        **measure_utility(table, held_out, space, resamples=5, seed=0),
        **{key: outcome for key, outcome in privacy.items() if not key.endswith("tpr")},
    }
    assert len(compared.condition) == len(CONDITIONS) * N_OF_CONDITION
    return {name: outcome.value for name, outcome in outcomes.items() if isinstance(outcome, Estimate)}


@pytest.mark.parametrize("metric", EQUAL)
def test_samples_of_one_distribution_differ_by_no_more_than_noise(metric: str) -> None:
    expected, noise = EQUAL[metric]
    assert measured("untampered")[metric] == pytest.approx(expected, abs=noise)


@pytest.mark.parametrize(("tampering", "metric"), [(of, metric) for of in MOVES for metric in EQUAL])
def test_tampering_moves_the_metrics_that_should_see_it_and_no_other(tampering: str, metric: str) -> None:
    before, after, noise = measured("untampered")[metric], measured(tampering)[metric], EQUAL[metric][1]
    match MOVES[tampering].get(metric):
        case "+":
            assert after > before + noise
        case "-":
            assert after < before - noise
        case _:
            assert after == pytest.approx(before, abs=noise)


def test_copies_leave_no_doubt() -> None:
    found = measured("copied")
    assert found["adversarial_accuracy"] == 0
    assert found["detection_auc"] < 0.3
    assert found["mean_error"] == pytest.approx(0, abs=1e-6)
    assert found["precision"] == found["recall"] == found["coverage"] == 1


def test_memorised_training_samples_leave_no_doubt() -> None:
    found = measured("memorised")
    assert found["membership_auc"] > 0.99
    assert found["domias_auc"] > 0.99
    assert found["copies"] > 0.99
    assert found["nearest_ratio"] < 0.2


def test_no_metric_is_forgotten() -> None:
    assert measured("untampered").keys() == EQUAL.keys()
