"""An assessment from start to end: what is judged is set beside real samples and baselines, and all is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd

from gtexgen.assessment.baselines import baseline_candidate
from gtexgen.assessment.labels import tissue_of_subtissue
from gtexgen.assessment.real import HeldOutPart, RealParts, read_parts
from gtexgen.assessment.reconstruction import Reconstruction, reconstruct
from gtexgen.assessment.sources import Sources
from gtexgen.assessment.subjects import judged_generator, judged_table
from gtexgen.assessment.tables import tables
from gtexgen.config.schema import EvaluateSettings
from gtexgen.evaluation.evaluate import CandidateScores, Step, count_steps, score_candidate
from gtexgen.evaluation.genes import gene_moments
from gtexgen.evaluation.reference import Candidate, Reference
from gtexgen.evaluation.results import REAL, SUBJECT, Evaluation
from gtexgen.evaluation.samples import Samples
from gtexgen.generator import NetworkGenerator

__all__ = ["Assessment"]

SUBJECT_TITLE = "synthetic"

FEW_DONORS = 30
"""Held-out donors below which chance alone moves most scores by more than generators differ."""


@dataclass(frozen=True, eq=False)
class Assessment:
    """Everything that is measured, and what it is measured by.

    Attributes
    ----------
    sources
        What it starts from.
    settings
        All that the command was told.
    reference
        The real samples.
    candidates
        What is judged and what stands beside it, by key, in the order of `Evaluation.candidates`.
    reconstruction
        None where no generator with latents is known.
    """

    sources: Sources
    settings: EvaluateSettings
    reference: Reference
    candidates: Mapping[str, Candidate]
    reconstruction: Reconstruction | None

    @classmethod
    def prepare(cls, sources: Sources, settings: EvaluateSettings) -> Assessment:
        """Read the real samples and fit the baselines."""
        real = read_parts(
            sources.store, sources.membership, sources.genes, cast("HeldOutPart", settings.part), seed=settings.seed
        )
        reference = real.reference(sources.condition)
        reconstruction = _reconstruction(sources, real)
        candidates = {SUBJECT: _subject(sources, settings, reconstruction), REAL: real.candidate(settings.seeds)}
        for name in settings.baselines:
            candidates[name] = baseline_candidate(
                name, real.training, sources.fields, seeds=settings.seeds, first_seed=settings.seed
            )
        return cls(sources, settings, reference, candidates, reconstruction)

    @property
    def steps(self) -> int:
        """How many pieces of work there are, for a progress bar."""
        return sum(map(count_steps, self.candidates.values()))

    def evaluate(self, step: Step, provenance: Mapping[str, Any]) -> Evaluation:
        """Measure every metric of every candidate.

        Parameters
        ----------
        step
            Told of each piece of work.
        provenance
            What made it.
        """
        settings = self.settings
        scored = {
            key: score_candidate(
                candidate,
                self.reference,
                resamples=settings.resamples,
                seed=settings.seed,
                step=_named(step, candidate.title),
            )
            for key, candidate in self.candidates.items()
        }
        metrics = scored[SUBJECT].scores
        return Evaluation(
            title=self.sources.title,
            candidates={key: candidate.title for key, candidate in self.candidates.items()},
            scores={metric: {key: each.scores[metric] for key, each in scored.items()} for metric in metrics},
            condition=self.reference.condition,
            counts=self._counts(),
            genes=self._genes(scored),
            tables=tables(
                self.reference,
                self.candidates[SUBJECT].draws[0](),
                self.candidates[SUBJECT].latents,
                self.sources.genes,
                seed=settings.seed,
            ),
            notes=[*_of_few_donors(self.reference.held_out), *self.sources.notes],
            provenance={**self._origin(), **provenance},
        )

    def _origin(self) -> dict[str, Any]:
        """Say what was judged by what."""
        sources, settings = self.sources, self.settings
        return {
            "synthetic": settings.synthetic and str(Path(settings.synthetic).resolve()),
            "generator": sources.run_folder and str(sources.run_folder.resolve()),
            "store": str(sources.store.path.resolve()),
            "fingerprint": sources.store.fingerprint,
            "trained_on": sources.membership.source,
            "held_out": settings.part,
            "seed": settings.seed,
            "tables": len(self.candidates[SUBJECT].draws),
            "resamples": settings.resamples,
        }

    def _counts(self) -> pd.DataFrame:
        """Count the samples of each condition, in every part and in the first table."""
        reference, condition = self.reference, self.reference.condition
        parts = {
            "training": reference.training,
            "held_out": reference.held_out,
            "independent": reference.independent,
            SUBJECT: self.candidates[SUBJECT].draws[0](),
        }
        counts = {name: pd.Series(part.column(condition)).value_counts() for name, part in parts.items() if part}
        table = pd.DataFrame(counts).fillna(0).astype("int64").sort_index()
        return table.rename_axis("condition").reset_index()

    def _genes(self, scored: Mapping[str, CandidateScores]) -> pd.DataFrame:
        """Tabulate mean and spread of every gene, of every kind of sample."""
        moments = {"real": gene_moments(self.reference.held_out.expression)}
        if self.reconstruction is not None:
            moments["reconstructed"] = gene_moments(self.reconstruction.expression)
        moments |= {key: each.moments for key, each in scored.items() if key != REAL}
        columns = {f"mean_{kind}": each.mean for kind, each in moments.items()}
        columns |= {f"sd_{kind}": each.sd for kind, each in moments.items()}
        return pd.DataFrame({"gene": self.sources.genes, **columns})


def _named(step: Step, title: str) -> Step:
    return lambda name: step(f"{title}: {name}")


def _reconstruction(sources: Sources, real: RealParts) -> Reconstruction | None:
    generator = sources.generator
    if isinstance(generator, NetworkGenerator) and sources.genes == generator.labels:
        return reconstruct(generator, real.held_out)
    return None


def _subject(sources: Sources, settings: EvaluateSettings, reconstruction: Reconstruction | None) -> Candidate:
    latents = None if reconstruction is None else reconstruction.latents
    tissue_of = tissue_of_subtissue(sources.store.samples)
    if sources.table is not None:
        return judged_table(sources.table, SUBJECT_TITLE, tissue_of, latents)
    assert sources.generator is not None
    return judged_generator(
        sources.generator, SUBJECT_TITLE, tissue_of, seeds=settings.seeds, first_seed=settings.seed, latents=latents
    )


def _of_few_donors(held_out: Samples) -> list[str]:
    n = held_out.labels["donor_id"].nunique()
    if n >= FEW_DONORS:
        return []
    return [
        f"Judged by {n} held-out donors ({len(held_out):,} samples) only: chance moves every figure, and what is not "
        "clearly worse may be worse. Hold out more donors, or judge by a larger store."
    ]
