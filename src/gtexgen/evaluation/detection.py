"""Whether a classifier can tell synthetic samples from real ones of donors that it has not seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.evaluation.averages import condition_masks, matched_weights
from gtexgen.evaluation.ranking import weighted_auc
from gtexgen.evaluation.samples import Comparison
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin

__all__ = ["LARGEST", "N_FOLDS", "measure_detection"]

N_FOLDS = 3

LARGEST = 1500
"""Samples of either table that are looked at: more sharpen the figure little, and trees take their time."""


def measure_detection(comparison: Comparison, *, seed: int) -> dict[str, Outcome]:
    """Measure the AUC with which boosted trees, and a logistic regression, find the synthetic samples.

    Each sample is scored by a classifier that saw none of its donor. Where no donor is named, a synthetic sample goes
    where the real sample of its row goes, so that folds too hold equally many of each condition from both sides: the
    condition tells nothing. Conditions and resamples are judged by the same scores.

    Parameters
    ----------
    comparison
        Of more than `LARGEST` rows, as many are chosen.
    seed
        Of the choice of rows, of the folds and of the trees.
    """
    names = ("detection_auc", "linear_detection_auc")
    chosen = _some_rows(comparison, seed)
    n_donors = pd.Series(chosen.donor).nunique()
    if n_donors < N_FOLDS:
        why = f"{N_FOLDS} folds need as many donors among the real samples, and there are {n_donors}"
        return dict.fromkeys(names, Undefined(why))
    table = np.concatenate([chosen.real, chosen.synthetic])
    folds = _folds(chosen, seed)
    synthetic = np.repeat([False, True], len(chosen.real))
    weights = np.concatenate(matched_weights(chosen), axis=1)
    return {
        name: _estimate(_held_out_scores(classifier, table, synthetic, folds), synthetic, weights, chosen.condition)
        for name, classifier in zip(names, (_trees(seed), _linear()), strict=True)
    }


def _some_rows(comparison: Comparison, seed: int) -> Comparison:
    """Choose `LARGEST` rows, if there are more; those of both sides have the same conditions."""
    n = len(comparison.condition)
    rows = np.sort(np.random.default_rng(seed).permutation(n)[:LARGEST])
    return replace(
        comparison,
        real=comparison.real[rows],
        synthetic=comparison.synthetic[rows],
        condition=comparison.condition[rows],
        donor=comparison.donor[rows],
        synthetic_donor=comparison.synthetic_donor[rows],
        real_weights=comparison.real_weights[:, rows],
        synthetic_weights=comparison.synthetic_weights[:, rows],
    )


def _folds(comparison: Comparison, seed: int) -> npt.NDArray[np.intp]:
    """Give the fold of each real, then of each synthetic sample; without kin, one goes where its row's real one is."""
    real = _donor_folds(comparison.donor, seed)
    without_kin = pd.Series(comparison.synthetic_donor).is_unique
    return np.concatenate([real, real if without_kin else _donor_folds(comparison.synthetic_donor, seed)])


def _donor_folds(donor: npt.NDArray[np.object_], seed: int) -> npt.NDArray[np.intp]:
    """Give the fold of each sample, ``(samples,)``: the same for all of a donor."""
    from sklearn.model_selection import GroupKFold

    folds = np.empty(len(donor), np.intp)
    splits = GroupKFold(N_FOLDS, shuffle=True, random_state=seed).split(donor, groups=pd.factorize(donor)[0])
    for fold, (_, held_out) in enumerate(splits):
        folds[held_out] = fold
    return folds


def _trees(seed: int) -> ClassifierMixin:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=60, max_bins=63, learning_rate=0.15, early_stopping=False, random_state=seed
    )


def _linear() -> ClassifierMixin:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))


def _held_out_scores(
    classifier: ClassifierMixin,
    table: npt.NDArray[np.float32],
    synthetic: npt.NDArray[np.bool_],
    folds: npt.NDArray[np.intp],
) -> npt.NDArray[np.float64]:
    """Score each sample by a classifier that was fitted to the other folds, ``(samples,)``."""
    scores = np.empty(len(table))
    for fold in range(N_FOLDS):
        held_out = folds == fold
        classifier.fit(table[~held_out], synthetic[~held_out])
        scores[held_out] = classifier.decision_function(table[held_out])
    return scores


def _estimate(
    scores: npt.NDArray[np.float64],
    synthetic: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
    condition: npt.NDArray[np.str_],
) -> Estimate:
    """Give the AUC of all samples, of each resample and of each condition."""
    masks = condition_masks(condition)
    rows = [np.ones(len(scores)), *(np.tile(of, 2).astype(float) for of in masks.values())]
    first, *within = weighted_auc(scores, synthetic, np.stack(rows))
    by_condition = {name: float(auc) for name, auc in zip(masks, within, strict=True)}
    return Estimate(float(first), weighted_auc(scores, synthetic, weights), by_condition)
