from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gtexgen.errors import DataError
from gtexgen.evaluation.feature_space import FeatureSpace


def training(n: int = 300, genes: int = 20, rank: int = 3) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (7 + rng.normal(size=(n, rank)) @ rng.normal(size=(rank, genes))).astype(np.float32)


def test_a_space_of_the_rank_of_the_data_keeps_all_distances() -> None:
    expression = training()
    space = FeatureSpace.fit(expression, n_components=3)
    placed = space.transform(expression)
    np.testing.assert_allclose(placed @ space.components + space.mean, expression, atol=1e-4)
    np.testing.assert_allclose(
        np.linalg.norm(placed[0] - placed, axis=1), np.linalg.norm(expression[0] - expression, axis=1), atol=1e-4
    )


def test_components_are_orthonormal_and_their_variances_those_of_the_training_samples() -> None:
    expression = training(rank=20)
    space = FeatureSpace.fit(expression)
    np.testing.assert_allclose(space.components @ space.components.T, np.eye(20), atol=1e-5)
    placed = space.transform(expression)
    np.testing.assert_allclose(placed.var(axis=0, ddof=1), space.explained_variance, rtol=1e-3)
    assert (np.diff(space.explained_variance) <= 0).all()


@pytest.mark.parametrize(("n", "genes", "expected"), [(300, 20, 20), (8, 60, 7), (300, 80, 50)])
def test_small_data_have_fewer_components(n: int, genes: int, expected: int) -> None:
    assert FeatureSpace.fit(training(n, genes, rank=80)).components.shape == (expected, genes)


def test_a_saved_space_places_samples_alike(tmp_path: Path) -> None:
    expression = training(rank=9)
    space = FeatureSpace.fit(expression)
    space.save(tmp_path / "space.safetensors")
    loaded = FeatureSpace.load(tmp_path / "space.safetensors")
    np.testing.assert_array_equal(loaded.transform(expression), space.transform(expression))


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "space.safetensors"
    with pytest.raises(DataError, match="does not hold a feature space"):
        FeatureSpace.load(path)
    path.write_bytes(b"not tensors")
    with pytest.raises(DataError, match="evaluate again"):
        FeatureSpace.load(path)
