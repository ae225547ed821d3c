from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import kstest, norm

from gtexgen.data.normal_scores import MOST_SAMPLES, NormalScores, thinned
from gtexgen.data.scaling import Scaling

FloatArray = npt.NDArray[np.float64]

expression = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
    elements=st.just(0.0) | st.floats(2**-6, 20),
)


@settings(deadline=None)
@given(expression, st.floats(0, 40))
def test_scores_go_back_to_the_values_seen_or_not(values: FloatArray, other: float) -> None:
    scores = NormalScores.fit(values)
    for wanted in (values, np.full_like(values, other)):
        back = scores.from_scores(scores.to_scores(wanted))
        np.testing.assert_allclose(back, wanted, rtol=1e-6, atol=1e-6)
    assert (scores.from_scores(scores.to_scores(values))[values == 0] == 0).all()


@settings(deadline=None)
@given(expression, st.lists(st.floats(0, 40), min_size=2, max_size=9))
def test_more_expression_never_has_a_lower_score(values: FloatArray, levels: list[float]) -> None:
    scores = NormalScores.fit(values)
    ordered = np.repeat(np.sort(levels)[:, None], values.shape[1], axis=1)
    assert (np.diff(scores.to_scores(ordered), axis=0) >= -1e-9).all()
    assert (np.diff(scores.from_scores(ordered - 20), axis=0) >= 0).all()


def test_training_values_become_standard_normal_and_normal_noise_becomes_the_values() -> None:
    rng = np.random.default_rng(0)
    values = rng.gamma(0.7, 2.0, (3000, 2))
    values[:, 1] = np.where(rng.random(3000) < 0.4, 0, values[:, 1])
    scores = NormalScores.fit(values)
    assert kstest(scores.to_scores(values)[:, 0], norm.cdf).pvalue > 0.5
    drawn = scores.from_scores(rng.standard_normal((4000, 2)))
    assert (drawn[:, 1] == 0).mean() == pytest.approx(0.4, abs=0.025)
    for gene in range(2):
        assert kstest(drawn[:, gene][drawn[:, gene] > 0], values[:, gene][values[:, gene] > 0]).pvalue > 0.01


def test_zeros_have_the_mean_score_of_their_mass() -> None:
    values = np.array([[0.0], [0.0], [1.0], [2.0]])
    found = NormalScores.fit(values).to_scores(values)[0, 0]
    assert found == pytest.approx(norm.expect(lb=-np.inf, ub=0, conditional=True), abs=1e-6)


def test_a_gene_that_is_never_expressed_stays_zero_whatever_the_noise() -> None:
    scores = NormalScores.fit(np.zeros((50, 1)))
    assert (scores.from_scores(np.linspace(-4, 4, 20)[:, None]) == 0).all()


def test_of_many_samples_every_nth_is_kept() -> None:
    rows = np.arange(3 * MOST_SAMPLES, dtype=np.float64)[:, None]
    kept = thinned(iter(np.array_split(rows, 17)))
    assert len(kept) <= MOST_SAMPLES
    assert set(np.diff(kept[:, 0])) == {4.0}


def test_the_scaling_survives_json() -> None:
    values = np.random.default_rng(1).gamma(1, 30, (60, 4)).astype(np.float32)
    scaling = Scaling("log2", "normal_scores").fit([values[:25], values[25:]])
    again = Scaling.from_json(json.loads(json.dumps(scaling.to_json())))
    np.testing.assert_array_equal(again.scale(values), scaling.scale(values))
    np.testing.assert_allclose(again.unscale(scaling.scale(values)), values, rtol=1e-4)
    assert scaling.scale(values).dtype == np.float32
