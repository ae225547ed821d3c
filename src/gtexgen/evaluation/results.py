"""What an evaluation came to: every score of every candidate, and the tables behind the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from gtexgen.evaluation.scores import Score

__all__ = ["REAL", "SUBJECT", "Evaluation"]

SUBJECT = "synthetic"
"""The candidate that is judged."""
REAL = "real"
"""Real samples of other donors: the ceiling. The other candidates are baselines, by the name of their model."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an evaluation came to.

    Attributes
    ----------
    title
        What was judged, in a few words.
    candidates
        How each candidate is called in print, by its key, in the order of columns: `SUBJECT`, `REAL`, then baselines.
    scores
        By key of `gtexgen.evaluation.catalogue.METRICS`, then by candidate. Every metric is there, for every candidate.
    condition
        The label by which tables were compared: tissue, say.
    counts
        A row a condition: ``condition``, then how many samples the parts of the real data and the table have.
    genes
        A row a gene: ``gene`` (label), then ``mean_<kind>`` and ``sd_<kind>``, on log2(x + 1), for the kinds ``real``,
        ``synthetic``, ``reconstructed`` (of generators) and each baseline, over all compared samples.
    tables
        Further tables by file name, without suffix.
    notes
        What a reader must know: assumptions, what was left out and why.
    provenance
        What made it: plain values for a JSON file.
    """

    title: str
    candidates: Mapping[str, str]
    scores: Mapping[str, Mapping[str, Score]]
    condition: str
    counts: pd.DataFrame
    genes: pd.DataFrame
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    notes: Sequence[str] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def score(self, metric: str, candidate: str = SUBJECT) -> Score:
        """Give one score."""
        return self.scores[metric][candidate]

    def to_json(self) -> dict[str, Any]:
        """Give scores, notes and provenance as plain values; the tables are files of their own."""
        return {
            "title": self.title,
            "candidates": dict(self.candidates),
            "condition": self.condition,
            "scores": {
                metric: {candidate: score.to_json() for candidate, score in of_metric.items()}
                for metric, of_metric in self.scores.items()
            },
            "notes": list(self.notes),
            "provenance": dict(self.provenance),
        }
