from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtexgen.evaluation.feature_space import FeatureSpace
from gtexgen.evaluation.membership import Suspects
from gtexgen.evaluation.privacy import measure_privacy, weighted_median
from gtexgen.evaluation.samples import Samples
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined

GENES, FACTORS = 40, 15
LOADINGS = np.random.default_rng(99).normal(size=(FACTORS, GENES))
TISSUES = np.array(["Liver", "Lung", "Skin"], object)


def samples(seed: int, n: int = 600) -> Samples:
    """Donors of two samples each, of three tissues; nothing is alike within a donor."""
    rng = np.random.default_rng(seed)
    tissue = rng.integers(0, 3, n)
    expression = (
        8 + 3 * tissue[:, None] + rng.normal(size=(n, FACTORS)) @ LOADINGS / 3 + 0.3 * rng.normal(size=(n, GENES))
    )
    labels = pd.DataFrame({"donor_id": [f"{seed}-{row // 2}" for row in range(n)], "tissue": TISSUES[tissue]})
    return Samples(expression.astype(np.float32), labels)


MEMBERS, OTHERS, INDEPENDENT = samples(0), samples(1), samples(2)
SPACE = FeatureSpace.fit(MEMBERS.expression, 20)


def measure(table: Samples, independent: Samples | None = INDEPENDENT, **sides: Samples) -> dict[str, Outcome]:
    members, others = sides.get("members", MEMBERS), sides.get("others", OTHERS)
    return measure_privacy(members, others, independent, table, SPACE, condition="tissue", resamples=60, seed=0)


def noisy(sd: float, of: Samples = MEMBERS) -> Samples:
    """The same samples, each gene moved by noise."""
    noise = sd * np.random.default_rng(5).normal(size=of.expression.shape)
    return Samples((of.expression + noise).astype(np.float32), of.labels)


def estimate(outcome: Outcome) -> Estimate:
    assert isinstance(outcome, Estimate)
    return outcome


def values(found: dict[str, Outcome]) -> dict[str, float]:
    return {key: estimate(outcome).value for key, outcome in found.items()}


def test_a_copied_table_gives_everyone_away() -> None:
    found = measure(MEMBERS)
    assert values(found) == {
        "membership_auc": 1,
        "membership_tpr": 1,
        "domias_auc": pytest.approx(1, abs=1e-3),
        "domias_tpr": pytest.approx(1, abs=0.02),
        "copies": 1,
        "nearest_ratio": 0,
    }
    assert estimate(found["membership_auc"]).by_condition == {"Liver": 1, "Lung": 1, "Skin": 1}
    assert estimate(found["copies"]).by_condition == {"Liver": 1, "Lung": 1, "Skin": 1}


@pytest.mark.parametrize("seed", [10, 11, 12])
def test_fresh_samples_give_nobody_away(seed: int) -> None:
    """An AUC of 600 against 600 has a standard error of .017, a share of .01 of 600 one of .004."""
    found = values(measure(samples(seed)))
    assert found["membership_auc"] == pytest.approx(0.5, abs=0.06)
    assert found["domias_auc"] == pytest.approx(0.5, abs=0.06)
    assert found["membership_tpr"] < 0.04
    assert found["domias_tpr"] < 0.04
    assert found["copies"] < 0.03
    assert found["nearest_ratio"] == pytest.approx(1, abs=0.06)


def test_noise_on_copies_hides_them_by_degrees() -> None:
    found = [values(measure(noisy(sd))) for sd in (0.1, 0.6, 3.0)]
    for key, least in (("membership_auc", 0.99), ("domias_auc", 0.99), ("copies", 0.99)):
        assert found[0][key] > least
        assert found[0][key] >= found[1][key] >= found[2][key] - 0.05
        assert found[2][key] < 0.65
    assert found[0]["nearest_ratio"] < found[1]["nearest_ratio"] < found[2]["nearest_ratio"]
    assert found[2]["nearest_ratio"] > 1.5


def partly_copied() -> Samples:
    """Fresh samples, one in ten a copy."""
    expression = samples(10).expression.copy()
    expression[::10] = MEMBERS.expression[::10]
    return Samples(expression, samples(10).labels)


def test_some_copies_among_fresh_samples_are_counted() -> None:
    found = values(measure(partly_copied()))
    assert found["copies"] == pytest.approx(0.1, abs=0.02)
    assert found["membership_tpr"] == pytest.approx(0.11, abs=0.04)
    assert found["domias_tpr"] > 0.03


def test_copies_under_another_label_are_found_by_their_distance() -> None:
    turned = Samples(MEMBERS.expression, MEMBERS.labels.assign(tissue=np.roll(MEMBERS.column("tissue"), 1)))
    found = values(measure(turned))
    assert (found["membership_auc"], found["copies"]) == (1, 1)


def test_a_table_that_follows_its_training_samples_too_closely_is_seen_by_density_alone() -> None:
    """A Gaussian fitted to 30 samples of a tissue has their very mean and covariance, and no copies."""
    few = samples(20, 90)
    rng = np.random.default_rng(0)
    tissue = few.column("tissue")
    parts = {name: few.expression[tissue == name] for name in TISSUES}
    drawn = [rng.multivariate_normal(of.mean(axis=0), np.cov(of.T), 300) for of in parts.values()]
    table = Samples(np.concatenate(drawn).astype(np.float32), pd.DataFrame({"tissue": np.repeat([*parts], 300)}))
    found = values(measure(table, members=few))
    assert found["copies"] < 0.1
    assert found["domias_auc"] > 0.75
    assert found["domias_auc"] > found["membership_auc"] + 0.05


def test_resamples_surround_the_figures() -> None:
    for outcome in measure(partly_copied()).values():
        found = estimate(outcome)
        assert found.replicates.shape == (60,)
        assert found.replicates.std() > 0
        assert abs(found.replicates.mean() - found.value) < 3 * found.replicates.std()


def test_members_and_others_are_balanced_in_each_condition() -> None:
    rng = np.random.default_rng(0)
    few_livers = OTHERS.take((OTHERS.column("tissue") != "Liver") | (np.arange(600) < 60))
    suspects = Suspects.choose(MEMBERS, few_livers, "tissue", resamples=3, rng=rng)
    counts = pd.crosstab(suspects.condition, suspects.member)
    assert (counts[True] == counts[False]).all()
    assert counts.loc["Liver", True] == (few_livers.column("tissue") == "Liver").sum()
    # Donors are drawn whole, and on either side as many as there are.
    assert suspects.weights.shape == (3, len(suspects.condition))


def test_without_further_real_samples_the_second_attacker_cannot_work() -> None:
    found = measure(samples(10), None)
    assert isinstance(found["domias_auc"], Undefined)
    assert isinstance(found["membership_auc"], Estimate)
    few = measure(samples(10), samples(3, 6))["domias_tpr"]
    assert isinstance(few, Undefined)
    assert "a tissue needs held-out samples, and 5 each in the table" in few.why


def test_small_tables_and_strange_ones_say_so() -> None:
    assert all(isinstance(outcome, Undefined) for outcome in measure(samples(10, 10)).values())
    elsewhere = Samples(samples(10).expression, samples(10).labels.assign(tissue="Brain"))
    found = measure(elsewhere)
    assert isinstance(found["nearest_ratio"], Undefined)
    assert isinstance(found["domias_auc"], Undefined)
    assert estimate(found["copies"]).value < 0.03
    nobody = measure(samples(10), others=samples(1, 9))
    assert isinstance(nobody["membership_auc"], Undefined)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 20))
def test_a_weight_is_a_repetition_in_a_median(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    numbers, weights = rng.normal(size=n), rng.integers(0, 4, (3, n)).astype(np.float32)
    weights[:, 0] += 1
    expected = [np.quantile(np.repeat(numbers, of.astype(int)), 0.5, method="inverted_cdf") for of in weights]
    np.testing.assert_array_equal(weighted_median(numbers, weights), expected)


def test_no_weight_has_no_median() -> None:
    assert np.isnan(weighted_median(np.arange(3.0), np.zeros((1, 3)))).all()
