"""Whether the samples of one donor belong together: how much alike they are, and how well some tell of the others.

Expression is on a log scale, log2(x + 1) of store units. Nothing here knows where a table comes from.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.evaluation.resampling import donor_weights
from gtexgen.evaluation.samples import Samples
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined

__all__ = ["completion_r2", "correlation_agreement", "measure_donors", "within_donor_correlation"]

FloatArray = npt.NDArray[np.float64]
Labels = npt.ArrayLike

CONSTANT = 1e-12
LEAST = 5
"""Conditions of fewer samples are left out: their own mean and deviation hide too much."""


def within_donor_correlation(
    expression: npt.NDArray[np.floating],
    donor: Labels,
    tissue: Labels,
    *,
    condition: Labels | None = None,
    least: int = LEAST,
) -> FloatArray:
    r"""Correlate, gene by gene, the samples of one donor in different tissues.

    Each gene is standardised within each condition, so that neither the tissues themselves nor their spread count. With
    :math:`x_i` what is left of sample :math:`i`, the pairs of one donor in different tissues give

    .. math:: \frac{\sum w_{ij} \, x_i x_j}{\sum w_{ij} \, (x_i^2 + x_j^2) / 2}

    Fisher's intraclass correlation. The weight :math:`w_{ij}` is :math:`2 / m` for a donor of :math:`m` samples: a
    donor counts like the :math:`m - 1` edges of a tree that spans them, and one of many samples does not rule.

    Parameters
    ----------
    expression
        ``(samples, genes)``.
    donor, tissue
        Of each sample, ``(samples,)``.
    condition
        What a gene is standardised within, such as tissue and sex together, ``(samples,)``; the tissue where None.
    least
        Conditions of fewer samples are left out.

    Returns
    -------
    numpy.ndarray
        ``(genes,)``, from -1 to 1; NaN for a gene that does not vary, and for all where no donor has a pair.
    """
    products, squares = _products(expression, donor, tissue, tissue if condition is None else condition, least)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation: FloatArray = products.sum(axis=0) / squares.sum(axis=0)
    return correlation


def correlation_agreement(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> float:
    """Give Pearson's correlation over the genes that have a correlation in both tables, of ``(genes,)`` each."""
    both = np.isfinite(first) & np.isfinite(second)
    return float(np.corrcoef(first[both], second[both])[0, 1])


def measure_donors(bodies: Samples | None, held_out: Samples, *, resamples: int, seed: int) -> dict[str, Outcome]:
    """Compare how much alike the samples of one donor are in a table and among held-out real donors.

    Genes are standardised within tissue and, where both sides have it, sex: what all men share is nobody's own.

    Parameters
    ----------
    bodies
        Samples of synthetic donors; None where the table does not say which samples are of one donor.
    held_out
        Real samples.
    resamples, seed
        Of the bootstrap over real and synthetic donors.

    Returns
    -------
    dict
        ``within_donor_mean`` and ``within_donor_agreement``.
    """
    keys = ("within_donor_mean", "within_donor_agreement")
    needed = {"donor_id", "tissue"}
    if bodies is None or not needed <= {*bodies.labels}:
        return dict.fromkeys(keys, Undefined("the table does not say which samples are of one donor, or their tissues"))
    levels = [name for name in ("tissue", "sex") if all(name in of.labels for of in (bodies, held_out))]
    rng = np.random.default_rng(seed)
    correlations = [_resampled_correlation(of, levels, resamples, rng) for of in (bodies, held_out)]
    for of, name in zip(correlations, ("the table", "the held-out samples"), strict=True):
        if not np.isfinite(of[0]).any():
            return dict.fromkeys(keys, Undefined(f"no donor of {name} has two tissues of {LEAST} samples or more each"))
    table, real = correlations
    means = [np.ma.masked_invalid(of).mean(axis=1).filled(np.nan) for of in correlations]
    figures = means[0] - means[1], np.array([correlation_agreement(*pair) for pair in zip(table, real, strict=True)])
    return {key: Estimate(float(of[0]), of[1:]) for key, of in zip(keys, figures, strict=True)}


def completion_r2(
    real: npt.NDArray[np.floating],
    completed: npt.NDArray[np.floating],
    tissue_mean: npt.NDArray[np.floating],
    tissue: Labels,
) -> dict[str, float]:
    r"""Say how much better a completion is than the mean of the tissue, tissue by tissue.

    .. math:: R^2 = 1 - \frac{\sum_g (x_g - \hat x_g)^2}{\sum_g (x_g - \bar x_{tg})^2}

    with both sums over the samples of the tissue too. 0 is as good as the mean, 1 is perfect, and there is no least.

    Parameters
    ----------
    real
        What was hidden from the completion, ``(samples, genes)``.
    completed
        The best guess, such as the mean over draws, ``(samples, genes)``.
    tissue_mean
        The mean of the sample's tissue among the training samples, ``(samples, genes)``.
    tissue
        Of each sample, ``(samples,)``.

    Returns
    -------
    dict
        Tissues in alphabetical order; NaN for one that is all mean.
    """
    errors = pd.DataFrame(
        {
            "completed": np.square(np.asarray(real, dtype=np.float64) - completed).sum(axis=1),
            "mean": np.square(np.asarray(real, dtype=np.float64) - tissue_mean).sum(axis=1),
        }
    )
    totals = errors.groupby(np.asarray(tissue)).sum()
    ratios = totals["completed"] / totals["mean"].where(totals["mean"] > 0)
    return {str(name): 1 - float(ratio) for name, ratio in ratios.items()}


def _products(
    expression: npt.NDArray[np.floating], donor: Labels, tissue: Labels, condition: Labels, least: int
) -> tuple[FloatArray, FloatArray]:
    """Give the numerator and the denominator of the correlation, donor by donor, ``(donors, genes)`` each."""
    level = np.asarray(condition)
    counted = pd.Series(level).map(pd.Series(level).value_counts()).to_numpy() >= least
    levels, donors, tissues = (pd.factorize(np.asarray(labels)[counted])[0] for labels in (level, donor, tissue))
    values = _standardised(np.asarray(expression, dtype=np.float64)[counted], levels)
    cells = pd.factorize(pd.MultiIndex.from_arrays([donors, tissues]))[0]
    n_samples, n_in_cell = np.bincount(donors), np.bincount(cells)
    of_cell = pd.Series(donors).groupby(cells).first().to_numpy()
    alike = np.square(_sums(values, donors)) / n_samples[:, None]
    alike_in_cell = np.square(_sums(values, cells)) / n_samples[of_cell, None]
    n_others = (n_samples[donors] - n_in_cell[cells]) / n_samples[donors]
    return alike - _sums(alike_in_cell, of_cell), _sums(n_others[:, None] * np.square(values), donors)


def _resampled_correlation(samples: Samples, levels: list[str], resamples: int, rng: np.random.Generator) -> FloatArray:
    """Give the within-donor correlation of all donors, then of each resample of them, ``(1 + resamples, genes)``."""
    known = samples.take(samples.labels[["donor_id", "tissue"]].notna().all(axis=1).to_numpy())
    condition = known.labels[levels].astype("str").fillna("").agg(" ".join, axis=1)
    products, squares = _products(known.expression, known.column("donor_id"), known.column("tissue"), condition, LEAST)
    weights = donor_weights(np.arange(len(products)), resamples, rng).astype(np.float64)
    weights = np.vstack([np.ones(len(products)), weights])
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation: FloatArray = (weights @ products) / (weights @ squares)
    return correlation


def _standardised(values: FloatArray, levels: npt.NDArray[np.intp]) -> FloatArray:
    """Take the mean of each level from ``(samples, genes)``, and divide by its standard deviation; 0 where constant."""
    n_samples = np.bincount(levels)[:, None].clip(min=1)
    centred = values - (_sums(values, levels) / n_samples)[levels]
    variance = _sums(np.square(centred), levels) / n_samples
    scale = np.where(variance > CONSTANT, np.sqrt(variance), np.inf)
    standardised: FloatArray = centred / scale[levels]
    return standardised


def _sums(values: FloatArray, groups: npt.NDArray[np.intp]) -> FloatArray:
    """Sum the rows of each group, all numbers from 0 on occurring, ``(groups, genes)``."""
    return pd.DataFrame(values).groupby(groups).sum().to_numpy()
