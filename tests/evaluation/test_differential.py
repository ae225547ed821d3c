from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gtexgen.evaluation.differential import differential_table, marker_table, measure_differential
from gtexgen.evaluation.samples import Comparison, Samples
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined

GENES = 40
NAMES = [f"G{gene}" for gene in range(GENES)]
MEANS = np.full((3, GENES), 5.0)
MEANS[0, :4] += 3
MEANS[1, 4:8] += 3
MEANS[2, 8:12] += 3
MEANS[:, 30:] = 0.3


def samples(means: np.ndarray, seed: int, each: int = 60, sd: float = 0.5) -> Samples:
    """Three tissues with a donor a sample; four genes are 8 times higher in each, the last ten hardly expressed."""
    rng = np.random.default_rng(seed)
    tissue = np.repeat(["A", "B", "C"], each)
    expression = means.repeat(each, axis=0) + sd * rng.normal(size=(3 * each, GENES))
    labels = pd.DataFrame({"donor_id": [f"D{row}" for row in range(3 * each)], "tissue": tissue})
    return Samples(expression.astype(np.float32), labels)


def compare(means: np.ndarray, seed: int = 1, each: int = 60) -> Comparison:
    """The tissues of `MEANS`, beside a table with these means."""
    return Comparison.match(samples(MEANS, 0, each), samples(means, seed, each), "tissue", resamples=20, seed=0)


def value(outcome: Outcome) -> float:
    assert isinstance(outcome, Estimate)
    return outcome.value


def test_a_table_of_the_same_distribution_agrees_in_everything() -> None:
    found = measure_differential(compare(MEANS))
    assert value(found["effect_agreement"]) > 0.97
    assert value(found["call_agreement"]) == 1
    assert value(found["low_expression_false_calls"]) == 0
    assert value(found["marker_overlap"]) == 1
    for outcome in found.values():
        assert isinstance(outcome, Estimate)
        assert outcome.by_condition.keys() == {"A", "B", "C"}
        assert outcome.replicates.shape == (20,)
        assert outcome.replicates.mean() == pytest.approx(outcome.value, abs=0.05)


def test_halved_effects_keep_their_correlation_and_reversed_ones_turn_it() -> None:
    centre = MEANS.mean(axis=0)
    assert value(measure_differential(compare(centre + (MEANS - centre) / 2))["effect_agreement"]) > 0.95
    assert value(measure_differential(compare(centre - (MEANS - centre)))["effect_agreement"]) < -0.95


def test_calls_that_a_table_misses_lower_their_agreement() -> None:
    without_a = MEANS.copy()
    without_a[0, :4] -= 3
    found = measure_differential(compare(without_a))["call_agreement"]
    assert isinstance(found, Estimate)
    # Of 24 real calls, 8 in each pair, the table lacks the 8 of tissue A's genes.
    assert found.value == pytest.approx(2 * 16 / (24 + 16))
    assert found.by_condition == pytest.approx(
        {"A": 2 * 8 / (16 + 8), "B": 2 * 12 / (16 + 12), "C": 2 * 12 / (16 + 12)}
    )


def test_an_effect_below_twofold_is_no_call() -> None:
    weak = 5 + (MEANS - 5) * 0.3
    found = differential_table(compare(weak), NAMES)
    chosen = found[(found["condition"] == "A") & (found["against"] == "B") & (found["gene"] == "G0")]
    assert chosen["fdr_table"].item() < 1e-6
    assert chosen["effect_table"].item() == pytest.approx(0.9, abs=0.3)
    assert (chosen["called_real"].item(), chosen["called_table"].item()) == (True, False)


def test_false_calls_are_counted_among_the_hardly_expressed_genes_alone() -> None:
    wrong = MEANS.copy()
    wrong[0, 30:35] += 2
    wrong[0, 20:25] += 2
    found = measure_differential(compare(wrong))["low_expression_false_calls"]
    assert isinstance(found, Estimate)
    # Half of the ten low genes are called in two of the three pairs; the others of the 20 are no low genes.
    assert found.value == pytest.approx(1 / 3)
    assert found.by_condition == pytest.approx({"A": 1 / 2, "B": 1 / 4, "C": 1 / 4})


def test_the_markers_of_two_tissues_are_lost_where_a_table_swaps_the_tissues() -> None:
    found = measure_differential(compare(MEANS[[1, 0, 2]]))["marker_overlap"]
    assert isinstance(found, Estimate)
    assert found.by_condition == {"A": 0, "B": 0, "C": 1}
    assert found.value == pytest.approx(1 / 3)


def test_the_marker_table_ranks_by_the_t_statistic_against_the_rest() -> None:
    comparison = compare(MEANS[[1, 0, 2]])
    table = marker_table(comparison, NAMES)
    of_a = table[table["condition"] == "A"]
    assert set(of_a.loc[of_a["marker_real"], "gene"]) == set(NAMES[:4])
    assert set(of_a.loc[of_a["marker_table"], "gene"]) == set(NAMES[4:8])
    assert sorted(of_a.loc[of_a["marker_real"], "rank_real"]) == [1, 2, 3, 4]
    best = of_a.iloc[0]
    a, rest = (comparison.real[rows, int(best["gene"][1:])] for rows in (IS_A, ~IS_A))
    assert best["t_real"] == pytest.approx(stats.ttest_ind(a, rest, equal_var=False).statistic, rel=1e-4)


IS_A = np.repeat([True, False, False], 60)


def test_the_differential_table_has_the_rates_of_benjamini_and_hochberg() -> None:
    comparison = compare(MEANS)
    table = differential_table(comparison, NAMES)
    assert len(table) == 3 * GENES
    of_pair = table[(table["condition"] == "A") & (table["against"] == "C")]
    a, c = (comparison.synthetic[comparison.condition == name].astype(np.float64) for name in "AC")
    p = stats.ttest_ind(a, c, equal_var=False).pvalue
    ranked = np.sort(p) * GENES / np.arange(1, GENES + 1)
    expected = np.empty(GENES)
    expected[np.argsort(p)] = np.minimum.accumulate(ranked[::-1])[::-1]
    np.testing.assert_allclose(of_pair["fdr_table"], expected, rtol=1e-3)
    np.testing.assert_allclose(of_pair["effect_table"], a.mean(axis=0) - c.mean(axis=0), rtol=1e-3, atol=1e-5)


def test_pairs_are_of_the_five_largest_conditions() -> None:
    rng = np.random.default_rng(0)
    tissue = np.repeat([f"T{n}" for n in range(7)], [4, 12, 11, 10, 9, 8, 7])
    labels = pd.DataFrame({"donor_id": np.arange(len(tissue)).astype(str), "tissue": tissue})
    of = Samples(rng.normal(5, 1, (len(tissue), GENES)).astype(np.float32), labels)
    comparison = Comparison.match(of, of, "tissue", resamples=3, seed=0)
    table = differential_table(comparison, NAMES)
    assert {*table["condition"], *table["against"]} == {"T1", "T2", "T3", "T4", "T5"}
    assert len(table) == 10 * GENES
    assert set(marker_table(comparison, NAMES)["condition"]) == {"T1", "T2", "T3", "T4", "T5", "T6"}


def test_what_cannot_be_computed_says_why() -> None:
    small = compare(MEANS, each=4)
    found = measure_differential(small)
    assert all(isinstance(outcome, Undefined) and "5 samples" in outcome.why for outcome in found.values())
    assert differential_table(small, NAMES).empty
    assert marker_table(small, NAMES).empty
    same = measure_differential(compare(np.full_like(MEANS, 5.0)))
    assert isinstance(same["effect_agreement"], Estimate)
    of = samples(np.full_like(MEANS, 5.0), 0)
    uncalled = measure_differential(Comparison.match(of, of, "tissue", resamples=3, seed=0))["call_agreement"]
    assert isinstance(uncalled, Undefined)
    assert "called" in uncalled.why
