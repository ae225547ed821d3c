"""The tables of an assessment that are files of their own, besides those of counts and genes."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from gtexgen.evaluation.differential import differential_table, marker_table
from gtexgen.evaluation.latent import nearest_conditions
from gtexgen.evaluation.reference import Latents, Reference
from gtexgen.evaluation.samples import Comparison, Samples

__all__ = ["tables"]


def tables(
    reference: Reference, table: Samples, latents: Latents | None, genes: Sequence[str], *, seed: int
) -> dict[str, pd.DataFrame]:
    """Tabulate marker genes, differential expression and, of a generator, which tissues lie near each other.

    Parameters
    ----------
    reference
        The real samples.
    table
        What is judged.
    latents
        Where the generator places the held-out samples; None where there are no latents.
    genes
        Their labels.
    seed
        Of the choice of samples that are compared.
    """
    comparison = Comparison.match(reference.held_out, table, reference.condition, resamples=0, seed=seed)
    found = {
        "markers": marker_table(comparison, genes),
        "differential_expression": differential_table(comparison, genes),
    }
    if latents is not None:
        tissue = Samples(reference.held_out.expression, latents.labels).column("tissue")
        found["nearest_tissues"] = nearest_conditions(latents.points, tissue)
    return found
