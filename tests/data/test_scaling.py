from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gtexgen.data.scaling import Method, Scaling, Transform
from gtexgen.errors import ConfigError, DataError

TRANSFORMS: list[Transform] = ["log2", "none"]
METHODS: list[Method] = ["standard", "min_max", "none"]

expression = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
    elements=st.just(0.0) | st.floats(2**-10, 1e6, width=32),
)


@settings(deadline=None)
@given(expression, st.sampled_from(TRANSFORMS), st.sampled_from(METHODS))
def test_unscale_inverts_scale(values: npt.NDArray[np.float32], transform: Transform, method: Method) -> None:
    scaling = Scaling(transform, method).fit([values])
    wide = values.astype(np.float64)
    np.testing.assert_allclose(scaling.unscale(scaling.scale(wide)), wide, rtol=1e-9, atol=1e-9)
    back = scaling.unscale(scaling.scale(values))
    assert back.dtype == np.float32
    # In float32 a gene is known to within its own spread: what is tiny beside the gene's range is rounded.
    largest = values.max(axis=0) if transform == "none" else values
    assert (np.abs(back - values) <= 1e-5 * (1 + largest)).all()
    assert (back[values == 0] == 0).all()


@settings(deadline=None)
@given(expression, st.sampled_from(TRANSFORMS), st.lists(st.integers(0, 12), max_size=4))
def test_streaming_equals_numpy_on_the_whole(
    values: npt.NDArray[np.float32], transform: Transform, cuts: list[int]
) -> None:
    bounds = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    blocks = [values[a:b] for a, b in pairwise(bounds)]
    whole = values.astype(np.float64)
    whole = np.log2(whole + 1) if transform == "log2" else whole
    varies = whole.max(axis=0) > whole.min(axis=0)

    standard = Scaling(transform, "standard").fit(blocks)
    assert standard.shift is not None
    assert standard.factor is not None
    np.testing.assert_allclose(standard.shift, whole.mean(axis=0), rtol=1e-10, atol=1e-12)
    expected = np.where(varies, whole.std(axis=0), 1)
    np.testing.assert_allclose(standard.factor[varies], expected[varies], rtol=1e-5)
    assert (standard.factor[~varies] == 1).all()

    min_max = Scaling(transform, "min_max").fit(blocks)
    scaled = min_max.scale(values.astype(np.float64))
    assert scaled.min() == 0
    np.testing.assert_allclose(scaled.max(axis=0), varies, atol=1e-12)


def test_variance_survives_a_large_mean() -> None:
    rng = np.random.default_rng(0)
    values = (1e4 + rng.normal(size=(3000, 2))).astype(np.float32)
    scaling = Scaling("none", "standard").fit(np.array_split(values, 7))
    assert scaling.factor is not None
    np.testing.assert_allclose(scaling.factor, values.astype(np.float64).std(axis=0), rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("spread", [0, 1e-45, 1e-30])
def test_a_constant_gene_stays_finite(method: Method, spread: float) -> None:
    values = np.array([[0], [spread]], dtype=np.float32)
    scaling = Scaling("log2", method).fit([values])
    np.testing.assert_allclose(scaling.scale(values), 0, atol=1e-29)


def test_log2_of_known_values() -> None:
    values = np.array([[0, 1, 3, 1023]], dtype=np.float32)
    scaling = Scaling("log2", "none")
    np.testing.assert_allclose(scaling.scale(values), [[0, 1, 2, 10]], rtol=1e-6)
    np.testing.assert_allclose(scaling.unscale(np.array([[-1.0]])), [[-0.5]])


def test_what_is_given_is_not_changed() -> None:
    values = np.ones((2, 3), dtype=np.float32)
    for transform in TRANSFORMS:
        scaling = Scaling(transform, "standard").fit([values])
        scaled = scaling.scale(values)
        scaling.unscale(scaled)
        assert (values == 1).all()
        assert (scaled == 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_json_is_exact(method: Method) -> None:
    values = np.random.default_rng(1).gamma(1, 10, (20, 5)).astype(np.float32)
    scaling = Scaling("log2", method).fit([values])
    restored = Scaling.from_json(json.loads(json.dumps(scaling.to_json())))
    assert repr(restored) == repr(scaling)
    assert (restored.scale(values) == scaling.scale(values)).all()


def test_nothing_to_fit_to() -> None:
    with pytest.raises(DataError, match="no training samples"):
        Scaling().fit([np.zeros((0, 3), dtype=np.float32)])


def test_a_value_that_is_not_finite() -> None:
    with pytest.raises(DataError, match="1 genes"):
        Scaling().fit([np.array([[1, np.nan]], dtype=np.float32)])


def test_use_before_fit() -> None:
    assert not Scaling().is_fitted
    with pytest.raises(RuntimeError, match="before it is fitted"):
        Scaling().scale(np.ones((1, 1), dtype=np.float32))


def test_unknown_settings() -> None:
    with pytest.raises(ConfigError, match=r"log10.*known: log2, none"):
        Scaling("log10")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"robust.*known: standard, min_max, normal_scores, none"):
        Scaling(method="robust")  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["standard", "min_max", "none"])
def test_the_largest_training_value_is_kept_in_store_units(method: Method) -> None:
    expression = np.array([[0.0, 7.0], [3.0, 1.0]], dtype=np.float32)
    scaling = Scaling("log2", method).fit([expression[:1], expression[1:]])
    restored = Scaling.from_json(scaling.to_json())
    assert restored.largest is not None
    np.testing.assert_allclose(restored.largest, [3.0, 7.0])
