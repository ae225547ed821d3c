"""Two attackers who have a table and look for those whose samples its generator was trained on."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from gtexgen.evaluation.averages import SMALLEST, condition_masks
from gtexgen.evaluation.density import log_density, typical_gap
from gtexgen.evaluation.feature_space import FeatureSpace
from gtexgen.evaluation.neighbours import nearest_distances
from gtexgen.evaluation.ranking import weighted_auc, weighted_tpr_at_fpr
from gtexgen.evaluation.resampling import donor_weights
from gtexgen.evaluation.samples import Samples, matched_rows
from gtexgen.evaluation.scores import Estimate, Outcome, Undefined

__all__ = ["Suspects", "attack_by_density", "attack_by_distance"]

FALSE_ALARMS = 0.01
LEAST = 20
"""Members that an attack must be tried on."""


class Suspects(NamedTuple):
    """Equally many members and others of each condition, among whom an attacker looks for members.

    Attributes
    ----------
    expression
        ``(suspects, genes)``.
    condition, member
        Of each, ``(suspects,)``.
    weights
        How often each counts in each resample of the donors of either side, ``(resamples, suspects)``.
    """

    expression: npt.NDArray[np.float32]
    condition: npt.NDArray[np.str_]
    member: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float32]

    @classmethod
    def choose(
        cls, members: Samples, others: Samples, condition: str, *, resamples: int, rng: np.random.Generator
    ) -> Self:
        """Choose as many as there are of both, at random."""
        rows = matched_rows(members.column(condition), others.column(condition), rng)
        parts = [of.take(chosen) for of, chosen in zip((members, others), rows, strict=True)]
        return cls(
            np.concatenate([part.expression for part in parts]),
            np.concatenate([part.column(condition) for part in parts]).astype(np.str_),
            np.repeat([True, False], [len(part) for part in parts]),
            np.hstack([donor_weights(part.column("donor_id"), resamples, rng) for part in parts]),
        )

    def of(self, conditions: set[str]) -> Suspects:
        """Give those of some conditions."""
        chosen = np.isin(self.condition, [*conditions])
        return Suspects(self.expression[chosen], self.condition[chosen], self.member[chosen], self.weights[:, chosen])


def attack_by_distance(suspects: Suspects, table: Samples) -> dict[str, Outcome]:
    """Take those for members who are near to a sample of the table.

    The nearest of the whole table counts, on log2(x + 1): within a condition it is nearly always the same sample, and
    copies under another label are found too.

    Returns
    -------
    dict
        ``membership_auc`` and ``membership_tpr``.
    """
    if suspects.member.sum() < LEAST:
        return _undefined("membership", f"fewer than {LEAST} training samples have their like among the held-out ones")
    return _outcomes("membership", -nearest_distances(suspects.expression, table.expression)[:, 0], suspects)


def attack_by_density(
    suspects: Suspects, table: Samples, independent: Samples | None, space: FeatureSpace, condition: str
) -> dict[str, Outcome]:
    """Take those for members where the table is denser than real samples are: DOMIAS (van Breugel et al. 2023).

    The score is the difference of the log-densities of the table and of further real samples, within the suspect's
    condition (`gtexgen.evaluation.density.log_density`).

    Parameters
    ----------
    suspects
        Members and others.
    table
        The synthetic samples.
    independent
        Real samples that are neither; None where there are none.
    space
        Where densities are estimated.
    condition
        The label of the conditions.

    Returns
    -------
    dict
        ``domias_auc`` and ``domias_tpr``.
    """
    if independent is None:
        return _undefined("domias", "there are no real samples that were neither trained on nor held out")
    known = [_by_condition(of, space, condition) for of in (table, independent)]
    shared = known[0].keys() & known[1].keys()
    attacked = suspects.of(shared)
    if attacked.member.sum() < LEAST:
        why = (
            f"fewer than {LEAST} training samples can be attacked: a {condition} needs held-out samples, and "
            f"{SMALLEST} each in the table and among further real samples"
        )
        return _undefined("domias", why)
    features = space.transform(attacked.expression)
    gap = typical_gap(space.transform(independent.expression))
    score = np.empty(len(features))
    for name in shared:
        rows = attacked.condition == name
        of_table, of_real = (log_density(features[rows], of[name], gap) for of in known)
        score[rows] = of_table - of_real
    return _outcomes("domias", score, attacked)


def _by_condition(samples: Samples, space: FeatureSpace, condition: str) -> dict[str, npt.NDArray[np.floating]]:
    """Give the features of each condition that is large enough."""
    features, labels = space.transform(samples.expression), samples.column(condition)
    known = np.array([label is not None for label in labels], np.bool_)
    return {name: features[known][of] for name, of in condition_masks(labels[known].astype(np.str_)).items()}


def _outcomes(attack: str, score: npt.NDArray[np.floating], suspects: Suspects) -> dict[str, Outcome]:
    masks = condition_masks(suspects.condition, least=2 * SMALLEST)
    plain = np.ones((1, len(score)), np.float32)
    within = np.array([*masks.values()], np.float32).reshape(len(masks), len(score))
    auc = weighted_auc(score, suspects.member, np.vstack([plain, within, suspects.weights]))
    tpr = weighted_tpr_at_fpr(score, suspects.member, FALSE_ALARMS, np.vstack([plain, suspects.weights]))
    first = 1 + len(masks)
    return {
        f"{attack}_auc": Estimate(float(auc[0]), auc[first:], dict(zip(masks, auc[1:first].tolist(), strict=True))),
        f"{attack}_tpr": Estimate(float(tpr[0]), tpr[1:]),
    }


def _undefined(attack: str, why: str) -> dict[str, Outcome]:
    return dict.fromkeys((f"{attack}_auc", f"{attack}_tpr"), Undefined(why))
