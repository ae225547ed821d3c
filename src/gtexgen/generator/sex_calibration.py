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

__all__ = ["SexCalibration", "SexMaps", "TellingGenes", "find_telling_genes", "fit_sex_maps", "sex_numbers"]

IndexArray: TypeAlias = npt.NDArray[np.int64]
Probabilities: TypeAlias = npt.NDArray[np.float64]

SEXES = ("female", "male")

LEAST_CORRELATION = 0.7
"""A gene tells the sexes apart where the sex explains half of its variance within classes."""

STANDARD_ERRORS = 6
"""And where its correlation is that far from 0: there are thousands of genes, and none does so by chance then."""

LEAST_DONORS = 16


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


class SexMaps(NamedTuple):
    """The maps of one class, such as a tissue.

    Attributes
    ----------
    cut
        A drawn sample that is more like men than this is a man; nan where the class has one sex alone.
    drawn, wanted
        Quantiles of drawn samples of each sex, and those that they are to have, ``(2, levels, telling)`` float32.
    """

    cut: float
    drawn: FloatArray
    wanted: FloatArray


@dataclass(frozen=True, eq=False)
class SexCalibration:
    """Makes each sample a man or a woman, by what the genes that tell the sexes apart say together.

    Within a class as many are men as among its training samples, those that are most like men. Each of these genes is
    then mapped to the distribution of its sex, which leaves the ranks of the samples of one sex as they are.

    Attributes
    ----------
    telling
        The genes.
    cut
        ``(classes,)`` float32, see `SexMaps`; so are the others.
    drawn, wanted
        ``(classes, 2, levels, telling)`` float32.
    """

    telling: TellingGenes
    cut: FloatArray
    drawn: FloatArray
    wanted: FloatArray

    @classmethod
    def of(cls, telling: TellingGenes, maps: Sequence[SexMaps]) -> Self:
        """Join the maps of all classes."""
        cut, drawn, wanted = (np.array(values, dtype=np.float32) for values in zip(*maps, strict=True))
        return cls(telling, cut, drawn, wanted)

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
            genes.

        Returns
        -------
        numpy.ndarray
            The telling genes alone, ``(samples, telling)``.
        """
        values = scaled[:, self.telling.genes]
        drawn = (values @ self.telling.weight > self.cut[number]).astype(np.int64)
        asked = drawn if sex is None else sex_numbers(sex)
        wanted = np.where(asked < 0, drawn, asked)
        mapped = values.copy()
        for one in np.unique(drawn):
            for other in np.unique(wanted):
                rows = np.flatnonzero((drawn == one) & (wanted == other))
                for gene in range(values.shape[1]):
                    before, after = self.drawn[number, one, :, gene], self.wanted[number, other, :, gene]
                    mapped[rows, gene] = np.interp(values[rows, gene], before, after)
        return mapped

    def knows(self, number: int) -> bool:
        """Whether the class has both sexes."""
        return bool(np.isfinite(self.cut[number]))

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
    r"""Find the genes that tell the sexes apart within groups of samples; there may be none.

    On Fisher's scale, :math:`\tanh^{-1} r`, the standard error of a correlation is :math:`1 / \sqrt{n - 3}` for n
    donors.

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
    if not n or n_donors < LEAST_DONORS:
        return TellingGenes(np.empty(0, np.int64), np.empty(0, np.float32))
    varying = squares > 0
    correlation = np.divide(products, np.sqrt(squares * of_sex), out=np.zeros(n_genes), where=varying)
    least = max(LEAST_CORRELATION, math.tanh(STANDARD_ERRORS / math.sqrt(n_donors - 3)))
    genes = np.flatnonzero(np.abs(correlation) > least)
    weight = np.sign(correlation[genes]) / np.sqrt(squares[genes] / n)
    return TellingGenes(genes, weight.astype(np.float32))


def fit_sex_maps(
    telling: TellingGenes,
    drawn: FloatArray,
    real: FloatArray,
    sex: IndexArray,
    probabilities: Probabilities,
    *,
    min_samples: int,
) -> SexMaps:
    """Compare drawn samples of a class with its training samples, sex by sex.

    Parameters
    ----------
    telling
        The genes.
    drawn, real
        ``(samples, genes)`` on the model's scale.
    sex
        Of the real samples, as `sex_numbers` has it.
    probabilities, min_samples
        See `gtexgen.generator.quantiles.wanted_quantiles`.
    """
    values, seen = drawn[:, telling.genes], real[:, telling.genes]
    likeness = values @ telling.weight
    n_women, n_men = (int((sex == number).sum()) for number in range(len(SEXES)))
    cut = float(np.quantile(likeness, n_women / max(1, n_women + n_men)))
    parts = [(values[(likeness > cut) == number], seen[sex == number]) for number in range(len(SEXES))]
    if not all(len(values) for part in parts for values in part):
        nothing = np.zeros((len(SEXES), len(probabilities), len(telling.genes)), dtype=np.float32)
        return SexMaps(math.nan, nothing, nothing)
    before = [quantiles(of_sex, probabilities) for of_sex, _ in parts]
    after = [wanted_quantiles(*part, probabilities, min_samples=min_samples) for part in parts]
    return SexMaps(cut, np.stack(before), np.stack(after))
