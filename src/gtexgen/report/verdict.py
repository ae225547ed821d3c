"""The verdict in words: what the scores say of realism, use and privacy, beside real samples and the baseline."""

from __future__ import annotations

from gtexgen.evaluation.catalogue import METRICS, Question
from gtexgen.evaluation.results import REAL, SUBJECT, Evaluation
from gtexgen.report.privacy import privacy_findings, privacy_warnings
from gtexgen.report.standing import figure, reference, standings
from gtexgen.report.wording import WORDS, Finding, findings

__all__ = ["missing", "realism", "summary", "usefulness", "verdict", "weaknesses"]

JUDGED: tuple[Question, ...] = ("genes", "samples", "use", "donors")
"""The questions that a table can do better or worse in; latents are of the generator, and privacy is no contest."""

REALISM = {
    "detection_auc": "A classifier of boosted trees tells synthetic samples from real ones that it has not seen with "
    "an AUC of {} (0.5 is guessing)",
    "linear_detection_auc": "A linear classifier, which sees means only, does so with an AUC of {}",
    "coverage": "{} of the real samples have a synthetic one in their neighbourhood: that much of the real variety is "
    "covered",
    "precision": "{} of the synthetic samples lie among real ones",
    "variance_ratio": "Within a {condition}, a gene has {} times its real variance (median over genes; below 1 is too "
    "uniform)",
    "mean_error": "Within a {condition}, gene means are off by {} real standard deviations on average",
    "correlation_score": "Gene-gene correlations within a {condition} agree with the real ones at r = {}",
    "effect_agreement": "Fold changes between conditions agree with the real ones at r = {}",
    "within_donor_mean": "Samples of one donor correlate by {} more than real ones do (below 0: less)",
}
USEFULNESS = {
    "tissue_transfer": "A classifier trained on synthetic samples names the tissue of real ones with a balanced "
    "accuracy of {}",
    "subtissue_transfer": "For the subtissue, that accuracy is {}",
    "sex_transfer": "For the sex, it is {} (0.5 is guessing)",
    "age_transfer": "For the age bracket, it is {}",
}


NO_INTERVALS = (
    "There are no intervals (resamples=0), so that chance is not allowed for: a difference that is called clear below "
    "may be none."
)


def verdict(evaluation: Evaluation) -> list[str]:
    """Say in plain sentences what an evaluation found; each follows from the scores.

    A difference is called clear where the 95 % intervals, as distances from the ideal, do not touch.
    """
    return [
        *summary(evaluation),
        *weaknesses(evaluation),
        *map(str, [*realism(evaluation), *usefulness(evaluation), *privacy_findings(evaluation)]),
        *missing(evaluation),
    ]


def summary(evaluation: Evaluation) -> list[str]:
    """Count in how many metrics the subject is better, worse, and no worse than real samples; warn of copies."""
    said = [] if _has_intervals(evaluation) else [NO_INTERVALS]
    subject, baseline = evaluation.candidates[SUBJECT], reference(evaluation)
    if baseline is not None and (beside := standings(evaluation, baseline, JUDGED)):
        n = {standing: [*beside.values()].count(standing) for standing in WORDS}
        said.append(
            f"Of {len(beside)} metrics of realism and use, {subject} is clearly better than "
            f"{evaluation.candidates[baseline]} in {n['better']}, clearly worse in {n['worse']} and not clearly "
            f"different in {n['alike']}."
        )
    if REAL in evaluation.candidates and (beside := standings(evaluation, REAL, JUDGED)):
        reached = sum(standing != "worse" for standing in beside.values())
        said.append(f"In {reached} of {len(beside)}, {subject} is not clearly worse than real samples of other donors.")
    return [*said, *privacy_warnings(evaluation)]


def _has_intervals(evaluation: Evaluation) -> bool:
    return any(
        evaluation.score(key, candidate).low is not None for key in METRICS for candidate in evaluation.candidates
    )


def realism(evaluation: Evaluation) -> list[Finding]:
    """Say how like real samples the subject's are."""
    return findings(evaluation, REALISM)


def usefulness(evaluation: Evaluation) -> list[Finding]:
    """Say what a classifier learns from the subject's samples."""
    return findings(evaluation, USEFULNESS)


def weaknesses(evaluation: Evaluation) -> list[str]:
    """Name the metrics of realism and use in which the baseline is clearly better."""
    baseline = reference(evaluation)
    if baseline is None:
        return []
    name = evaluation.candidates[baseline]
    worse = [key for key, standing in standings(evaluation, baseline, JUDGED).items() if standing == "worse"]
    if not worse:
        return [f"The {name} is clearly better in no metric of realism and use."]
    pairs = [
        f"{METRICS[key].title} ({figure(METRICS[key], evaluation.score(key, baseline).value)} against "
        f"{figure(METRICS[key], evaluation.score(key).value)})"
        for key in worse
    ]
    return [f"The {name} is clearly better in {len(worse)}: {'; '.join(pairs)}."]


def missing(evaluation: Evaluation) -> list[str]:
    """Name the scores that the subject has none of, with the reason."""
    of_reason: dict[str, list[str]] = {}
    for key, metric in METRICS.items():
        score = evaluation.score(key)
        if score.value is None:
            of_reason.setdefault(score.why or "no reason is known", []).append(metric.title)
    return [f"Not measured: {', '.join(titles)}. Reason: {why.rstrip('.')}." for why, titles in of_reason.items()]
