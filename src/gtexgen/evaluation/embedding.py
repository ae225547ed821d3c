"""Real samples in two or three dimensions, and other samples placed among them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from gtexgen.errors import DataError

__all__ = ["METHODS", "Embedding", "Method", "embed"]

FloatArray: TypeAlias = npt.NDArray[np.floating]
Method: TypeAlias = Literal["pca", "tsne", "umap"]
METHODS: tuple[Method, ...] = get_args(Method)

COMPONENTS = 50
NEIGHBOURS = 15
PERPLEXITY = 30.0
LEAST = 4


@dataclass(frozen=True, eq=False)
class Embedding:
    """Samples in few dimensions.

    Attributes
    ----------
    coordinates
        ``(samples, dimensions)``, float32, of each kind.
    components
        The principal components from which they were made, ``(samples, components)``, float32, of each kind.
    axes
        What the dimensions are called.
    """

    coordinates: Mapping[str, FloatArray]
    components: Mapping[str, FloatArray]
    axes: list[str]


def embed(
    real: FloatArray, others: Mapping[str, FloatArray], method: Method, dimensions: int = 2, *, seed: int = 0
) -> Embedding:
    """Fit an embedding to real samples and place other samples into it.

    Genes, or latents, are first turned into at most 50 principal components of the real samples. ``pca`` takes the
    first of these. ``umap`` is fitted to the real samples and transforms the others (McInnes, Healy and Melville 2018,
    arXiv 1802.03426). ``tsne`` cannot place anything: it embeds all samples jointly (van der Maaten and Hinton 2008),
    so that the others do move the real ones.

    Parameters
    ----------
    real
        ``(samples, features)``: log2(x + 1) of expression, or latents.
    others
        The same of other kinds of samples, at least one of each, by name; any name but ``real``.
    method
        One of `METHODS`.
    dimensions
        2 or 3.
    seed
        Of t-SNE and UMAP. The same seed gives the same embedding on the same machine.

    Returns
    -------
    Embedding
        Of ``real``, then of each other kind.

    Raises
    ------
    DataError
        There are fewer than four real samples, or fewer features than dimensions.
    """
    if len(real) < LEAST or real.shape[1] < dimensions:
        raise DataError(
            f"{len(real)} real samples of {real.shape[1]} features are too few to embed in {dimensions} dimensions",
            remedy=f"give at least {LEAST} samples, and as many features as dimensions",
        )
    scores, explained = _principal_components(real, others, dimensions, seed)
    if method == "pca":
        axes = [f"PC {axis + 1} ({share:.0%})" for axis, share in enumerate(explained[:dimensions])]
        return Embedding({kind: values[:, :dimensions] for kind, values in scores.items()}, scores, axes)
    if method == "umap":
        coordinates = _umap(scores, dimensions, seed)
        return Embedding(coordinates, scores, [f"UMAP {axis + 1}" for axis in range(dimensions)])
    coordinates = _tsne(scores, dimensions, seed)
    return Embedding(coordinates, scores, [f"t-SNE {axis + 1}" for axis in range(dimensions)])


def _principal_components(
    real: FloatArray, others: Mapping[str, FloatArray], dimensions: int, seed: int
) -> tuple[dict[str, FloatArray], FloatArray]:
    """Project all kinds on components of the real samples; also give the share of variance that each explains."""
    from sklearn.decomposition import PCA

    n = max(dimensions, min(COMPONENTS, real.shape[1], len(real) - 1))
    pca = PCA(n, random_state=seed).fit(real)
    kinds = {"real": real, **others}
    return {kind: pca.transform(x).astype(np.float32) for kind, x in kinds.items()}, pca.explained_variance_ratio_


def _umap(scores: Mapping[str, FloatArray], dimensions: int, seed: int) -> dict[str, FloatArray]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap import UMAP

    real = scores["real"]
    options: dict[str, Any] = {"random_state": seed, "transform_seed": seed, "n_jobs": 1}
    if len(real) <= dimensions + 1 + LEAST:
        options["init"] = "random"  # the spectral start needs more samples than eigenvectors
    umap = UMAP(n_components=dimensions, n_neighbors=min(NEIGHBOURS, len(real) - 1), **options)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Graph is not fully connected", UserWarning)  # tissues are far apart
        umap.fit(real)
    return {kind: umap.embedding_ if kind == "real" else umap.transform(values) for kind, values in scores.items()}


def _tsne(scores: Mapping[str, FloatArray], dimensions: int, seed: int) -> dict[str, FloatArray]:
    from sklearn.manifold import TSNE

    together = np.concatenate(list(scores.values()))
    perplexity = min(PERPLEXITY, (len(together) - 1) / 3)
    embedded = TSNE(dimensions, perplexity=perplexity, init="pca", random_state=seed).fit_transform(together)
    ends = np.cumsum([len(values) for values in scores.values()])[:-1]
    return dict(zip(scores, np.split(embedded, ends), strict=True))
