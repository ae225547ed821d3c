"""What a table is good for: a classifier that is trained on it and tested on real samples of held-out donors.

Train on synthetic, test on real (TSTR; Esteban et al. 2017, arXiv 1706.02633). With real samples for a table it is the
ceiling, TRTR.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gtexgen.evaluation.averages import SMALLEST, condition_masks, weighted_mean
from gtexgen.evaluation.feature_space import FeatureSpace
from gtexgen.evaluation.resampling import donor_weights
from gtexgen.evaluation.samples import Samples
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined

__all__ = ["balanced_accuracy", "measure_utility", "predict"]

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.object_]

LABELS = ("tissue", "subtissue", "sex", "age")
WITHIN_TISSUE = {"sex", "age"}
"""Labels that show within a tissue only."""

PENALTY = 1.0
"""Inverse strength of the L2 penalty."""
TOLERANCE = 1e-3
MAX_ITERATIONS = 200


def measure_utility(
    table: Samples, held_out: Samples, space: FeatureSpace, *, resamples: int, seed: int
) -> dict[str, Outcome]:
    """Train on the table and predict the labels of held-out real samples from their principal components.

    Sex and age show within a tissue only: there the classifier is told the tissue, where it is known, and is trained
    and tested on the tissues of which the held-out samples have several classes.

    Parameters
    ----------
    table
        What trains.
    held_out
        Real samples, with ``donor_id``.
    space
        Where the components come from.
    resamples, seed
        Of the bootstrap over held-out donors.

    Returns
    -------
    dict
        ``tissue_transfer``, ``subtissue_transfer``, ``sex_transfer`` and ``age_transfer``: balanced accuracies, and the
        recall of each class.
    """
    train, test = (_Placed(samples, space.transform(samples.expression)) for samples in (table, held_out))
    weights = donor_weights(held_out.column("donor_id"), resamples, np.random.default_rng(seed))
    return {f"{label}_transfer": _transfer(label, train, test, weights) for label in LABELS}


def predict(
    features: npt.NDArray[np.floating], labels: Labels, of_others: npt.NDArray[np.floating]
) -> npt.NDArray[np.str_]:
    """Predict the labels of other samples by multinomial logistic regression, classes of all sizes counting alike.

    Parameters
    ----------
    features, labels
        Of the samples that train, ``(samples, features)`` and ``(samples,)``; at least two classes.
    of_others
        ``(others, features)``.

    Returns
    -------
    numpy.ndarray
        ``(others,)``.
    """
    from sklearn.linear_model import LogisticRegression

    centre, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    classifier = LogisticRegression(C=PENALTY, class_weight="balanced", tol=TOLERANCE, max_iter=MAX_ITERATIONS)
    classifier.fit((features - centre) / scale, labels.astype(np.str_))
    predicted: npt.NDArray[np.str_] = classifier.predict((of_others - centre) / scale)
    return predicted


def balanced_accuracy(
    truth: npt.NDArray[np.str_], predicted: npt.NDArray[np.str_], weights: npt.NDArray[np.floating]
) -> Estimate:
    """Give the mean recall of the classes that have 5 true samples or more; a class never predicted has recall 0.

    Parameters
    ----------
    truth, predicted
        ``(samples,)`` each.
    weights
        How often each sample counts in each resample, ``(resamples, samples)``. A class that a resample lacks is left
        out of its mean.
    """
    masks = condition_masks(truth)
    correct = truth == predicted
    recalls = {name: float(correct[of].mean()) for name, of in masks.items()}
    resampled = np.ma.masked_invalid([weighted_mean(correct[of], weights[:, of]) for of in masks.values()])
    return Estimate(float(np.mean([*recalls.values()])), resampled.mean(axis=0).filled(np.nan), recalls)


class _Placed(NamedTuple):
    """Samples, and their features ``(samples, features)``."""

    samples: Samples
    features: npt.NDArray[np.floating]


def _transfer(label: str, train: _Placed, test: _Placed, weights: npt.NDArray[np.float32]) -> Outcome:
    train_rows, test_rows = _known(train.samples, label), _known(test.samples, label)
    if not train_rows.any():
        return Undefined(f"the table does not give the {label} of its samples")
    if not test_rows.any():
        return Undefined(f"the {label} of the held-out samples is not known")
    features = train.features, test.features
    if label in WITHIN_TISSUE and all("tissue" in side.samples.labels for side in (train, test)):
        tissues = _tissues_of_several(test.samples, label)
        train_rows, test_rows = (
            known & np.isin(side.samples.column("tissue"), tissues)
            for known, side in ((train_rows, train), (test_rows, test))
        )
        features = _with_tissue(train, tissues), _with_tissue(test, tissues)
    labels, truth = train.samples.column(label)[train_rows], test.samples.column(label)[test_rows].astype(np.str_)
    if len(condition_masks(truth)) < 2:
        return Undefined(f"fewer than two classes of {label} have {SMALLEST} held-out samples or more")
    if len({*labels}) < 2:
        return Undefined(f"the table has a single {label} where held-out samples have several")
    predicted = predict(features[0][train_rows], labels, features[1][test_rows])
    return balanced_accuracy(truth, predicted, weights[:, test_rows])


def _known(samples: Samples, label: str) -> npt.NDArray[np.bool_]:
    """Say which samples have a label, ``(samples,)``."""
    if label not in samples.labels:
        return np.zeros(len(samples), np.bool_)
    return samples.labels[label].notna().to_numpy()


def _tissues_of_several(samples: Samples, label: str) -> Labels:
    """List the tissues with samples of several classes: an ovary gives its donor's sex away."""
    n_classes = samples.labels.groupby("tissue")[label].nunique()
    return n_classes.index[n_classes > 1].to_numpy(object)


def _with_tissue(placed: _Placed, tissues: npt.NDArray[np.object_]) -> FloatArray:
    """Put an indicator of each of these tissues after the features; a sample of another has none."""
    return np.hstack([placed.features, placed.samples.column("tissue")[:, None] == tissues])
