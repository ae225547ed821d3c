"""Every metric: its name, what it asks, its ideal and what it means in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["METRICS", "Metric", "Question", "metrics_of"]

Question: TypeAlias = Literal["genes", "samples", "use", "privacy", "donors", "latents"]
"""What a metric is about: single genes, whole samples, what the samples are good for, whom they give away, the samples
of one donor, the latent space."""

QUESTIONS: dict[Question, str] = {
    "genes": "Are the genes right?",
    "samples": "Are the samples right?",
    "use": "Are the samples useful?",
    "privacy": "Whom do they give away?",
    "donors": "Do the tissues of one donor belong together?",
    "latents": "What has the latent space grouped?",
}
"""How a report asks it."""

Better: TypeAlias = Literal["high", "low", "near"]

UNBOUNDED = {"mean_error", "variance_ratio", "wasserstein", "density", "frechet_distance", "nearest_ratio"}
CORRELATIONS = {"correlation_score", "effect_agreement", "within_donor_agreement", "within_donor_mean"}


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes
    ----------
    key
        Its name in files.
    title
        Its name for people.
    question
        What it is about.
    better
        ``near``: near `ideal`; ``high`` or ``low``: the further the better, `ideal` being the end of the scale.
    ideal
        What a perfect generator has.
    meaning
        A sentence that says what it is, in words that a biologist can read.
    digits
        Decimals that are worth showing.
    """

    key: str
    title: str
    question: Question
    better: Better
    ideal: float
    meaning: str
    digits: int = 3

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the largest value that it can have; all but a few are shares."""
        if self.key in UNBOUNDED:
            return 0.0, math.inf
        signed = self.key in CORRELATIONS or self.key.startswith(("latent_silhouette", "latent_ari"))
        return (-1.0, 1.0) if signed else (0.0, 1.0)


METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric(
            "mean_error",
            "Gene means",
            "genes",
            "low",
            0,
            "mean distance of gene means from the real ones, in real SDs of the gene, within conditions",
        ),
        Metric(
            "variance_ratio",
            "Variance kept",
            "genes",
            "near",
            1,
            "variance of a gene within conditions over the real one, median over genes",
        ),
        Metric(
            "wasserstein",
            "Gene distributions",
            "genes",
            "low",
            0,
            "1-Wasserstein distance of a gene from the real one, in its real SDs, mean over genes and conditions",
        ),
        Metric(
            "correlation_score",
            "Gene-gene correlation",
            "genes",
            "high",
            1,
            "agreement (Pearson) of all gene-gene correlations within conditions with the real ones",
        ),
        Metric(
            "effect_agreement",
            "Differential expression, effects",
            "genes",
            "high",
            1,
            "agreement (Pearson) of log2 fold changes between conditions with the real ones",
        ),
        Metric(
            "call_agreement",
            "Differential expression, calls",
            "genes",
            "high",
            1,
            "F1 of the genes called differentially expressed, taking the real calls as the truth",
        ),
        Metric(
            "low_expression_false_calls",
            "False calls, low expression",
            "genes",
            "low",
            0,
            "share of hardly expressed genes that are called differentially expressed though the real samples do not",
        ),
        Metric(
            "marker_overlap",
            "Marker genes",
            "genes",
            "high",
            1,
            "share of the real marker genes of each condition that are markers in the table too",
        ),
        Metric(
            "precision",
            "Precision",
            "samples",
            "near",
            1,
            "share of samples that lie among real ones (k-nearest-neighbour balls)",
        ),
        Metric("recall", "Recall", "samples", "near", 1, "share of real samples that lie among those of the table"),
        Metric("density", "Density", "samples", "near", 1, "how densely real samples surround the table's"),
        Metric(
            "coverage",
            "Coverage",
            "samples",
            "high",
            1,
            "share of real samples with one of the table's nearer than their 5th real neighbour",
        ),
        Metric(
            "adversarial_accuracy",
            "Adversarial accuracy",
            "samples",
            "near",
            0.5,
            "accuracy of a nearest-neighbour adversary: .5 cannot tell, above is unlike, below is copied",
        ),
        Metric(
            "adversarial_real",
            "Real samples beside real ones",
            "samples",
            "near",
            0.5,
            "the half of it that is about real samples: the share whose nearest neighbour is real",
        ),
        Metric(
            "adversarial_synthetic",
            "Synthetic samples beside synthetic ones",
            "samples",
            "near",
            0.5,
            "the other half: low where synthetic samples are spread out too far to be each other's neighbours",
        ),
        Metric(
            "detection_auc",
            "Detection, trees",
            "samples",
            "near",
            0.5,
            "AUC with which boosted trees tell held-out samples of both apart: .5 cannot tell",
        ),
        Metric(
            "linear_detection_auc",
            "Detection, linear",
            "samples",
            "near",
            0.5,
            "the same for a linear classifier, which sees means only",
        ),
        Metric(
            "frechet_distance",
            "Frechet distance",
            "samples",
            "low",
            0,
            "distance of the two Gaussians fitted in the space of the training samples' principal components",
        ),
        Metric(
            "tissue_transfer",
            "Train here, predict real tissue",
            "use",
            "high",
            1,
            "balanced accuracy on held-out real samples of a classifier trained on the table",
        ),
        Metric(
            "subtissue_transfer", "Train here, predict real subtissue", "use", "high", 1, "the same for the subtissue"
        ),
        Metric(
            "sex_transfer", "Train here, predict real sex", "use", "high", 1, "the same for the sex; .5 is guessing"
        ),
        Metric(
            "age_transfer",
            "Train here, predict real age",
            "use",
            "high",
            1,
            "the same for the age bracket; 1 / number of brackets is guessing",
        ),
        Metric(
            "membership_auc",
            "Membership, by distance",
            "privacy",
            "near",
            0.5,
            "AUC with which the distance to the nearest of the table's samples tells training donors from others",
        ),
        Metric(
            "membership_tpr",
            "TPR at 1 % FPR, by distance",
            "privacy",
            "low",
            0.01,
            "training samples found at one false alarm in a hundred",
        ),
        Metric(
            "domias_auc",
            "Membership, DOMIAS",
            "privacy",
            "near",
            0.5,
            "the same AUC for an attacker who also has other real samples (density ratio, van Breugel 2023)",
        ),
        Metric(
            "domias_tpr",
            "TPR at 1 % FPR, DOMIAS",
            "privacy",
            "low",
            0.01,
            "training samples found at one false alarm in a hundred by that attacker",
        ),
        Metric(
            "copies",
            "Copies",
            "privacy",
            "low",
            0,
            "share of samples closer to a training sample than 99 % of training samples are to each other",
        ),
        Metric(
            "nearest_ratio",
            "Distance to training samples",
            "privacy",
            "near",
            1,
            "median distance to the nearest training sample, over that of other donors' samples; below 1 is closer",
        ),
        Metric(
            "within_donor_mean",
            "Within-donor correlation",
            "donors",
            "near",
            0,
            "mean over genes of the correlation of one donor's samples across tissues, less the real one",
        ),
        Metric(
            "within_donor_agreement",
            "Within-donor correlation, agreement",
            "donors",
            "high",
            1,
            "agreement over genes of that correlation with the real one",
        ),
        Metric(
            "latent_silhouette_tissue",
            "Silhouette by tissue",
            "latents",
            "high",
            1,
            "how apart tissues lie among the latents of held-out samples, -1 to 1",
        ),
        Metric(
            "latent_ari_tissue",
            "Clusters against tissues (ARI)",
            "latents",
            "high",
            1,
            "agreement of k-means clusters of the latents with tissues; 0 is chance",
        ),
        Metric(
            "latent_purity_tissue",
            "Neighbours of the same tissue",
            "latents",
            "high",
            1,
            "share of a sample's nearest latents that have its tissue",
        ),
        Metric(
            "latent_silhouette_age",
            "Silhouette by age",
            "latents",
            "high",
            1,
            "how apart age brackets lie among the latents, within tissues",
        ),
        Metric(
            "latent_ari_age",
            "Clusters against age (ARI)",
            "latents",
            "high",
            1,
            "agreement of k-means clusters of the latents within tissues with age brackets",
        ),
        Metric(
            "latent_purity_age",
            "Neighbours of the same age",
            "latents",
            "high",
            1,
            "share of a sample's nearest latents of its tissue that have its age bracket",
        ),
    )
}


def metrics_of(question: Question) -> list[Metric]:
    """Give the metrics of one question, in their order."""
    return [metric for metric in METRICS.values() if metric.question == question]
