"""What the figures of a report show besides the scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from gtexgen.evaluation.samples import FloatArray
from gtexgen.evaluation.scores import Undefined

__all__ = ["Correlations", "Graphics"]


@dataclass(frozen=True, eq=False)
class Correlations:
    """The gene-gene correlations of real samples and of the subject's.

    Attributes
    ----------
    genes
        Their labels, in an order that puts together what correlates.
    real, subject
        ``(genes, genes)`` each, -1 to 1.
    """

    genes: Sequence[str]
    real: FloatArray
    subject: FloatArray


@dataclass(frozen=True, eq=False)
class Graphics:
    """What the figures of a report show besides the scores; what there is none of says why.

    Attributes
    ----------
    embedding
        A row a sample: ``sample_id``, ``x``, ``y``, ``z``, ``kind`` (``real`` or ``synthetic``), then label columns.
    correlations
        Of at most 200 genes, or a browser on a phone is slow.
    axes
        What `x`, `y` and `z` are called.
    curves
        What `gtexgen.report.curves.read_curves` gives.
    traversals
        A row a point of a latent and a gene: ``latent``, ``value`` (of the latent, in SDs of the prior), ``gene`` and
        ``change`` (of the expression against the latent's 0, on log2(x + 1)).
    """

    embedding: pd.DataFrame | Undefined
    correlations: Correlations | Undefined
    curves: pd.DataFrame | Undefined
    traversals: pd.DataFrame | Undefined
    axes: Sequence[str] = ("x", "y", "z")
