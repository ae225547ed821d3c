"""Baselines fitted to what the judged generator was trained on, to stand beside it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.baselines import BASELINES, Baseline
from gtexgen.evaluation.reference import Candidate
from gtexgen.evaluation.samples import Samples

__all__ = ["baseline_candidate"]


def baseline_candidate(
    name: str, training: Samples, fields: Sequence[str], *, seeds: int, first_seed: int
) -> Candidate:
    """Fit a baseline and let it draw tables with the conditions of the training samples, sample for sample.

    Parameters
    ----------
    name
        One of ``class_gaussian``, ``gaussian_copula`` and ``noisy_bootstrap``.
    training
        What it learns from.
    fields
        The labels that the judged table has too; a class is a combination of these.
    seeds, first_seed
        How many tables, and the seed of the first.
    """
    classes = _class_numbers(training.labels, fields)
    baseline = BASELINES[name]().fit(training.expression, classes)
    labels = training.labels[list(fields)]
    draws = [partial(_draw, baseline, classes, labels, first_seed + number) for number in range(seeds)]
    return Candidate(baseline.title, draws)


def _draw(baseline: Baseline, classes: npt.NDArray[np.int64], labels: pd.DataFrame, seed: int) -> Samples:
    return Samples(baseline.draw(classes, np.random.default_rng(seed)), labels)


def _class_numbers(labels: pd.DataFrame, fields: Sequence[str]) -> npt.NDArray[np.int64]:
    """Give each combination that occurs a number; a missing value is a value."""
    if not fields:
        return np.zeros(len(labels), dtype=np.int64)
    return np.asarray(labels.groupby(list(fields), dropna=False).ngroup(), dtype=np.int64)
