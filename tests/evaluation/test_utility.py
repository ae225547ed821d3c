from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from gtexgen.evaluation.feature_space import FeatureSpace
from gtexgen.evaluation.samples import Samples
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined
from gtexgen.evaluation.utility import balanced_accuracy, measure_utility, predict

GENES = 30
TISSUES = np.array(["Liver", "Lung", "Ovary", "Skin"], object)


def samples(seed: int, n: int = 600) -> Samples:
    """Four tissues of clear means; sex moves the same genes as the tissue, and is told apart within a tissue only."""
    rng = np.random.default_rng(seed)
    tissue, male = rng.integers(0, 4, n), rng.integers(0, 2, n)
    male[tissue == 2] = 0
    expression = 5 + 0.5 * rng.normal(size=(n, GENES))
    expression[:, 0] += 4 * tissue + 2 * male
    expression[:, 1] += 3 * (tissue % 2)
    expression[:, 2:6] += 1.5 * rng.normal(size=(n, 1))
    labels = pd.DataFrame(
        {
            "donor_id": rng.integers(0, n // 4, n).astype(str),
            "tissue": TISSUES[tissue],
            "sex": np.array(["female", "male"], object)[male],
            "age": rng.choice(np.array(["20-29", "60-69"], object), n),
        }
    )
    return Samples(expression.astype(np.float32), labels)


TRAINING, HELD_OUT = samples(0), samples(1)
SPACE = FeatureSpace.fit(TRAINING.expression, 10)


def relabelled(of: Samples, **columns: pd.Series | str | None) -> Samples:
    return Samples(of.expression, of.labels.assign(**columns))


def measure(table: Samples, held_out: Samples = HELD_OUT) -> dict[str, Outcome]:
    return measure_utility(table, held_out, SPACE, resamples=50, seed=0)


def estimate(outcome: Outcome) -> Estimate:
    assert isinstance(outcome, Estimate)
    return outcome


def why(outcome: Outcome) -> str:
    assert isinstance(outcome, Undefined)
    return outcome.why


def test_samples_of_the_same_distribution_are_as_useful_as_the_real_ones() -> None:
    ceiling, found = measure(TRAINING), measure(samples(2))
    for key in ("tissue_transfer", "sex_transfer"):
        assert estimate(ceiling[key]).value > 0.9
        assert estimate(found[key]).value == pytest.approx(estimate(ceiling[key]).value, abs=0.03)
    assert estimate(found["age_transfer"]).value == pytest.approx(0.5, abs=0.06)


def test_shuffled_labels_are_worth_a_guess() -> None:
    order = np.random.default_rng(3).permutation(len(TRAINING))
    shuffled = Samples(TRAINING.expression, TRAINING.labels.iloc[order].reset_index(drop=True))
    found = measure(shuffled)
    assert estimate(found["tissue_transfer"]).value == pytest.approx(0.25, abs=0.08)
    assert estimate(found["sex_transfer"]).value == pytest.approx(0.5, abs=0.08)


def test_a_tissue_of_one_sex_does_not_count_for_the_sex() -> None:
    found = estimate(measure(TRAINING)["sex_transfer"])
    no_ovary = HELD_OUT.take(HELD_OUT.column("tissue") != "Ovary")
    assert found.value == pytest.approx(estimate(measure(TRAINING, no_ovary)["sex_transfer"]).value)


def test_the_tissue_is_told_where_sex_is_predicted() -> None:
    untold = Samples(TRAINING.expression, TRAINING.labels.drop(columns="tissue"))
    found = measure(untold)
    assert estimate(found["sex_transfer"]).value < estimate(measure(TRAINING)["sex_transfer"]).value - 0.1
    assert "tissue" in why(found["tissue_transfer"])
    assert estimate(measure(TRAINING, Samples(HELD_OUT.expression, untold.labels))["sex_transfer"]).value < 0.8


def test_a_tissue_that_the_table_lacks_is_wrong_and_not_left_out() -> None:
    lacking = TRAINING.take(TRAINING.column("tissue") != "Lung")
    found = estimate(measure(lacking)["tissue_transfer"])
    assert found.by_condition["Lung"] == 0
    assert found.by_condition.keys() == set(TISSUES)
    assert found.value == pytest.approx(np.mean([*found.by_condition.values()]))
    assert found.value < 0.77


def test_resamples_of_donors_surround_the_figure() -> None:
    found = estimate(measure(TRAINING)["age_transfer"])
    assert found.replicates.shape == (50,)
    assert found.replicates.mean() == pytest.approx(found.value, abs=0.02)
    assert 0.005 < found.replicates.std() < 0.05


def test_what_has_no_label_or_one_class_says_so() -> None:
    found = measure(relabelled(TRAINING, sex="male", age=None))
    assert "single sex" in why(found["sex_transfer"])
    assert "age" in why(found["age_transfer"])
    assert "subtissue" in why(found["subtissue_transfer"])
    few = HELD_OUT.labels["sex"].where(HELD_OUT.labels.index < 4, "male")
    assert "held-out" in why(measure(TRAINING, relabelled(HELD_OUT, sex=few))["sex_transfer"])
    assert "held-out" in why(measure(TRAINING, relabelled(HELD_OUT, sex=None))["sex_transfer"])


def test_a_sample_without_the_label_neither_trains_nor_tests() -> None:
    unlabelled = np.arange(len(HELD_OUT)) % 3 == 0
    partly = relabelled(HELD_OUT, tissue=HELD_OUT.labels["tissue"].mask(unlabelled))
    found = estimate(measure(TRAINING, partly)["tissue_transfer"])
    assert found.value == pytest.approx(
        estimate(measure(TRAINING, HELD_OUT.take(~unlabelled))["tissue_transfer"]).value
    )


def test_accuracy_is_balanced_over_classes_of_five_or_more() -> None:
    truth = np.array(["a"] * 20 + ["b"] * 5 + ["c"] * 4)
    predicted = np.array(["a"] * 20 + ["b", "b", "a", "a", "a"] + ["b"] * 4)
    found = balanced_accuracy(truth, predicted, np.vstack([np.ones(29), truth == "b", truth == "c"]))
    assert found.by_condition == pytest.approx({"a": 1.0, "b": 0.4})
    assert found.value == pytest.approx(balanced_accuracy_score(truth[:25], predicted[:25]))
    np.testing.assert_allclose(found.replicates, [0.7, 0.4, np.nan])


def test_rare_classes_are_predicted_as_well_as_common_ones() -> None:
    rng = np.random.default_rng(0)
    labels = np.array(["common"] * 950 + ["rare"] * 50, object)
    features = rng.normal(size=(1000, 2)) + 1.5 * (labels == "rare")[:, None]
    predicted = predict(features, labels, features)
    recalls = [(predicted[labels == name] == name).mean() for name in ("common", "rare")]
    assert recalls[1] > 0.8
    assert recalls[0] > 0.8


def test_a_feature_that_the_table_does_not_vary_in_does_no_harm() -> None:
    rng = np.random.default_rng(0)
    labels = np.array(["a", "b"], object)[np.arange(100) % 2]
    features = np.column_stack([3.0 * (labels == "b") + rng.normal(size=100), np.ones(100)])
    others = features + np.array([0.0, 5.0])
    assert (predict(features, labels, others) == labels).mean() > 0.85
