"""What a latent space has grouped: tissues, and age brackets within tissues. Distances are Euclidean."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.evaluation.averages import SMALLEST, Share, average
from gtexgen.evaluation.resampling import donor_weights
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined

__all__ = ["adjusted_rand_index", "measure_grouping", "nearest_conditions"]

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]
Outcomes: TypeAlias = dict[str, Outcome]

LARGEST = 5000
"""Of more samples, as many are chosen at random: silhouettes take the distances of all pairs."""
NEIGHBOURS = 10
STARTS = 4
"""How often k-means starts anew."""


class _Grouping(NamedTuple):
    """How samples are grouped within each stratum that has two classes or more.

    Attributes
    ----------
    rows
        Positions of the samples of these strata, ``(rows,)``.
    stratum
        Of each, ``(rows,)``.
    of_class, cluster
        Numbers of each sample's class and of its k-means cluster within the stratum, ``(rows,)``.
    silhouette, purity
        Of each sample, ``(rows,)``; purity is the share of nearest neighbours that have the sample's class.
    """

    rows: npt.NDArray[np.intp]
    stratum: Labels
    of_class: npt.NDArray[np.intp]
    cluster: npt.NDArray[np.intp]
    silhouette: FloatArray
    purity: FloatArray


def measure_grouping(points: FloatArray, labels: pd.DataFrame, *, resamples: int, seed: int) -> dict[str, Outcome]:
    """Measure how well tissues are told apart, and how well age brackets are within tissues.

    A silhouette (Rousseeuw 1987) and a purity are means over samples. The adjusted Rand index (Hubert and Arabie 1985)
    compares classes with as many clusters of k-means, and within tissues it is the mean over them, by their samples.
    Classes of fewer than 5 samples are left out, and of more than `LARGEST` samples as many are looked at.

    Parameters
    ----------
    points
        Latents, ``(samples, latents)``.
    labels
        ``donor_id``, and ``tissue`` and ``age`` where they are known, one row a sample.
    resamples
        Of the bootstrap over donors, which keeps silhouettes, neighbours and clusters.
    seed
        Of the choice of samples, of the bootstrap and of k-means.

    Returns
    -------
    dict
        ``latent_silhouette_<label>``, ``latent_ari_<label>`` and ``latent_purity_<label>`` for tissue and age; within a
        condition they are those of a tissue.
    """
    rng = np.random.default_rng(seed)
    if len(points) > LARGEST:
        chosen = np.sort(rng.permutation(len(points))[:LARGEST])
        points, labels = points[chosen], labels.iloc[chosen]
    weights = donor_weights(labels["donor_id"], resamples, rng)
    tissue, age = (_column(labels, name) for name in ("tissue", "age"))
    return {
        **_outcomes("tissue", _group(points, tissue, np.full(len(points), ""), seed), tissue, weights),
        **_outcomes("age", _group(points, age, tissue, seed), tissue, weights),
    }


def adjusted_rand_index(
    classes: npt.NDArray[np.intp], clusters: npt.NDArray[np.intp], weights: npt.NDArray[np.floating]
) -> FloatArray:
    """Compare two partitions of samples: 1 where they are the same, 0 on average where they have nothing in common.

    Parameters
    ----------
    classes, clusters
        Numbers from 0 on, ``(samples,)`` each.
    weights
        How often each sample counts in each resample, ``(resamples, samples)``.

    Returns
    -------
    numpy.ndarray
        ``(resamples,)``; NaN where either partition has a single part, or each sample is its own in both.
    """
    shape = classes.max(initial=0) + 1, clusters.max(initial=0) + 1
    cells = np.ravel_multi_index((classes, clusters), shape)
    counts = np.array([np.bincount(cells, of, shape[0] * shape[1]) for of in weights]).reshape(-1, *shape)
    together, of_class, of_cluster = (
        (n * (n - 1) / 2).reshape(len(weights), -1).sum(axis=1)
        for n in (counts, counts.sum(axis=2), counts.sum(axis=1))
    )
    total = counts.sum(axis=(1, 2))
    by_chance = of_class * of_cluster / np.maximum(total * (total - 1) / 2, 1)
    most = (of_class + of_cluster) / 2
    index: FloatArray = np.divide(
        together - by_chance, most - by_chance, out=np.full(len(weights), np.nan), where=most > by_chance
    )
    return index


def nearest_conditions(points: FloatArray, condition: Labels, n: int = 3) -> pd.DataFrame:
    """List the conditions whose centroids are nearest to each condition's.

    Parameters
    ----------
    points
        ``(samples, latents)``.
    condition
        Of each sample, ``(samples,)``; None is no condition.
    n
        How many.

    Returns
    -------
    pandas.DataFrame
        Columns ``condition``, ``rank`` (1 is the nearest), ``neighbour`` and ``distance``: between the centroids, in
        root mean square distances of a sample from its own centroid.
    """
    known = pd.notna(condition)
    codes, names = pd.factorize(condition[known], sort=True)
    values = pd.DataFrame(points[known].astype(np.float64))
    centroids = values.groupby(codes).mean().to_numpy()
    spread = np.sqrt(np.square(values.to_numpy() - centroids[codes]).sum(axis=1).mean())
    distances = np.sqrt(np.square(centroids[:, None] - centroids).sum(axis=2)) / spread
    np.fill_diagonal(distances, np.inf)
    rows = [
        (str(name), rank, str(names[other]), float(of_condition[other]))
        for name, of_condition in zip(names, distances, strict=True)
        for rank, other in enumerate(of_condition.argsort(kind="stable")[: min(n, len(names) - 1)], start=1)
    ]
    return pd.DataFrame(rows, columns=["condition", "rank", "neighbour", "distance"])


def _column(labels: pd.DataFrame, name: str) -> Labels:
    """Give a label of each sample, None where it is missing."""
    if name not in labels:
        return np.full(len(labels), None)
    values = labels[name].astype(object)
    return values.where(values.notna(), None).to_numpy()


def _outcomes(label: str, grouping: _Grouping | None, tissue: Labels, weights: npt.NDArray[np.float32]) -> Outcomes:
    keys = [f"latent_{figure}_{label}" for figure in ("silhouette", "ari", "purity")]
    if grouping is None:
        where = "" if label == "tissue" else " of one tissue"
        why = f"no two classes of {label} have {SMALLEST} held-out samples{where} or more each"
        return dict.fromkeys(keys, Undefined(why))
    condition, weights = tissue[grouping.rows].astype(np.str_), weights[:, grouping.rows]
    estimates = (
        average(condition, [Share(grouping.silhouette, weights)]),
        _agreement(grouping, weights),
        average(condition, [Share(grouping.purity, weights)]),
    )
    return dict(zip(keys, estimates, strict=True))


def _group(points: FloatArray, classes: Labels, strata: Labels, seed: int) -> _Grouping | None:
    """Group the samples of each stratum; None where no stratum has two classes of `SMALLEST` samples or more."""
    cells = pd.MultiIndex.from_arrays([strata, classes]).to_flat_index()
    known = pd.notna(classes) & pd.notna(strata)
    counted = known & (pd.Series(cells).map(pd.Series(cells).value_counts()).to_numpy() >= SMALLEST)
    parts = []
    for stratum in sorted({*strata[counted]}):
        rows = np.flatnonzero(counted & (strata == stratum))
        codes, names = pd.factorize(classes[rows])
        if len(names) > 1:
            parts.append(_Grouping(rows, strata[rows], codes, *_group_stratum(points[rows], codes, seed)))
    return _Grouping(*map(np.concatenate, zip(*parts, strict=True))) if parts else None


def _group_stratum(
    points: FloatArray, classes: npt.NDArray[np.intp], seed: int
) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray]:
    """Give the k-means cluster, the silhouette and the purity of each sample."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_samples
    from sklearn.neighbors import NearestNeighbors

    clusters = KMeans(int(classes.max()) + 1, n_init=STARTS, random_state=seed).fit_predict(points).astype(np.intp)
    n_neighbours = min(NEIGHBOURS, len(points) - 1)
    neighbours = NearestNeighbors(n_neighbors=n_neighbours).fit(points).kneighbors(return_distance=False)
    return clusters, silhouette_samples(points, classes), (classes[neighbours] == classes[:, None]).mean(axis=1)


def _agreement(grouping: _Grouping, weights: npt.NDArray[np.float32]) -> Estimate:
    """Average the adjusted Rand index over strata, by their samples."""
    weights = np.vstack([np.ones(len(grouping.rows), np.float32), weights])
    names, sizes, indices = sorted({*grouping.stratum}), [], []
    for name in names:
        of = grouping.stratum == name
        sizes.append(weights[:, of].sum(axis=1))
        indices.append(adjusted_rand_index(grouping.of_class[of], grouping.cluster[of], weights[:, of]))
    each = np.ma.masked_invalid(indices)
    mean = np.ma.filled(np.ma.average(each, axis=0, weights=np.array(sizes)), np.nan)
    by_condition = {str(name): float(of[0]) for name, of in zip(names, indices, strict=True) if name}
    return Estimate(float(mean[0]), mean[1:], by_condition)
