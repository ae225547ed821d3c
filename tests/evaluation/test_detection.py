from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gtexgen.evaluation import detection
from gtexgen.evaluation.detection import measure_detection
from gtexgen.evaluation.samples import Comparison
from gtexgen.evaluation.scores import Estimate, Undefined


def centres(condition: np.ndarray, genes: int) -> np.ndarray:
    """Give the means of the samples: every second gene is high in the one condition, the others in the other."""
    return np.where((condition == "Lung")[:, None] == (np.arange(genes) % 2), 9.0, 0.0)


def comparison(n: int = 300, genes: int = 5, n_donors: int = 40) -> Comparison:
    """Both tables of one distribution, in two conditions far apart."""
    rng = np.random.default_rng(0)
    condition = np.sort(rng.choice(["Liver", "Lung"], n))
    real, synthetic = (rng.normal(size=(2, n, genes)) + centres(condition, genes)).astype(np.float32)
    weights = rng.integers(0, 3, (2, 25, n)).astype(np.float32)
    donor = rng.integers(0, n_donors, n).astype(object)
    return Comparison(real, synthetic, condition, donor, np.arange(len(real)).astype(object), *weights)


def aucs(compared: Comparison, seed: int = 0) -> tuple[Estimate, Estimate]:
    found = measure_detection(compared, seed=seed)
    trees, linear = found["detection_auc"], found["linear_detection_auc"]
    assert isinstance(trees, Estimate)
    assert isinstance(linear, Estimate)
    return trees, linear


def test_equal_distributions_cannot_be_told_apart() -> None:
    trees, linear = aucs(comparison())
    assert trees.value == pytest.approx(0.5, abs=0.07)
    assert linear.value == pytest.approx(0.5, abs=0.07)


def test_a_linear_classifier_sees_means_and_trees_see_spread_too() -> None:
    equal = comparison()
    shifted = aucs(replace(equal, synthetic=equal.synthetic + np.float32(2)))
    centre = centres(equal.condition, 5).astype(np.float32)
    spread = aucs(replace(equal, synthetic=centre + np.float32(0.2) * (equal.synthetic - centre)))
    assert min(of.value for of in shifted) > 0.85
    assert spread[0].value > 0.95
    assert spread[1].value == pytest.approx(0.5, abs=0.1)


def test_conditions_and_resamples_have_figures_of_the_same_scores() -> None:
    equal = comparison()
    synthetic = equal.synthetic + np.float32(5) * (equal.condition == "Lung")[:, None]
    trees, _ = aucs(replace(equal, synthetic=synthetic))
    assert trees.by_condition.keys() == {"Liver", "Lung"}
    assert trees.by_condition["Lung"] > 0.95 > 0.7 > trees.by_condition["Liver"]
    assert trees.replicates.shape == (25,)
    assert trees.replicates.mean() == pytest.approx(trees.value, abs=0.05)


def test_a_donor_is_never_in_training_and_held_out_at_once() -> None:
    """Donors of a signature of their own would be recognised by it, and so would all that is not theirs."""
    equal = comparison(genes=20, n_donors=6)
    signature = 8 * np.random.default_rng(1).normal(size=(6, 20))
    real = equal.real + signature[equal.donor.astype(int)].astype(np.float32)
    together = aucs(replace(equal, real=real))[0].value
    apart = aucs(replace(equal, real=real, donor=np.arange(300).astype(object)))[0].value
    assert apart > 0.99
    assert together < apart


def test_no_more_than_the_largest_number_of_rows_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "LARGEST", 60)
    equal = comparison()
    synthetic = equal.synthetic + np.float32(1)
    first, again = aucs(replace(equal, synthetic=synthetic)), aucs(replace(equal, synthetic=synthetic))
    other = aucs(replace(equal, synthetic=synthetic), seed=1)
    assert first[1].value == again[1].value != other[1].value
    assert first[1].value > 0.6


def test_fewer_donors_than_folds_are_refused_in_words() -> None:
    found = measure_detection(comparison(n_donors=2), seed=0)
    assert len(found) == 2
    assert all(isinstance(of, Undefined) and "there are 2" in of.why for of in found.values())


def test_kin_of_a_synthetic_sample_never_help_to_find_it() -> None:
    rng = np.random.default_rng(1)
    of_donor = np.repeat(np.arange(20), 15), rng.permutation(np.repeat(np.arange(20), 15))
    real, synthetic = (  # each donor has a mark of its own: all that could tell the sides
        (3 * rng.normal(size=(20, 30))[of] + rng.normal(size=(300, 30))).astype(np.float32) for of in of_donor
    )
    donors = [np.char.add(side, of.astype(str)).astype(object) for side, of in zip("rs", of_donor, strict=True)]
    compared = Comparison(real, synthetic, np.full(300, "Lung"), *donors, *np.ones((2, 2, 300), dtype=np.float32))
    nameless = replace(compared, synthetic_donor=np.arange(300).astype(object))
    assert aucs(compared)[0].value == pytest.approx(0.5, abs=0.2)
    assert aucs(nameless)[0].value > 0.75
