from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from gtexgen.evaluation.donors import completion_r2, correlation_agreement, measure_donors, within_donor_correlation
from gtexgen.evaluation.samples import Samples
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined


def cohort(correlation: float, n_donors: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Donors of two to six tissues, each of its own mean and spread, and one gene a row of `correlation`."""
    rng = np.random.default_rng(seed)
    donor = np.repeat(np.arange(n_donors), rng.integers(2, 7, n_donors))
    tissue = np.concatenate([rng.permutation(8)[: (donor == d).sum()] for d in range(n_donors)])
    shared = rng.standard_normal((n_donors, 3))[donor]
    noise = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * rng.standard_normal((len(donor), 3))
    return 5.0 * tissue[:, None] + (1 + tissue[:, None]) * noise, donor, tissue


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
def test_the_correlation_of_a_known_cohort_is_found(correlation: float) -> None:
    found = within_donor_correlation(*cohort(correlation))
    np.testing.assert_allclose(found, correlation, atol=0.06)


def test_it_is_the_weighted_sum_over_pairs_of_different_tissues() -> None:
    rng = np.random.default_rng(1)
    values, donor = rng.standard_normal((60, 4)), rng.integers(0, 9, 60)
    tissue = rng.choice(["Lung", "Liver", "Skin"], 60)
    z = np.empty_like(values)
    for name in set(tissue):
        of = values[tissue == name]
        z[tissue == name] = (of - of.mean(axis=0)) / of.std(axis=0)
    above, below = np.zeros(4), np.zeros(4)
    for i, j in combinations(range(60), 2):
        if donor[i] == donor[j] and tissue[i] != tissue[j]:
            weight = 2 / (donor == donor[i]).sum()
            above += weight * z[i] * z[j]
            below += weight * (z[i] ** 2 + z[j] ** 2) / 2
    np.testing.assert_allclose(within_donor_correlation(values, donor, tissue), above / below, rtol=1e-10)


def test_what_all_samples_of_a_condition_share_does_not_count() -> None:
    expression, donor, tissue = cohort(0.0)
    sex = np.random.default_rng(2).integers(0, 2, donor.max() + 1)[donor]
    expression = expression + 20 * (1 + tissue[:, None]) * sex[:, None]
    assert (within_donor_correlation(expression, donor, tissue) > 0.9).all()
    both = [f"{t} {s}" for t, s in zip(tissue, sex, strict=True)]
    assert (abs(within_donor_correlation(expression, donor, tissue, condition=both)) < 0.1).all()


def test_a_gene_that_does_not_vary_has_no_correlation() -> None:
    expression, donor, tissue = cohort(0.5)
    expression[:, 1] = 3.0
    found = within_donor_correlation(expression, donor, tissue)
    assert np.isnan(found).tolist() == [False, True, False]


def test_rare_conditions_are_left_out() -> None:
    expression, donor, tissue = cohort(0.5)
    expected = within_donor_correlation(expression, donor, tissue)
    rare = [*(np.full(4, name) for name in (50, 60))]
    expression = np.vstack([np.full((4, 3), 1e6), expression, np.full((4, 3), -1e6)])
    donor, tissue = (np.concatenate([ends[0], of, ends[1]]) for ends, of in (([donor[:4]] * 2, donor), (rare, tissue)))
    np.testing.assert_allclose(within_donor_correlation(expression, donor, tissue), expected)


def test_without_a_pair_no_gene_has_a_correlation() -> None:
    expression, donor, tissue = cohort(0.5)
    assert np.isnan(within_donor_correlation(expression, np.arange(len(donor)), tissue)).all()
    assert np.isnan(within_donor_correlation(expression, donor, np.zeros(len(donor)))).all()
    assert np.isnan(within_donor_correlation(expression, donor, tissue, least=10_000)).all()


def test_agreement_is_over_the_genes_that_both_have() -> None:
    first = np.array([0.1, 0.2, np.nan, 0.4, 0.9])
    second = np.array([0.3, 0.5, 0.1, 0.9, np.nan])
    assert correlation_agreement(first, second) == pytest.approx(1.0)
    assert correlation_agreement(first, -second) == pytest.approx(-1.0)


def test_r2_compares_a_completion_with_the_mean_of_the_tissue() -> None:
    real = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 5.0]])
    mean = np.array([[2.0, 2.0], [2.0, 2.0], [4.0, 4.0]])
    half = (real + mean) / 2
    tissue = ["Lung", "Lung", "Liver"]
    assert completion_r2(real, mean, mean, tissue) == {"Liver": 0.0, "Lung": 0.0}
    assert completion_r2(real, real, mean, tissue) == {"Liver": 1.0, "Lung": 1.0}
    assert completion_r2(real, half, mean, tissue) == pytest.approx({"Liver": 0.75, "Lung": 0.75})
    worse = completion_r2(real, np.array([[1.0, 2.0], [0.0, 0.0], [5.0, 5.0]]), mean, tissue)
    assert worse["Lung"] == pytest.approx(1 - 25 / 6)
    assert np.isnan(completion_r2(real, mean, real, tissue)["Lung"])


def bodies(correlation: float, n_donors: int = 400, seed: int = 0) -> Samples:
    """A cohort of eight tissues as a table."""
    expression, donor, tissue = cohort(correlation, n_donors, seed)
    labels = pd.DataFrame({"donor_id": donor.astype(str), "tissue": np.array([f"T{t}" for t in tissue], object)})
    return Samples(expression.astype(np.float32), labels)


def measured(table: Samples | None, held_out: Samples) -> dict[str, Outcome]:
    return measure_donors(table, held_out, resamples=100, seed=0)


def test_a_table_is_compared_with_real_donors() -> None:
    found = measured(bodies(0.2, seed=1), bodies(0.7))["within_donor_mean"]
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(-0.5, abs=0.05)
    assert found.replicates.shape == (100,)
    assert found.replicates.mean() == pytest.approx(found.value, abs=0.02)
    assert 0.005 < found.replicates.std() < 0.05


def test_the_same_donors_agree_perfectly_and_others_in_the_right_genes() -> None:
    same = measured(bodies(0.5), bodies(0.5))
    assert isinstance(same["within_donor_mean"], Estimate)
    assert same["within_donor_mean"].value == 0
    assert isinstance(same["within_donor_agreement"], Estimate)
    assert same["within_donor_agreement"].value == pytest.approx(1)
    real, opposite = (bodies(0.0, seed=seed) for seed in (2, 3))
    real.expression[:, 0] = bodies(0.9, seed=2).expression[:, 0]
    opposite.expression[:, :2] = bodies(0.9, seed=3).expression[:, :2]
    found = measured(opposite, real)["within_donor_agreement"]
    assert isinstance(found, Estimate)
    # Alike are genes (1, 0, 0) and (1, 1, 0): their Pearson correlation is 1/2.
    assert found.value == pytest.approx(0.5, abs=0.05)


def test_what_men_and_women_differ_by_is_no_donors_own() -> None:
    table, real = bodies(0.0, seed=1), bodies(0.0)
    for of in (table, real):
        male = of.labels["donor_id"].astype(int) % 2 == 0
        of.labels["sex"] = np.where(male, "male", "female")
    table.expression[table.labels["sex"] == "male"] += 50
    found = measured(table, real)["within_donor_mean"]
    assert isinstance(found, Estimate)
    assert abs(found.value) < 0.05


def test_without_donors_of_two_tissues_there_is_nothing_to_compare() -> None:
    real = bodies(0.5)
    lone = Samples(real.expression, real.labels.assign(donor_id=np.arange(len(real)).astype(str)))
    nameless = Samples(real.expression, real.labels.drop(columns="donor_id"))
    for table, of, reason in (
        (None, real, "say"),
        (nameless, real, "say"),
        (lone, real, "table"),
        (real, lone, "held"),
    ):
        for outcome in measured(table, of).values():
            assert isinstance(outcome, Undefined)
            assert reason in outcome.why
