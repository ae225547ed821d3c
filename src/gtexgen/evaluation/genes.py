r"""Whether single genes are right within conditions: their means, their variances, their distributions.

The unit is the gene's real SD, that of the real samples about the means of their conditions. Genes that do not vary
about them have no unit and are left out. Conditions count by their number of samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gtexgen.evaluation.averages import SMALLEST, condition_masks, matched_weights, weighted_mean
from gtexgen.evaluation.samples import Comparison
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined

__all__ = ["CONSTANT", "GeneMoments", "gene_moments", "measure_genes", "transport_shares", "within_condition_variance"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Expression = npt.NDArray[np.floating]
Weights = npt.NDArray[np.floating]
Condition = npt.NDArray[np.str_]

CONSTANT = 1e-10
"""The variance of a gene, in log2 units squared, below which it is rounding."""


class GeneMoments(NamedTuple):
    """Mean and standard deviation of each gene, ``(genes,)`` each."""

    mean: FloatArray
    sd: FloatArray


def gene_moments(expression: Expression) -> GeneMoments:
    """Measure each gene over all samples of ``(samples, genes)``, whatever their condition."""
    return GeneMoments(expression.mean(axis=0, dtype=np.float64), expression.std(axis=0, dtype=np.float64))


def within_condition_variance(expression: Expression, condition: Condition, weights: Weights) -> FloatArray:
    """Give the variance of each gene about the means of conditions, pooled over them.

    Parameters
    ----------
    expression
        ``(samples, genes)``.
    condition
        ``(samples,)``.
    weights
        How often each sample counts in each resample, ``(resamples, samples)``.

    Returns
    -------
    numpy.ndarray
        ``(resamples, genes)``, per sample.
    """
    squares = np.zeros((len(weights), expression.shape[1]))
    for of in condition_masks(condition, least=1).values():
        values, counts = expression[of].astype(np.float64), weights[:, of].astype(np.float64)
        values -= values.mean(axis=0)
        n = np.maximum(counts.sum(axis=1), 1)[:, None]
        squares += counts @ np.square(values) - np.square(counts @ values) / n
    return _per_sample(np.maximum(squares, 0), weights)


def transport_shares(real: Expression, synthetic: Expression) -> tuple[FloatArray, FloatArray]:
    r"""Give what each value adds to the 1-Wasserstein distance of two samples of each gene.

    By Kantorovich and Rubinstein, :math:`W_1 = \sum_i \varphi(r_i) / n - \sum_j \varphi(s_j) / m` for the
    :math:`\varphi` whose slope is 1 where more of `synthetic` than of `real` lies below, and -1 where less does.

    Parameters
    ----------
    real, synthetic
        ``(n, genes)`` and ``(m, genes)``.

    Returns
    -------
    tuple of numpy.ndarray
        :math:`\varphi` of the values of both, less its mean, in the shapes of the tables.
    """
    values = np.concatenate([real, synthetic]).astype(np.float64)
    order = values.argsort(axis=0)
    ascending = np.take_along_axis(values, order, axis=0)
    steps = np.concatenate([np.full(len(real), -1 / len(real)), np.full(len(synthetic), 1 / len(synthetic))])
    slope = np.sign(steps[order].cumsum(axis=0).round(12))[:-1]
    heights = np.zeros_like(values)
    np.cumsum(slope * np.diff(ascending, axis=0), axis=0, out=heights[1:])
    potential = np.empty_like(values)
    np.put_along_axis(potential, order, heights - heights.mean(axis=0), axis=0)
    return potential[: len(real)], potential[len(real) :]


class _Table(NamedTuple):
    """One side of a comparison, or a condition of it.

    Attributes
    ----------
    expression
        ``(samples, genes)``.
    weights
        All ones, then those of the resamples, ``(1 + resamples, samples)``: the first of all results is the estimate.
    """

    expression: Expression
    weights: Weights

    def of(self, samples: BoolArray) -> _Table:
        """Give some samples."""
        return _Table(self.expression[samples], self.weights[:, samples])

    def mean(self) -> FloatArray:
        """Give the mean of each gene, ``(1 + resamples, genes)``; NaN where no sample has weight."""
        return _per_sample(self.weights.astype(np.float64) @ self.expression, self.weights)


def measure_genes(comparison: Comparison) -> dict[str, Outcome]:
    """Measure the error of gene means, the ratio of variances and the 1-Wasserstein distance, within conditions.

    Resamples keep the unit. Of the Wasserstein distance they weigh anew what each value adds to it, `transport_shares`:
    the distance to first order. That is a fraction of the work of matching the values of every resample, and nearer to
    how the distance varies from sample to sample, as those repeat no values.
    """
    names = ("mean_error", "variance_ratio", "wasserstein")
    real, synthetic = (
        _Table(table, np.concatenate([np.ones((1, len(table))), weights]))
        for table, weights in zip((comparison.real, comparison.synthetic), matched_weights(comparison), strict=True)
    )
    variance = within_condition_variance(real.expression, comparison.condition, real.weights[:1])[0]
    varying = variance > CONSTANT
    if not varying.any():
        return dict.fromkeys(names, Undefined("no gene of the real samples varies within a condition"))
    sd = np.sqrt(variance[varying]).astype(np.float32)
    real, synthetic = (_Table(table.expression[:, varying] / sd, table.weights) for table in (real, synthetic))
    figures: dict[str, dict[str, FloatArray]] = {name: {} for name in names}
    masks = condition_masks(comparison.condition, least=1)
    for condition, samples in masks.items():
        of_condition = real.of(samples), synthetic.of(samples)
        figures["mean_error"][condition] = _mean_error(*of_condition)
        figures["wasserstein"][condition] = _wasserstein(*of_condition)
        figures["variance_ratio"][condition] = _variance_ratio(*of_condition, comparison.condition[samples])
    ratio = _variance_ratio(real, synthetic, comparison.condition)
    return {
        "mean_error": _pooled(figures["mean_error"], masks, real.weights),
        "variance_ratio": Estimate(float(ratio[0]), ratio[1:], _estimates(figures["variance_ratio"], masks)),
        "wasserstein": _pooled(figures["wasserstein"], masks, real.weights),
    }


def _mean_error(real: _Table, synthetic: _Table) -> FloatArray:
    """Give the distance of means, over genes, ``(1 + resamples,)``."""
    error: FloatArray = abs(real.mean() - synthetic.mean()).mean(axis=1)
    return error


def _wasserstein(real: _Table, synthetic: _Table) -> FloatArray:
    """Give the 1-Wasserstein distance, mean over genes, ``(1 + resamples,)``."""
    shares = transport_shares(real.expression, synthetic.expression)
    of_real, of_synthetic = (
        weighted_mean(share.mean(axis=1), table.weights) for share, table in zip(shares, (real, synthetic), strict=True)
    )
    return of_real - of_synthetic


def _variance_ratio(real: _Table, synthetic: _Table, condition: Condition) -> FloatArray:
    """Give the ratio of variances, median over the genes that vary, ``(1 + resamples,)``; NaN where none does."""
    below, above = (
        within_condition_variance(table.expression, condition, table.weights) for table in (real, synthetic)
    )
    return np.array(
        [
            np.median(of_synthetic[varying] / of_real[varying]) if varying.any() else np.nan
            for of_real, of_synthetic, varying in zip(below, above, below > CONSTANT, strict=True)
        ]
    )


def _pooled(figures: Mapping[str, FloatArray], masks: Mapping[str, BoolArray], weights: Weights) -> Estimate:
    """Average the figures of conditions, ``(1 + resamples,)`` each, by the weight of their real samples.

    A resample without samples of a condition leaves it out.
    """
    table = np.stack([figures[name] for name in masks])
    share = np.stack([weights[:, of].sum(axis=1) for of in masks.values()])
    share[~np.isfinite(table)] = 0
    with np.errstate(invalid="ignore"):
        pooled = (np.nan_to_num(table) * share).sum(axis=0) / share.sum(axis=0)
    return Estimate(float(pooled[0]), pooled[1:], _estimates(figures, masks))


def _estimates(figures: Mapping[str, FloatArray], masks: Mapping[str, BoolArray]) -> dict[str, float]:
    """Give the figure of each condition that has enough samples for one of its own."""
    large = [name for name, of in masks.items() if of.sum() >= SMALLEST and np.isfinite(figures[name][0])]
    return {name: float(figures[name][0]) for name in large}


def _per_sample(sums: FloatArray, weights: Weights) -> FloatArray:
    """Divide ``(resamples, genes)`` by the weights of each resample; NaN where there are none."""
    with np.errstate(invalid="ignore"):
        mean: FloatArray = sums / weights.sum(axis=1, dtype=np.float64)[:, None]
    return mean
