"""What every baseline keeps to."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gtexgen.baselines import BASELINES, Baseline, NoisyBootstrap
from gtexgen.errors import ConfigError, DataError

N_GENES = 5
MEANS = np.array([[8.0, 9, 10, 11, 12], [12.0, 11, 10, 9, 8]])
ROOT = np.array([[1.0, 0, 0, 0, 0], [0.8, 0.6, 0, 0, 0], [0, 0, 0.5, 0, 0], [-0.6, 0, 0, 0.8, 0], [0, 0.7, 0, 0, 0.7]])
NOISE = NoisyBootstrap().noise


def gaussian_classes(counts: tuple[int, ...], seed: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Give two classes of one covariance, and after them classes about the mean of the first."""
    rng = np.random.default_rng(seed)
    classes = np.repeat(np.arange(len(counts)), counts)
    means = MEANS[np.where(classes == 1, 1, 0)]
    return (means + rng.standard_normal((len(classes), N_GENES)) @ ROOT.T).astype(np.float32), classes


@pytest.fixture(params=sorted(BASELINES))
def baseline(request: pytest.FixtureRequest) -> Baseline:
    return BASELINES[request.param]()


def drawn(baseline: Baseline, classes: Any, seed: int = 1) -> npt.NDArray[np.float32]:
    return baseline.draw(np.asarray(classes), np.random.default_rng(seed))


def test_means_and_covariances_are_those_of_the_classes(baseline: Baseline) -> None:
    expression, classes = gaussian_classes((2000, 2000))
    baseline.fit(expression, classes)
    samples = drawn(baseline, np.repeat([0, 1], 20_000))
    assert samples.dtype == np.float32
    for number, part in enumerate(np.split(samples, 2)):
        real = expression[classes == number]
        np.testing.assert_allclose(part.mean(axis=0), real.mean(axis=0), atol=0.03)  # four standard errors
        expected = np.cov(real.T)
        if isinstance(baseline, NoisyBootstrap):
            expected[np.diag_indices(N_GENES)] *= 1 + NOISE**2
        np.testing.assert_allclose(np.cov(part.T), expected, atol=0.05)


def test_nothing_is_below_zero_or_above_what_training_showed(baseline: Baseline) -> None:
    expression, classes = gaussian_classes((40, 40))
    expression = np.maximum(expression - 9, 0)
    samples = drawn(baseline.fit(expression, classes), np.repeat([0, 1], 3000))
    assert samples.min() == 0
    assert (samples <= expression.max(axis=0)).all()


def test_the_source_of_noise_decides_the_draw(baseline: Baseline) -> None:
    baseline.fit(*gaussian_classes((30, 30)))
    np.testing.assert_array_equal(drawn(baseline, [0, 1, 0, 1]), drawn(baseline, [0, 1, 0, 1]))
    assert not np.array_equal(drawn(baseline, [0, 1, 0, 1]), drawn(baseline, [0, 1, 0, 1], seed=2))


def test_samples_come_in_the_order_asked_for(baseline: Baseline) -> None:
    expression, classes = gaussian_classes((300, 300))
    baseline.fit(expression, classes)
    asked = np.random.default_rng(3).integers(2, size=200)
    nearest = np.linalg.norm(drawn(baseline, asked)[:, None] - MEANS, axis=2).argmin(axis=1)
    assert (nearest == asked).mean() > 0.95


def test_the_order_of_training_samples_does_not_matter(baseline: Baseline) -> None:
    expression, classes = gaussian_classes((50, 4, 60))
    means = baseline.fit(expression, classes).mean(np.arange(3))
    shuffled = np.random.default_rng(0).permutation(len(classes))
    again = type(baseline)().fit(expression[shuffled], classes[shuffled]).mean(np.arange(3))
    np.testing.assert_allclose(again, means, rtol=1e-6)
    np.testing.assert_allclose(means[1], expression[classes == 1].mean(axis=0), rtol=1e-6)


def test_what_was_learnt_survives_as_arrays(baseline: Baseline) -> None:
    baseline.fit(*gaussian_classes((30, 3, 30)))
    state = {name: array.copy() for name, array in baseline.state().items()}
    again = type(baseline).from_state(state, baseline.options)
    np.testing.assert_array_equal(drawn(again, [0, 1, 2, 2]), drawn(baseline, [0, 1, 2, 2]))
    np.testing.assert_array_equal(again.mean(np.arange(3)), baseline.mean(np.arange(3)))
    assert again.shape == baseline.shape == (3, N_GENES)


def test_arrays_that_do_not_fit_each_other_are_refused(baseline: Baseline) -> None:
    state = baseline.fit(*gaussian_classes((30, 30))).state()
    for name in state:
        with pytest.raises(ValueError, match=r"fit|same genes"):
            type(baseline).from_state(state | {name: state[name][..., :-1]})


def test_a_small_class_keeps_its_mean_and_shares_the_spread_of_all() -> None:
    expression, classes = gaussian_classes((2000, 2000, 1))
    for name in ("class_gaussian", "gaussian_copula"):
        baseline = BASELINES[name]().fit(expression, classes)
        samples = drawn(baseline, np.full(20_000, 2))
        np.testing.assert_allclose(samples.mean(axis=0), expression[-1], atol=0.04)
        np.testing.assert_allclose(np.cov(samples.T), ROOT @ ROOT.T, atol=0.08)


@pytest.mark.parametrize(
    ("expression", "classes", "message"),
    [
        (np.ones((4, 2)), [0, 0, 2, 2], "class 1 has no training sample"),
        (np.ones((4, 2)), [0, 1, 2, 3], "no class has two training samples"),
        (np.ones((4, 2)), [0, 0, 0], "do not fit"),
        (np.ones((4, 2)), [0, 0, -1, 0], "-1 is not a class number"),
        (np.full((4, 2), -0.1), [0, 0, 0, 0], "negative or not finite"),
        (np.full((4, 2), np.nan), [0, 0, 0, 0], "negative or not finite"),
    ],
)
def test_samples_that_cannot_be_learnt_say_why(
    baseline: Baseline, expression: npt.NDArray[np.float64], classes: list[int], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        baseline.fit(expression, np.array(classes))


@pytest.mark.parametrize("number", [-1, 2])
def test_an_unknown_class_is_named(baseline: Baseline, number: int) -> None:
    baseline.fit(*gaussian_classes((30, 30)))
    with pytest.raises(DataError, match=f"has learnt 2 classes, and none has number {number}"):
        drawn(baseline, [0, number])


def test_samples_that_are_all_alike_are_drawn_as_they_are(baseline: Baseline) -> None:
    expression = np.tile(np.array([[0.0, 3, 7]], dtype=np.float32), (20, 1))
    samples = drawn(baseline.fit(expression, np.zeros(20, dtype=int)), np.zeros(50, dtype=int))
    np.testing.assert_allclose(samples, expression[0] + np.zeros((50, 1)), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("class_gaussian", {"min_samples": 1}),
        ("gaussian_copula", {"levels": 1}),
        ("noisy_bootstrap", {"noise": -0.1}),
    ],
)
def test_an_option_out_of_range_is_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        BASELINES[name](**options)
