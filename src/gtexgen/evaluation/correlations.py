"""Whether genes go together as they do in real samples of one condition."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gtexgen.evaluation.averages import condition_masks, matched_weights
from gtexgen.evaluation.genes import CONSTANT, within_condition_variance
from gtexgen.evaluation.samples import Comparison
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined

__all__ = ["LEAST", "agreement", "measure_correlations", "within_condition_correlation"]

FloatArray = npt.NDArray[np.float64]
Expression = npt.NDArray[np.floating]
Condition = npt.NDArray[np.str_]

LEAST = 20
"""Samples that a condition needs to have a figure of its own."""

RESAMPLED_GENES = 250
"""Genes whose pairs stand for all pairs in resamples: 31,125 pairs say as much of the donors as 499,500."""


def within_condition_correlation(
    expression: Expression, condition: Condition, weights: npt.NDArray[np.floating] | None = None
) -> npt.NDArray[np.float32]:
    """Correlate all genes about the means of conditions, pooled over conditions.

    Parameters
    ----------
    expression
        ``(samples, genes)``.
    condition
        ``(samples,)``.
    weights
        How often each sample counts, ``(samples,)``; once where None.

    Returns
    -------
    numpy.ndarray
        ``(genes, genes)``, float32; 0 with a gene that does not vary within conditions, and for it with itself.
    """
    counts = np.ones(len(condition)) if weights is None else weights.astype(np.float64)
    residuals = np.zeros(expression.shape, np.float32)
    for of in condition_masks(condition, least=1).values():
        if counts[of].sum() > 0:
            centred = expression[of] - np.average(expression[of], axis=0, weights=counts[of])
            residuals[of] = np.sqrt(counts[of])[:, None] * centred
    squares = np.einsum("sg,sg->g", residuals, residuals, dtype=np.float64)
    varies = squares > CONSTANT * max(counts.sum(), 1)
    residuals *= np.where(varies, 1 / np.sqrt(np.where(varies, squares, 1)), 0).astype(np.float32)
    correlation: npt.NDArray[np.float32] = residuals.T @ residuals
    return correlation


def agreement(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> float:
    """Give Pearson's correlation of two symmetric matrices over all pairs of different genes; NaN where one is flat."""
    one, other = (_centred_pairs(matrix) for matrix in (first, second))
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return float(np.vdot(one, other) / lengths) if lengths > 0 else np.nan


def measure_correlations(comparison: Comparison) -> dict[str, Outcome]:
    """Measure how far the correlations of genes within conditions agree with the real ones.

    Genes that do not vary within real conditions are left out. Resamples look at `RESAMPLED_GENES` of the others.
    """
    real, synthetic, condition = comparison.real, comparison.synthetic, comparison.condition
    varying = _varying(real, condition)
    if len(varying) < 3:
        why = f"{len(varying)} genes of the real samples vary within conditions, and correlations compare three or more"
        return {"correlation_score": Undefined(why)}
    value = agreement(*(within_condition_correlation(table[:, varying], condition) for table in (real, synthetic)))
    if np.isnan(value):
        return {"correlation_score": Undefined("the genes of the table do not vary together within conditions")}
    within = {}
    for name, of in condition_masks(condition, LEAST).items():
        genes = _varying(real[of], condition[of])
        tables = (table[np.ix_(of, genes)] for table in (real, synthetic))
        score = agreement(*(within_condition_correlation(table, condition[of]) for table in tables))
        if np.isfinite(score):
            within[name] = score
    return {"correlation_score": Estimate(value, _replicates(comparison, varying), within)}


def _replicates(comparison: Comparison, varying: npt.NDArray[np.intp]) -> FloatArray:
    """Give the score in each resample, ``(resamples,)``."""
    genes = varying[np.linspace(0, len(varying) - 1, min(len(varying), RESAMPLED_GENES)).astype(int)]
    tables = comparison.real[:, genes], comparison.synthetic[:, genes]
    resamples = zip(*matched_weights(comparison), strict=True)
    return np.array(
        [
            agreement(
                *(
                    within_condition_correlation(table, comparison.condition, weights)
                    for table, weights in zip(tables, of_resample, strict=True)
                )
            )
            for of_resample in resamples
        ]
    )


def _varying(expression: Expression, condition: Condition) -> npt.NDArray[np.intp]:
    """Give the positions of the genes that vary within conditions."""
    ones = np.ones((1, len(condition)))
    return np.flatnonzero(within_condition_variance(expression, condition, ones)[0] > CONSTANT)


def _centred_pairs(matrix: npt.NDArray[np.floating]) -> FloatArray:
    """Take the mean over pairs of different genes from each, and set the diagonal to 0."""
    pairs = matrix.astype(np.float64)
    np.fill_diagonal(pairs, 0)
    pairs -= pairs.sum() / max(1, len(pairs) * (len(pairs) - 1))
    np.fill_diagonal(pairs, 0)
    return pairs
