"""Whether a table finds the genes that differ between conditions: effects, calls, false calls and marker genes.

A gene is called differentially expressed between two conditions where Welch's t-test on log2(x + 1) has a false
discovery rate of at most `FDR` among the genes of the pair (Benjamini and Hochberg 1995), and the log2 fold change is
`FOLD` or more. The marker genes of a condition have the largest t-statistics against all the others together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import false_discovery_control

from gtexgen.evaluation.moments import Moments, Welch, welch
from gtexgen.evaluation.samples import Comparison
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined

__all__ = ["differential_table", "marker_table", "measure_differential"]

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]

FDR = 0.05
FOLD = 1.0
LEAST = 5
"""Conditions of fewer samples are left out."""
LARGEST = 5
"""As many conditions, those of most samples, are compared with each other."""
MARKERS = 20
"""Marker genes of a condition; a tenth of the genes where that is fewer."""
LOW = 0.25
"""The share of genes, those of the lowest means, that are hardly expressed."""
KINDS = ("real", "table")
BLOCK = 2**20
"""Moments, one a group and gene, that are held at a time."""

WHY = {
    "effect_agreement": "no gene differs between conditions",
    "call_agreement": "no gene is called differentially expressed, neither in the table nor in the held-out samples",
    "low_expression_false_calls": "no gene is hardly expressed in both conditions of any pair",
    "marker_overlap": "no condition has marker genes",
}


@dataclass(frozen=True, eq=False)
class _Groups:
    """Conditions that are large enough, those of most samples first, whose each sample is, and the pairs to compare."""

    names: list[str]
    of_sample: IndexArray
    pairs: IndexArray

    @classmethod
    def of(cls, condition: npt.NDArray[np.str_]) -> Self | None:
        counts = pd.Series(condition).value_counts().sort_index().sort_values(ascending=False, kind="stable")
        names = [str(name) for name in counts.index[counts >= LEAST]]
        if len(names) < 2:
            return None
        pairs = np.array(list(combinations(range(min(LARGEST, len(names))), 2)))
        return cls(names, pd.Index(names).get_indexer(pd.Index(condition)), pairs)

    def moments(
        self, comparison: Comparison, real: npt.NDArray[np.float32], table: npt.NDArray[np.float32]
    ) -> Iterator[tuple[Moments, Moments]]:
        """Give the moments of real and synthetic samples, some of the ``(resamples, samples)`` weights at a time."""
        step = max(1, BLOCK // (len(self.names) * comparison.real.shape[1]))
        for start in range(0, len(real), step):
            yield (
                Moments.of(comparison.real, real[start : start + step], self.of_sample),
                Moments.of(comparison.synthetic, table[start : start + step], self.of_sample),
            )

    def plain(self, comparison: Comparison) -> tuple[Moments, Moments]:
        """Give the moments of real and synthetic samples that count once each."""
        once = np.ones((1, len(self.of_sample)), np.float32)
        return next(self.moments(comparison, once, once))


def measure_differential(comparison: Comparison) -> dict[str, Outcome]:
    """Compare differential expression between the largest conditions, and the marker genes of all.

    Agreement of effects is Pearson's correlation over genes and pairs of conditions, each pair in both directions.
    Calls of all pairs are counted together, the real ones being the truth. Hardly expressed are the genes whose mean is
    in the lowest quarter of genes in both conditions of the pair, among the real samples.

    Returns
    -------
    dict
        ``effect_agreement``, ``call_agreement``, ``low_expression_false_calls`` and ``marker_overlap``; within a
        condition the first three are of the pairs that hold it.
    """
    groups = _Groups.of(comparison.condition)
    if groups is None:
        why = f"fewer than two conditions have {LEAST} samples or more in both the table and the held-out samples"
        return dict.fromkeys(WHY, Undefined(why))
    plain = groups.plain(comparison)
    overlap = _marker_overlap(*plain)
    values = _pair_figures(*plain, groups.pairs) | {"marker_overlap": _mean(overlap)}
    by_condition = {"marker_overlap": dict(zip(groups.names, overlap[0].tolist(), strict=True))}
    for number in range(groups.pairs.max() + 1):
        of_condition = _pair_figures(*plain, groups.pairs[(groups.pairs == number).any(axis=1)])
        for key, figure in of_condition.items():
            by_condition.setdefault(key, {})[groups.names[number]] = float(figure[0])
    resampled = [
        _pair_figures(*block, groups.pairs) | {"marker_overlap": _mean(_marker_overlap(*block))}
        for block in groups.moments(comparison, comparison.real_weights, comparison.synthetic_weights)
    ]
    return {
        key: Estimate(
            float(values[key][0]),
            np.concatenate([np.empty(0), *(figures[key] for figures in resampled)]),
            {name: value for name, value in by_condition[key].items() if np.isfinite(value)},
        )
        if np.isfinite(values[key][0])
        else Undefined(why)
        for key, why in WHY.items()
    }


def differential_table(comparison: Comparison, genes: Sequence[str]) -> pd.DataFrame:
    """List the genes of each compared pair of conditions.

    Parameters
    ----------
    comparison
        Real and synthetic samples.
    genes
        Their labels.

    Returns
    -------
    pandas.DataFrame
        Columns ``condition``, ``against``, ``gene``, then for ``real`` and ``table`` the log2 fold change
        ``effect_<kind>``, the false discovery rate ``fdr_<kind>`` and ``called_<kind>``; no rows where no
        two conditions are large enough.
    """
    names = ["condition", "against", "gene", *(f"{of}_{kind}" for kind in KINDS for of in ("effect", "fdr", "called"))]
    groups = _Groups.of(comparison.condition)
    if groups is None:
        return pd.DataFrame(columns=names)
    first, second = (np.array(groups.names)[groups.pairs[:, side]] for side in (0, 1))
    columns = [first.repeat(len(genes)), second.repeat(len(genes)), np.tile(np.array(genes), len(first))]
    for moments in groups.plain(comparison):
        tests = _tests(moments, groups.pairs)
        columns += [tests.difference.ravel(), _false_discovery_rate(tests).ravel(), _called(tests).ravel()]
    return pd.DataFrame(dict(zip(names, columns, strict=True)))


def marker_table(comparison: Comparison, genes: Sequence[str]) -> pd.DataFrame:
    """List the genes that are markers of a condition in the table, among the real samples, or in both.

    Returns
    -------
    pandas.DataFrame
        Columns ``condition``, ``gene``, ``rank_real``, ``rank_table`` (1 is the best marker), ``t_real``, ``t_table``,
        ``marker_real`` and ``marker_table``, by condition and real rank.
    """
    names = ["condition", "gene", *(f"{of}_{kind}" for of in ("rank", "t", "marker") for kind in KINDS)]
    groups = _Groups.of(comparison.condition)
    if groups is None:
        return pd.DataFrame(columns=names)
    t = [_against_rest(moments)[0] for moments in groups.plain(comparison)]
    rank = [(-of).argsort(axis=1, kind="stable").argsort(axis=1) + 1 for of in t]
    marker = [of <= _n_markers(len(genes)) for of in rank]
    condition = np.array(groups.names).repeat(len(genes))
    columns = [condition, np.tile(np.array(genes), len(groups.names)), *(of.ravel() for of in (*rank, *t, *marker))]
    table = pd.DataFrame(dict(zip(names, columns, strict=True)))
    return table[table["marker_real"] | table["marker_table"]].sort_values(
        ["condition", "rank_real"], ignore_index=True
    )


def _tests(moments: Moments, pairs: IndexArray) -> Welch:
    """Test the first of each pair of groups against the second, ``(resamples, pairs, genes)``."""
    return welch(moments.groups(pairs[:, 0]), moments.groups(pairs[:, 1]))


def _false_discovery_rate(tests: Welch) -> FloatArray:
    rates: FloatArray = false_discovery_control(np.nan_to_num(tests.p, nan=1.0), axis=-1)
    return rates


def _called(tests: Welch) -> npt.NDArray[np.bool_]:
    called: npt.NDArray[np.bool_] = (_false_discovery_rate(tests) <= FDR) & (abs(tests.difference) >= FOLD)
    return called


def _pair_figures(real: Moments, table: Moments, pairs: IndexArray) -> dict[str, FloatArray]:
    """Compare the tests of some pairs of conditions, ``(resamples,)`` each."""
    of_real, of_table = _tests(real, pairs), _tests(table, pairs)
    effects = [
        np.where(np.isnan(of_real.difference + of_table.difference), 0, of.difference) for of in (of_real, of_table)
    ]
    products = [
        np.einsum("bpg,bpg->b", a, b) for a, b in ((effects[0], effects[1]), (effects[0],) * 2, (effects[1],) * 2)
    ]
    truth, calls = _called(of_real), _called(of_table)
    low = (real.mean <= np.quantile(real.mean, LOW, axis=-1, keepdims=True))[:, pairs].all(axis=2)
    return {
        "effect_agreement": _ratio(products[0], np.sqrt(products[1] * products[2])),
        "call_agreement": _ratio(2 * _count(truth & calls), _count(truth) + _count(calls)),
        "low_expression_false_calls": _ratio(_count(low & calls & ~truth), _count(low)),
    }


def _against_rest(moments: Moments) -> FloatArray:
    """Give the t-statistics of each group against all the others, ``(resamples, groups, genes)``."""
    return welch(moments, moments.rest()).t


def _n_markers(n_genes: int) -> int:
    return min(MARKERS, max(1, n_genes // 10))


def _marker_overlap(real: Moments, table: Moments) -> FloatArray:
    """Give the share of the real markers that the table has too, ``(resamples, groups)``; NaN where there are none."""
    t = [_against_rest(of) for of in (real, table)]
    n_markers = _n_markers(t[0].shape[-1])
    markers = [np.zeros(of.shape, np.bool_) for of in t]
    for chosen, of in zip(markers, t, strict=True):
        best = np.argpartition(np.nan_to_num(-of, nan=np.inf), n_markers - 1, axis=-1)[..., :n_markers]
        np.put_along_axis(chosen, best, values=True, axis=-1)
    defined = np.isfinite(t[0] + t[1]).any(axis=-1)
    return np.where(defined, (markers[0] & markers[1]).sum(axis=-1) / n_markers, np.nan)


def _mean(of_groups: FloatArray) -> FloatArray:
    """Give the mean over the groups that have a value, ``(resamples,)``."""
    defined = np.isfinite(of_groups)
    return _ratio(np.where(defined, of_groups, 0).sum(axis=1), defined.sum(axis=1))


def _count(genes: npt.NDArray[np.bool_] | np.bool_) -> FloatArray:
    return np.asarray(np.sum(genes, axis=(1, 2)), np.float64)


def _ratio(above: FloatArray, below: npt.NDArray[np.number]) -> FloatArray:
    """Divide; NaN where there is nothing to divide by."""
    ratio: FloatArray = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return ratio
