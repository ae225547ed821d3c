"""All metrics of one candidate, table by table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from gtexgen.evaluation.catalogue import METRICS, Question, metrics_of
from gtexgen.evaluation.correlations import measure_correlations
from gtexgen.evaluation.detection import measure_detection
from gtexgen.evaluation.differential import measure_differential
from gtexgen.evaluation.donors import measure_donors
from gtexgen.evaluation.frechet import measure_frechet
from gtexgen.evaluation.genes import GeneMoments, gene_moments, measure_genes
from gtexgen.evaluation.latent import measure_grouping
from gtexgen.evaluation.neighbours import measure_neighbours
from gtexgen.evaluation.privacy import measure_privacy
from gtexgen.evaluation.reference import Candidate, Draw, Reference
from gtexgen.evaluation.samples import Comparison, Samples
from gtexgen.evaluation.scores import Outcome, Score, Undefined
from gtexgen.evaluation.utility import measure_utility

__all__ = ["CandidateScores", "Step", "count_steps", "score_candidate"]

Step: TypeAlias = Callable[[str], object]
"""Told the name of each piece of work before it is done."""

Work: TypeAlias = tuple[str, Callable[[], dict[str, Outcome]]]

LEAST_ROWS = 20
PIECES_OF_TABLE = 7
PIECES_OF_CANDIDATE = 2

COMPARED = [metric.key for metric in (*metrics_of("genes"), *metrics_of("samples"))]
NO_LATENTS = "it has no latent space"
NO_PRIVATE_TABLE = "no real samples are left that were neither trained on nor held out"


@dataclass(frozen=True, eq=False)
class CandidateScores:
    """What was measured of a candidate.

    Attributes
    ----------
    scores
        By metric: all of `gtexgen.evaluation.catalogue.METRICS`.
    moments
        Of each gene over the compared samples; mean over the tables.
    """

    scores: dict[str, Score]
    moments: GeneMoments


def count_steps(candidate: Candidate) -> int:
    """Count the pieces of work, for a progress bar; a table that cannot be compared takes fewer."""
    return PIECES_OF_TABLE * len(candidate.draws) + len(_private(candidate)) + PIECES_OF_CANDIDATE


def score_candidate(
    candidate: Candidate, reference: Reference, *, resamples: int, seed: int, step: Step
) -> CandidateScores:
    """Measure every metric.

    Parameters
    ----------
    candidate
        Its tables are drawn one after the other.
    reference
        The real samples.
    resamples
        How often the donors are resampled for the intervals, over all tables.
    seed
        Of every choice that is made.
    step
        Told of each piece of work.
    """
    outcomes: dict[str, list[Outcome]] = {key: [] for key in METRICS}
    moments = []
    for number, draw in enumerate(candidate.draws):
        table = draw()
        luck = _Luck(_shared_out(resamples, candidate.draws), seed + number)
        comparison = Comparison.match(
            reference.held_out, table, reference.condition, resamples=luck.resamples, seed=luck.seed
        )
        moments.append(gene_moments(comparison.synthetic))
        _do(_of_table(table, comparison, reference, luck), outcomes, step)
    private = _private(candidate)
    for number, draw in enumerate(private):
        _do(_of_privacy(draw, reference, _Luck(_shared_out(resamples, private), seed + number)), outcomes, step)
    _do(_of_candidate(candidate, reference, _Luck(resamples, seed)), outcomes, step)
    scores = {key: Score.over(found).within(METRICS[key].bounds) for key, found in outcomes.items()}
    return CandidateScores(scores, GeneMoments(*np.mean(moments, axis=0)))


class _Luck(NamedTuple):
    """What chance decides: how many resamples there are, and the seed."""

    resamples: int
    seed: int


def _do(pieces: Iterator[Work], outcomes: dict[str, list[Outcome]], step: Step) -> None:
    for name, work in pieces:
        step(name)
        for key, outcome in work().items():
            outcomes[key].append(outcome)


def _of_table(table: Samples, comparison: Comparison, reference: Reference, luck: _Luck) -> Iterator[Work]:
    n = len(comparison.condition)
    if n < LEAST_ROWS:
        why = (
            f"only {n} of its samples can be compared, {LEAST_ROWS} are needed: equally many of each "
            f"{reference.condition} are taken from it and from the held-out samples"
        )
        yield "comparison", lambda: dict.fromkeys(COMPARED, Undefined(why))
    else:
        yield "genes", lambda: measure_genes(comparison)
        yield "correlations", lambda: measure_correlations(comparison)
        yield "differential expression", lambda: measure_differential(comparison)
        yield "nearest neighbours", lambda: measure_neighbours(comparison)
        yield "Frechet distance", lambda: measure_frechet(comparison, reference.space)
        yield "detection", lambda: measure_detection(comparison, seed=luck.seed)
    yield "use", lambda: measure_utility(table, reference.held_out, reference.space, **luck._asdict())


def _of_privacy(draw: Draw, reference: Reference, luck: _Luck) -> Iterator[Work]:
    yield (
        "privacy",
        lambda: measure_privacy(
            reference.training,
            reference.held_out,
            reference.independent,
            draw(),
            reference.space,
            condition=reference.condition,
            **luck._asdict(),
        ),
    )


def _of_candidate(candidate: Candidate, reference: Reference, luck: _Luck) -> Iterator[Work]:
    bodies, latents = candidate.bodies, candidate.latents
    yield "donors", lambda: measure_donors(bodies() if bodies else None, reference.held_out, **luck._asdict())
    if latents is None:
        yield "latents", lambda: _undefined("latents", NO_LATENTS)
    else:
        yield "latents", lambda: measure_grouping(latents.points, latents.labels, **luck._asdict())
    if not _private(candidate):
        yield "privacy", lambda: _undefined("privacy", NO_PRIVATE_TABLE)


def _undefined(question: Question, why: str) -> dict[str, Outcome]:
    return {metric.key: Undefined(why) for metric in metrics_of(question)}


def _private(candidate: Candidate) -> Sequence[Draw]:
    return candidate.draws if candidate.private_draws is None else candidate.private_draws


def _shared_out(resamples: int, draws: Sequence[Draw]) -> int:
    return -(-resamples // len(draws))
