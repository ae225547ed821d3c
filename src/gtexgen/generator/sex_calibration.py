"""Sees to it that a sample is of one sex, in all genes that tell the sexes apart, where the sex is no condition.

Networks that are not told the sex do not learn it for the sake of a few genes. Their noise says that these genes go
together, but it is normal and has no two humps, so that RPS4Y1 may say man and DDX3Y woman of one sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from gtexgen.generator.quantiles import FloatArray, quantiles, wanted_quantiles
from gtexgen.models.sure_correlation import least_sure_correlation

__all__ = [
    "SexCalibration",
    "SexedClass",
    "TellingGenes",
    "find_telling_genes",
    "fit_sex_calibration",
    "sex_numbers",
]

IndexArray: TypeAlias = npt.NDArray[np.int64]
Probabilities: TypeAlias = npt.NDArray[np.float64]

SEXES = ("female", "male")
"""What the samples table calls them; arrays have women first."""

LEAST_CORRELATION = 0.7
"""A gene tells the sexes apart where the sex explains half of its variance within classes."""


class TellingGenes(NamedTuple):
    """The genes that tell the sexes apart.

    Attributes
    ----------
    genes
        Their numbers, ``(telling,)``.
    weight
        What each adds to a sample's likeness to men, for a unit of the model's scale, ``(telling,)`` float32: the
        inverse of its standard deviation within classes, below 0 for a gene of women.
    """

    genes: IndexArray
    weight: FloatArray


class SexedClass(NamedTuple):
    """The samples of a class, such as a tissue.

    Attributes
    ----------
    drawn, real
        Its drawn and its training samples, the telling genes alone, ``(samples, telling)`` on the model's scale.
    sex
        Of the training samples, as `sex_numbers` has it.
    """

    drawn: FloatArray
    real: FloatArray
    sex: IndexArray


@dataclass(frozen=True, eq=False)
class SexCalibration:
    """Makes each sample a man or a woman, by what the genes that tell the sexes apart say together.

    Those samples of a class, such as a tissue, that are most like men are men, in the share that training has. Each of
    these genes is then mapped to the distribution of its sex, which leaves the ranks of the samples of one sex as they
    are.

    Attributes
    ----------
    telling
        The genes.
    cut
        What is more like men than this is a man, ``(classes,)`` float32; infinite where training has one sex alone, and
        nan where it does not say.
    drawn, wanted
        Quantiles of drawn samples of each sex, and those that they are to have, ``(classes, 2, levels, telling)``
        float32.
    """

    telling: TellingGenes
    cut: FloatArray
    drawn: FloatArray
    wanted: FloatArray

    def apply(self, scaled: FloatArray, number: int, sex: Iterable[object] | None = None) -> FloatArray:
        """Map drawn samples of one class.

        Parameters
        ----------
        scaled
            ``(samples, genes)`` on the model's scale, as the networks gave it.
        number
            The number of the class.
        sex
            The sexes that samples have to be of, as those of a donor have; None, and what is no sex, leaves it to the
            genes. So does a class of one sex.

        Returns
        -------
        numpy.ndarray
            The telling genes alone, ``(samples, telling)``.
        """
        values = scaled[:, self.telling.genes]
        drawn = (values @ self.telling.weight > self.cut[number]).astype(np.int64)
        asked = drawn if sex is None or np.isinf(self.cut[number]) else sex_numbers(sex)
        wanted = np.where(asked < 0, drawn, asked)
        mapped = values.copy()
        for one in np.unique(drawn):
            for other in np.unique(wanted):
                rows = np.flatnonzero((drawn == one) & (wanted == other))
                for gene in range(values.shape[1]):
                    before, after = self.drawn[number, one, :, gene], self.wanted[number, other, :, gene]
                    mapped[rows, gene] = np.interp(values[rows, gene], before, after)
        return mapped

    def likeness_to_men(self, scaled: FloatArray, number: int) -> FloatArray:
        """Say how much more like men than like women real samples of one class are.

        Parameters
        ----------
        scaled
            ``(samples, genes)`` on the model's scale.
        number
            The number of the class.

        Returns
        -------
        numpy.ndarray
            ``(samples,)``, 0 half-way between the medians of the sexes, above it for men; nan where training has one
            sex alone.
        """
        if not np.isfinite(self.cut[number]):
            return np.full(len(scaled), np.nan, dtype=np.float32)
        half_way = np.median(self.wanted[number], axis=1).mean(axis=0)
        likeness: FloatArray = (scaled[:, self.telling.genes] - half_way) @ self.telling.weight
        return likeness

    def knows(self, number: int) -> bool:
        """Whether training says of which sexes the class is."""
        return not np.isnan(self.cut[number])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Give what was learnt, by name."""
        genes, weight = self.telling
        return {"genes": genes, "weight": weight, "cut": self.cut, "drawn": self.drawn, "wanted": self.wanted}

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Bring back what `arrays` gave.

        Raises
        ------
        KeyError, ValueError
            An array is missing, or does not fit the others.
        """
        genes, weight, cut, drawn, wanted = (arrays[name] for name in ("genes", "weight", "cut", "drawn", "wanted"))
        levels = drawn.shape[2] if drawn.ndim == 4 else 0
        shape = len(cut), len(SEXES), levels, len(genes)
        if not levels or drawn.shape != shape or wanted.shape != shape or weight.shape != genes.shape:
            raise ValueError("the maps of the sexes do not fit each other")
        return cls(TellingGenes(genes, weight), cut, drawn, wanted)


def sex_numbers(sex: Iterable[object]) -> IndexArray:
    """Give 0 for each woman, 1 for each man and -1 where it is not known."""
    return np.array([SEXES.index(str(name)) if name in SEXES else -1 for name in sex], dtype=np.int64)


def find_telling_genes(
    expression: FloatArray, sex: IndexArray, groups: npt.NDArray[np.str_], n_donors: int
) -> TellingGenes:
    """Find the genes that tell the sexes apart within groups of samples; there may be none.

    Parameters
    ----------
    expression
        ``(samples, genes)`` on the model's scale.
    sex
        ``(samples,)``, as `sex_numbers` has it.
    groups
        The group of each sample, ``(samples,)``.
    n_donors
        How many donors the samples are of.
    """
    n_genes = expression.shape[1]
    products, squares, of_sex, n = np.zeros(n_genes), np.zeros(n_genes), 0.0, 0
    for group in np.unique(groups):
        rows = np.flatnonzero((groups == group) & (sex >= 0))
        if len(np.unique(sex[rows])) < len(SEXES):
            continue
        deviation = sex[rows] - sex[rows].mean()
        products += deviation @ expression[rows]
        squares += expression[rows].var(axis=0, dtype=np.float64) * len(rows)
        of_sex += deviation @ deviation
        n += len(rows)
    if not n:
        return TellingGenes(np.empty(0, np.int64), np.empty(0, np.float32))
    correlation = np.divide(products, np.sqrt(squares * of_sex), out=np.zeros(n_genes), where=squares > 0)
    least = max(LEAST_CORRELATION, least_sure_correlation(n_donors))
    genes = np.flatnonzero(np.abs(correlation) > least)
    weight = np.sign(correlation[genes]) / np.sqrt(squares[genes] / n)
    return TellingGenes(genes, weight.astype(np.float32))


def fit_sex_calibration(
    telling: TellingGenes, classes: Sequence[SexedClass], probabilities: Probabilities, *, min_samples: int
) -> SexCalibration:
    """Compare drawn with training samples, class by class and sex by sex.

    Of a sex that a class has few training samples of, only the means count; how its samples scatter around them is
    taken from the classes that have more.

    Parameters
    ----------
    telling
        The genes.
    classes
        Their samples.
    probabilities
        Of the quantiles, ``(levels,)``.
    min_samples
        Training samples of a class and sex from which on their quantiles count.
    """
    scatter = [_scatter(classes, number, probabilities, min_samples) for number in range(len(SEXES))]
    cut = np.array([_cut(each.drawn @ telling.weight, each.sex) for each in classes], dtype=np.float32)
    shape = len(classes), len(SEXES), len(probabilities), len(telling.genes)
    drawn, wanted = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for place, each in enumerate(classes):
        called = each.drawn @ telling.weight > cut[place]
        for number in range(len(SEXES)):
            values, real = each.drawn[called == number], each.real[each.sex == number]
            if not len(values) or not len(real):
                continue
            drawn[place, number] = quantiles(values, probabilities)
            if len(real) >= min_samples or scatter[number] is None:
                wanted[place, number] = wanted_quantiles(values, real, probabilities, min_samples=min_samples)
            else:
                wanted[place, number] = real.mean(axis=0) + scatter[number]
    return SexCalibration(telling, cut, drawn, wanted)


def _scatter(
    classes: Sequence[SexedClass], number: int, probabilities: Probabilities, min_samples: int
) -> FloatArray | None:
    """Give quantiles of the deviations from the mean of the class, of one sex, ``(levels, telling)``."""
    of_sex = [each.real[each.sex == number] for each in classes]
    deviations = [real - real.mean(axis=0) for real in of_sex if len(real) >= min_samples]
    return quantiles(np.concatenate(deviations), probabilities) if deviations else None


def _cut(likeness: FloatArray, sex: IndexArray) -> float:
    """Find the likeness to men that as many drawn samples exceed as training samples are men."""
    n_women, n_men = (int((sex == number).sum()) for number in range(len(SEXES)))
    if n_women and n_men:
        cut = float(np.float32(np.quantile(likeness, n_women / (n_women + n_men))))
        return cut if cut < likeness.max() else math.nan
    if n_women + n_men < len(sex):
        return math.nan
    return math.inf if n_women else -math.inf
