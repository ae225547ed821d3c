"""Brings each gene's distribution within a tissue to that of the training samples, after all else is fitted.

Networks say well how genes go together; what one gene's values look like within one tissue (a long tail, two humps, a
share of zeros) they round off. A monotone map of each gene puts that right and leaves the ranks of the samples, and
with them what the networks learnt, as they are; genes that tell the sexes apart have one of each sex
(`gtexgen.generator.sex_calibration`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from gtexgen.data.training_part import TrainingPart
from gtexgen.generator.quantiles import FloatArray, normal_probabilities, quantiles, wanted_quantiles
from gtexgen.generator.sex_calibration import (
    SexCalibration,
    SexedClass,
    TellingGenes,
    find_telling_genes,
    fit_sex_calibration,
    sex_numbers,
)
from gtexgen.generator.tally import SEX
from gtexgen.models.networks import Networks

__all__ = ["Calibration", "calibrated_column", "fit_calibration"]

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
Labels: TypeAlias = npt.NDArray[np.object_]

COLUMNS = ("subtissue", "tissue")
"""The condition columns whose values have maps of their own, the finest first."""

ARRAYS = ("drawn", "seen", "zero", "least")
OF_SEXES = "of_sexes."

DRAWS = 8
LEAST_DRAWS = 2000
SEED = 0x6361_6C69


def calibrated_column(fields: Sequence[str]) -> str | None:
    """Give the condition column whose values have maps of their own; None where all samples share one."""
    return next((column for column in COLUMNS if column in fields), None)


@dataclass(frozen=True, eq=False)
class Calibration:
    """A monotone map of each gene and class, linear between quantiles, on the model's scale.

    No value lies between an expression of 0 and the smallest that a training sample of the class has above it: one read
    of a library is a step, and what fell within it goes to the nearer end.

    Attributes
    ----------
    column
        The condition column that says the class; None where all samples are one.
    classes
        The classes that have maps: those that were trained on.
    drawn
        Quantiles of what the networks give, ``(classes, levels, genes)`` float32.
    seen
        Those of the training samples at the same probabilities.
    zero
        Where an expression of 0 lies, ``(genes,)`` float32.
    least
        The smallest training value above it, ``(classes, genes)`` float32.
    sexes
        Maps of the genes that tell the sexes apart, one a sex; None where there are no such genes, or the sex is a
        condition.
    """

    column: str | None
    classes: list[str]
    drawn: FloatArray
    seen: FloatArray
    zero: FloatArray
    least: FloatArray
    sexes: SexCalibration | None = None

    def apply(self, scaled: FloatArray, samples: Mapping[str, Labels]) -> FloatArray:
        """Map samples; what lies beyond all quantiles gets the last one.

        Parameters
        ----------
        scaled
            ``(samples, genes)`` on the model's scale, as the networks gave it.
        samples
            The condition columns, a value a sample. Where the sex is none of them, it may be there too, and a sample
            becomes of that sex; without it, of the one that its genes are more like.
        """
        mapped = scaled.copy()
        for number, rows in self._rows(len(scaled), samples):
            values = scaled[rows]
            for gene in range(values.shape[1]):
                values[:, gene] = np.interp(values[:, gene], self.drawn[number, :, gene], self.seen[number, :, gene])
            if self.sexes is not None and self.sexes.knows(number):
                sex = samples[SEX][rows] if SEX in samples else None
                values[:, self.sexes.telling.genes] = self.sexes.apply(scaled[rows], number, sex)
            mapped[rows] = self._beside_gap(values, self.least[number])
        return mapped

    def likeness_to_men(self, scaled: FloatArray, samples: Mapping[str, Labels]) -> FloatArray:
        """Say how much more like men than like women real samples are, ``(samples,)``; nan where nothing tells.

        Parameters
        ----------
        scaled
            ``(samples, genes)`` on the model's scale.
        samples
            The condition columns, a value a sample.
        """
        likeness = np.full(len(scaled), np.nan, dtype=np.float32)
        for number, rows in self._rows(len(scaled), samples):
            if self.sexes is not None:
                likeness[rows] = self.sexes.likeness_to_men(scaled[rows], number)
        return likeness

    def _beside_gap(self, values: FloatArray, least: FloatArray) -> FloatArray:
        """Move what lies between zero and the least value to the nearer of them."""
        in_gap = (values > self.zero) & (values < least)
        nearer = np.where(values < (self.zero + least) / 2, self.zero, least)
        moved: FloatArray = np.where(in_gap, nearer, values)
        return moved

    def _rows(self, n: int, samples: Mapping[str, Labels]) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        for number, name in enumerate(self.classes):
            of_class = np.ones(n, dtype=bool) if self.column is None else np.asarray(samples[self.column]) == name
            if of_class.any():
                yield number, np.flatnonzero(of_class)

    def arrays(self) -> Arrays:
        """Give what was learnt, by name."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        of_sexes = {} if self.sexes is None else self.sexes.arrays()
        return arrays | {OF_SEXES + name: array for name, array in of_sexes.items()}

    @classmethod
    def restore(cls, column: str | None, classes: list[str], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Bring back what `arrays` gave.

        Raises
        ------
        KeyError, ValueError
            An array is missing, or does not fit the others.
        """
        drawn, seen, zero, least = (arrays[name] for name in ARRAYS)
        if drawn.shape != seen.shape or drawn.ndim != 3 or len(drawn) != len(classes):
            raise ValueError("the quantiles of the calibration do not fit each other")
        if least.shape != drawn[:, 0].shape or zero.shape != least.shape[1:]:
            raise ValueError("the zeros of the calibration do not fit its quantiles")
        of_sexes = {name.removeprefix(OF_SEXES): arrays[name] for name in arrays if name.startswith(OF_SEXES)}
        sexes = SexCalibration.restore(of_sexes) if of_sexes else None
        if sexes is not None and (len(sexes.cut) != len(classes) or sexes.telling.genes.max() >= len(zero)):
            raise ValueError("the maps of the sexes do not fit the calibration")
        return cls(column, classes, drawn, seen, zero, least, sexes)


@torch.inference_mode()
def fit_calibration(
    networks: Networks, part: TrainingPart, fields: Sequence[str], *, levels: int, min_samples: int
) -> Calibration:
    """Compare what the networks give with the training samples, class by class.

    Parameters
    ----------
    networks
        With their prior fitted, on the CPU.
    part
        The training samples.
    fields
        The condition columns.
    levels
        Quantiles kept of each gene and class, fewer where a class has fewer samples. They are equally far apart in
        standard normal scores, so that tails have as many as the middle.
    min_samples
        Training samples from which on the map of a class follows its quantiles; the genes of a smaller one are shifted
        to its means.
    """
    column = calibrated_column(fields)
    labels = _labels(part, column)
    names = np.unique(labels)
    expression = np.concatenate([block.numpy() for block in part.blocks()])
    sex = sex_numbers(part.samples.reindex(columns=[SEX])[SEX])
    telling = _telling_genes(part, fields, expression, sex, labels)
    random = torch.Generator().manual_seed(SEED)
    probabilities = normal_probabilities(levels)
    zero = part.zero.numpy()
    drawn, seen, least, sexed = [], [], [], []
    for name in names:
        rows = np.flatnonzero(labels == name)
        real, given = expression[rows], _drawn(networks, part.condition[torch.from_numpy(rows)], random)
        drawn.append(quantiles(given, probabilities))
        seen.append(wanted_quantiles(given, real, probabilities, min_samples=min_samples))
        least.append(np.min(real, axis=0, where=real > zero, initial=np.inf))
        sexed.append(SexedClass(given[:, telling.genes], real[:, telling.genes], sex[rows]))
    positive = np.where(np.isfinite(least), least, zero).astype(np.float32)
    sexes = fit_sex_calibration(telling, sexed, probabilities, min_samples=min_samples) if len(telling.genes) else None
    return Calibration(column, names.tolist(), np.stack(drawn), np.stack(seen), zero, positive, sexes)


def _labels(part: TrainingPart, column: str | None) -> npt.NDArray[np.str_]:
    """Give the class of each training sample."""
    if column is None:
        return np.full(len(part.samples), "0")
    return part.samples[column].to_numpy(object).astype(np.str_)


def _telling_genes(
    part: TrainingPart,
    fields: Sequence[str],
    expression: FloatArray,
    sex: npt.NDArray[np.int64],
    labels: npt.NDArray[np.str_],
) -> TellingGenes:
    """Find the genes that tell the sexes apart; where the networks are told the sex, they take care of it."""
    known = np.full_like(sex, -1) if SEX in fields else sex
    n_donors = part.samples.reindex(columns=["donor_id"])["donor_id"].nunique()
    return find_telling_genes(expression, known, labels, n_donors)


def _drawn(networks: Networks, condition: torch.Tensor, random: torch.Generator) -> FloatArray:
    """Draw several samples for each condition of a class, ``(samples, genes)``."""
    repeats = max(DRAWS, -(-LEAST_DRAWS // len(condition)))
    several = condition.repeat(repeats, 1).split(1024)
    drawn: FloatArray = torch.cat([networks.sample(some, random, noise=True) for some in several]).numpy()
    return drawn
