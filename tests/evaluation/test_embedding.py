from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest

from gtexgen.errors import DataError
from gtexgen.evaluation.embedding import METHODS, Embedding, Method, embed

Array = npt.NDArray[np.floating]

FEATURES = 60
CENTRES = 12 * np.random.default_rng(1).standard_normal((3, FEATURES))


def clusters(n: int, seed: int, apart: float = 1.0) -> tuple[Array, npt.NDArray[np.intp]]:
    """Samples of three clusters in turn, and the cluster of each; `apart` scales the distances between the three."""
    label = np.arange(n) % 3
    noise = np.random.default_rng(seed).standard_normal((n, FEATURES))
    return (apart * CENTRES[label] + noise).astype(np.float32), label


def nearest_cluster(embedding: Embedding, real: npt.NDArray[np.intp]) -> Mapping[str, npt.NDArray[np.intp]]:
    """Give the cluster whose real samples have the nearest mean, for each sample of each kind."""
    means = np.stack([embedding.coordinates["real"][real == cluster].mean(axis=0) for cluster in range(3)])
    return {
        kind: np.linalg.norm(points[:, None] - means, axis=2).argmin(axis=1)
        for kind, points in embedding.coordinates.items()
    }


def test_pca_is_the_projection_on_the_singular_vectors_of_the_real_samples() -> None:
    real, other = clusters(90, 0)[0], clusters(30, 1)[0] + 5
    embedding = embed(real, {"generated": other}, "pca", 3)
    axes = np.linalg.svd(real - real.mean(axis=0), full_matrices=False)[2][:3]
    for kind, values in {"real": real, "generated": other}.items():
        expected = (values - real.mean(axis=0)) @ axes.T
        signs = np.sign((expected * embedding.coordinates[kind]).sum(axis=0))
        np.testing.assert_allclose(embedding.coordinates[kind], signs * expected, atol=1e-3)
    variance = (real - real.mean(axis=0)).var(axis=0).sum()
    share = embedding.coordinates["real"][:, 0].var() / variance
    assert embedding.axes[0] == f"PC 1 ({share:.0%})"


def test_what_is_placed_does_not_move_the_real_samples() -> None:
    real = clusters(60, 0)[0]
    alone = embed(real, {}, "pca", 2)
    beside = embed(real, {"generated": real[:10] * 100}, "pca", 2)
    np.testing.assert_array_equal(alone.coordinates["real"], beside.coordinates["real"])


def test_at_most_fifty_components_are_embedded() -> None:
    real, other = clusters(90, 0)[0], clusters(30, 1)[0]
    embedding = embed(real, {"generated": other}, "pca", 2)
    assert {kind: values.shape for kind, values in embedding.components.items()} == {
        "real": (90, 50),
        "generated": (30, 50),
    }
    assert embed(real[:, :7], {}, "pca", 2).components["real"].shape == (90, 7)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_tsne_keeps_clusters_apart_and_puts_others_among_their_own(dimensions: int) -> None:
    # A cluster holds more samples than t-SNE looks at, 3 x the perplexity: smaller ones leave more on their way.
    (real, of_real), (other, of_other) = clusters(300, 0, apart=1 / 12), clusters(180, 1, apart=1 / 12)
    embedding = embed(real, {"generated": other}, "tsne", dimensions, seed=3)
    found = nearest_cluster(embedding, of_real)
    for kind, cluster in {"real": of_real, "generated": of_other}.items():
        assert (found[kind] == cluster).mean() > 0.97  # in three dimensions a few samples stay on their way
    again = embed(real, {"generated": other}, "tsne", dimensions, seed=3)
    np.testing.assert_array_equal(again.coordinates["generated"], embedding.coordinates["generated"])


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_umap_keeps_clusters_apart_and_places_others_among_their_own() -> None:
    (real, of_real), (other, of_other) = clusters(90, 0), clusters(30, 1)
    first, again, alone = (embed(real, others, "umap", 2, seed=3) for others in ({"g": other}, {"g": other}, {}))
    found = nearest_cluster(first, of_real)
    np.testing.assert_array_equal(found["real"], of_real)
    np.testing.assert_array_equal(found["g"], of_other)
    for kind in ("real", "g"):
        np.testing.assert_array_equal(again.coordinates[kind], first.coordinates[kind])
    np.testing.assert_array_equal(alone.coordinates["real"], first.coordinates["real"])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(3, 10), (20, 1)])
def test_too_little_to_embed_is_an_error_that_says_so(method: Method, shape: tuple[int, int]) -> None:
    with pytest.raises(DataError, match=f"{shape[0]} real samples of {shape[1]} features are too few"):
        embed(np.ones(shape, np.float32), {}, method, 2)
