from __future__ import annotations

import numpy as np

from gtexgen.baselines import NoisyBootstrap


def cohort() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return (10 + rng.standard_normal((60, 8))).astype(np.float32), np.arange(60) % 3


def test_without_noise_samples_of_the_class_are_copied() -> None:
    expression, classes = cohort()
    asked = np.repeat(np.arange(3), 100)
    drawn = NoisyBootstrap(noise=0).fit(expression, classes).draw(asked, np.random.default_rng(1))
    for number in range(3):
        own = {tuple(row) for row in expression[classes == number]}
        assert {tuple(row) for row in drawn[asked == number]} == own


def test_noise_is_measured_in_the_gene_s_deviation_within_the_class() -> None:
    expression, classes = cohort()
    expression[classes == 1, 0] = 10 + 5 * (expression[classes == 1, 0] - 10)
    asked = np.full(4000, 1)
    baselines = [NoisyBootstrap(noise=noise).fit(expression, classes) for noise in (0.0, 0.2)]
    copies, blurred = (baseline.draw(asked, np.random.default_rng(1)) for baseline in baselines)
    kept = (blurred < expression.max(axis=0)) & (copies < expression.max(axis=0) - 3)
    added = np.where(kept, blurred - copies, np.nan)
    expected = 0.2 * expression[classes == 1, 0].std(ddof=1)
    np.testing.assert_allclose(np.nanstd(added[:, 0]), expected, rtol=0.05)
