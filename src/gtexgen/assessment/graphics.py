"""What the figures show besides the scores: samples in three dimensions, correlations, curves and traversals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd

from gtexgen.assessment.assess import Assessment
from gtexgen.config.schema import EvaluateSettings
from gtexgen.evaluation.correlations import within_condition_correlation
from gtexgen.evaluation.embedding import Method, embed
from gtexgen.evaluation.genes import within_condition_variance
from gtexgen.evaluation.results import REAL, SUBJECT
from gtexgen.evaluation.samples import EVERYTHING, Samples, matched_rows
from gtexgen.evaluation.scores import Undefined
from gtexgen.generator import NetworkGenerator
from gtexgen.generator.traversals import latent_traversals
from gtexgen.report.curves import read_curves
from gtexgen.report.figures.correlations import clustered_order
from gtexgen.report.graphics import Correlations, Graphics

__all__ = ["gather_graphics"]

LEAST_POINTS = 20
MOST_POINTS = 1500
MOST_GENES = 200


def gather_graphics(assessment: Assessment) -> Graphics:
    """Compute what the figures show, from the held-out samples and the first table, matched by condition."""
    real, subject = _matched(assessment)
    embedding, axes = _embedding(real, subject, assessment.settings)
    return Graphics(
        embedding=embedding,
        correlations=_correlations(real, subject, assessment),
        curves=_curves(assessment),
        traversals=_traversals(assessment),
        axes=axes,
    )


def _matched(assessment: Assessment) -> tuple[Samples, Samples]:
    """Choose as many held-out samples as synthetic ones of each condition, or all where none is shared."""
    real, subject = assessment.reference.held_out, assessment.candidates[SUBJECT].draws[0]()
    condition = assessment.reference.condition
    rng = np.random.default_rng(assessment.settings.seed)
    of_real, of_subject = matched_rows(real.column(condition), subject.column(condition), rng)
    return real.take(of_real), subject.take(of_subject)


def _embedding(
    real: Samples, subject: Samples, settings: EvaluateSettings
) -> tuple[pd.DataFrame | Undefined, Sequence[str]]:
    """Place as many real and synthetic samples as a page can show; also name the axes."""
    if len(real) < LEAST_POINTS:
        return Undefined(f"only {len(real)} real samples have a condition that the table has too"), ()
    chosen = np.sort(np.random.default_rng(settings.seed).permutation(len(real))[:MOST_POINTS])
    parts = {REAL: real.take(chosen), SUBJECT: subject.take(chosen)}
    expression = {kind: part.expression for kind, part in parts.items()}
    placed = embed(
        expression[REAL], {SUBJECT: expression[SUBJECT]}, cast("Method", settings.embedding), 3, seed=settings.seed
    )
    tables = []
    for kind, part in parts.items():
        points = pd.DataFrame(placed.coordinates[kind], columns=["x", "y", "z"])
        name = pd.Series([f"{kind}-{number + 1}" for number in range(len(part))], name="sample_id")
        labels = part.labels.drop(columns="donor_id", errors="ignore").assign(**{EVERYTHING: "all samples"})
        tables.append(pd.concat([name, points.assign(kind=kind), labels], axis=1))
    return pd.concat(tables, ignore_index=True), placed.axes


def _correlations(real: Samples, subject: Samples, assessment: Assessment) -> Correlations | Undefined:
    """Correlate the genes that vary most within conditions, and put together those that go together."""
    if len(real) < LEAST_POINTS:
        return Undefined(f"only {len(real)} real samples have a condition that the table has too")
    condition = real.column(assessment.reference.condition).astype(np.str_)
    variance = within_condition_variance(real.expression, condition, np.ones((1, len(real))))[0]
    chosen = np.sort(np.argsort(-variance, kind="stable")[:MOST_GENES])
    matrices = [within_condition_correlation(part.expression[:, chosen], condition) for part in (real, subject)]
    order = clustered_order(matrices[0])
    genes = [assessment.sources.genes[place] for place in chosen[order]]
    return Correlations(genes, *(matrix[np.ix_(order, order)] for matrix in matrices))


def _curves(assessment: Assessment) -> pd.DataFrame | Undefined:
    folder = assessment.sources.run_folder
    if folder is None:
        return Undefined("no training run is known to have made it")
    curves = read_curves(folder)
    return Undefined(f"{folder} holds no training curves") if curves is None else curves


def _traversals(assessment: Assessment) -> pd.DataFrame | Undefined:
    """Walk along latents from the combination of conditions that training has most of."""
    generator, held_out = assessment.sources.generator, assessment.reference.held_out
    if assessment.reconstruction is None or not isinstance(generator, NetworkGenerator):
        return Undefined("it has no latent space that is known")
    start = generator.training_counts.nlargest(1, "n")
    units = pd.DataFrame(np.exp2(held_out.expression) - 1, columns=generator.labels)
    return latent_traversals(generator, start, pd.concat([held_out.labels, units], axis=1))
