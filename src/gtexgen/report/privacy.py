"""What the privacy scores say, and what they do and do not promise."""

from __future__ import annotations

from gtexgen.evaluation.catalogue import METRICS
from gtexgen.evaluation.results import Evaluation
from gtexgen.evaluation.scores import Score
from gtexgen.report.wording import Finding, finding, findings

__all__ = ["PROMISES", "privacy_findings", "privacy_warnings"]

ATTACKS = {
    "membership_auc": "An attacker who looks how near the table comes to a sample tells training donors from others "
    "with an AUC of {} (0.5 is guessing)",
    "domias_auc": "An attacker who also has real samples of other donors (DOMIAS) does so with an AUC of {}",
}
DISTANCES = {
    "copies": "{} of the samples lie so close to a training sample that they count as copies",
    "nearest_ratio": "The median sample keeps {} times the distance from training samples that samples of other donors "
    "keep (below 1 is closer)",
}

FALSE_ALARMS = METRICS["membership_tpr"].ideal

PROMISES = (
    "Attacks are measured on average over donors. One that fails on average may still find a single donor whose "
    "expression is unusual. The true positive rate at one false alarm in a hundred asks for that, but on few donors.",
    "An interval that holds 0.5 says that these attacks found nothing with this many donors, not that nothing can be "
    "found: a better attack, or one on the generator itself, may do better.",
    "Differential privacy is not given: no bound holds for every donor and every attack.",
    "Relatives of a donor share much of that donor's expression. What the table says of them is not measured.",
    "A copy is a sample closer to a training sample than 99 % of training samples are to each other. Real samples of "
    "other donors come that close now and then too: compare with their share, not with 0.",
    "The figures hold for tables of this size. Each further table of the same generator says a little more of its "
    "donors.",
)
"""Plain words for whoever decides whether a table may be shared."""


MANY = 0.05
"""A share of copies, or of training samples found, that must be told first."""


def privacy_warnings(evaluation: Evaluation) -> list[str]:
    """Say what no reader may miss: that many samples are copies, or that many training samples are found."""
    copies, found = evaluation.score("copies").value, evaluation.score("membership_tpr")
    said = []
    if copies is not None and copies >= MANY:
        said.append(f"Not private: {copies:.0%} of the samples are as near to a training sample as copies.")
    if found.value is not None and max(found.value, 0) >= MANY and (found.low is None or found.low > FALSE_ALARMS):
        said.append(
            f"Not private: {found.value:.0%} of training samples are recognised at one false alarm in a hundred."
        )
    return said


def privacy_findings(evaluation: Evaluation) -> list[Finding]:
    """Say what the attacks found; what is undefined is left out."""
    attacks = [_of_attack(evaluation, key, words) for key, words in ATTACKS.items()]
    return [*(attack for attack in attacks if attack is not None), *findings(evaluation, DISTANCES)]


def _of_attack(evaluation: Evaluation, key: str, words: str) -> Finding | None:
    score = evaluation.score(key)
    if score.value is None:
        return None
    found = finding(evaluation, key, words)
    return Finding(f"{found.claim} {_of_interval(score, METRICS[key].ideal)}", found.beside)


def _of_interval(score: Score, guessing: float) -> str:
    """Say on which side of guessing an attack's interval lies."""
    if score.low is None or score.high is None:
        return "There is no interval, so chance cannot be ruled out."
    if score.low > guessing:
        return f"The 95 % interval lies above {guessing}: the table gives something of its donors away."
    if score.high < guessing:
        return f"The 95 % interval lies below {guessing}: training donors look less like members than others do."
    return f"The 95 % interval holds {guessing}: this attack found nothing that chance could not."
