"""A baseline beside what is judged learns the combinations of the labels that this has, and draws as many of each."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gtexgen.assessment.baselines import baseline_candidate
from gtexgen.baselines import BASELINES
from gtexgen.evaluation.samples import Samples

GROUPS = [("Lung", "female"), ("Lung", "male"), ("Skin", "female"), ("Skin", None)]


@pytest.fixture(scope="module")
def training() -> Samples:
    """Four combinations of tissue and sex, a missing one among them, each with a mean of its own."""
    rng = np.random.default_rng(0)
    group = rng.permutation(np.repeat(np.arange(4), 40))
    labels = pd.DataFrame([GROUPS[number] for number in group], columns=["tissue", "sex"], dtype="str")
    labels.insert(0, "donor_id", [f"D-{row // 2}" for row in range(len(group))])
    expression = 5 + 2 * group[:, None] + 0.3 * rng.normal(size=(len(group), 6))
    return Samples(expression.astype(np.float32), labels)


def means(samples: Samples, labels: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(samples.expression).groupby([*labels.fillna("none").to_numpy().T]).mean()


@pytest.mark.parametrize("name", sorted(BASELINES))
def test_each_combination_of_the_labels_is_a_class(training: Samples, name: str) -> None:
    candidate = baseline_candidate(name, training, ["tissue", "sex"], seeds=2, first_seed=4)
    assert candidate.title == BASELINES[name].title
    tables = [draw() for draw in candidate.draws]
    labels = training.labels[["tissue", "sex"]]
    for table in tables:
        pd.testing.assert_frame_equal(table.labels, labels)
        np.testing.assert_allclose(means(table, labels), means(training, labels), atol=0.3)
    assert not np.array_equal(tables[0].expression, tables[1].expression)
    np.testing.assert_array_equal(candidate.draws[0]().expression, tables[0].expression)


def test_labels_that_the_judged_does_not_know_are_not_learnt(training: Samples) -> None:
    (draw,) = baseline_candidate("class_gaussian", training, ["tissue"], seeds=1, first_seed=0).draws
    table = draw()
    assert table.labels.columns.tolist() == ["tissue"]
    found = means(table, training.labels[["tissue", "sex"]])
    lungs = found.loc["Lung"].to_numpy()
    assert np.abs(lungs[0] - lungs[1]).max() < 0.8


def test_without_labels_all_samples_are_one_class(training: Samples) -> None:
    (draw,) = baseline_candidate("class_gaussian", training, [], seeds=1, first_seed=0).draws
    table = draw()
    assert table.labels.shape == (len(training), 0)
    assert len(table) == len(training)
    np.testing.assert_allclose(table.expression.mean(axis=0), training.expression.mean(axis=0), atol=0.6)
