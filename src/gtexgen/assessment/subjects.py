"""What is judged: a generator, or a table of any tool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pandas as pd

from gtexgen.assessment.labels import add_tissue
from gtexgen.assessment.real import log2_samples
from gtexgen.data.tables.judged import JudgedTable
from gtexgen.evaluation.reference import Candidate, Latents
from gtexgen.evaluation.samples import Samples
from gtexgen.generator import Generator
from gtexgen.generator.synthetic import Chunk

__all__ = ["judged_generator", "judged_table"]


def judged_table(
    table: JudgedTable, title: str, tissue_of: Mapping[str, str], latents: Latents | None = None
) -> Candidate:
    """Judge one table; its donors are whole if it names them.

    Parameters
    ----------
    table
        As it was read.
    title
        Its name in print.
    tissue_of
        The tissue of each subtissue, for tables that tell the subtissue alone.
    latents
        Where the generator that made it places the held-out samples.
    """
    samples = Samples(table.expression, add_tissue(table.labels, tissue_of))
    bodies = (lambda: samples) if "donor_id" in samples.labels else None
    return Candidate(title, [lambda: samples], bodies=bodies, latents=latents)


def judged_generator(
    generator: Generator,
    title: str,
    tissue_of: Mapping[str, str],
    *,
    seeds: int,
    first_seed: int,
    latents: Latents | None = None,
) -> Candidate:
    """Judge tables that a generator draws, each of as many samples as it was trained on; its donors likewise.

    Parameters
    ----------
    generator
        Draws them.
    title, tissue_of, latents
        As for `judged_table`.
    seeds, first_seed
        How many tables, and the seed of the first.
    """
    draws = [partial(_single_samples, generator, tissue_of, first_seed + number) for number in range(seeds)]
    bodies = partial(_bodies, generator, tissue_of, first_seed) if generator.knows_donors else None
    return Candidate(title, draws, bodies=bodies, latents=latents)


def _single_samples(generator: Generator, tissue_of: Mapping[str, str], seed: int) -> Samples:
    return _gathered(generator.iter_samples("training", seed=seed), tissue_of)


def _bodies(generator: Generator, tissue_of: Mapping[str, str], seed: int) -> Samples:
    table = generator.sample_donors(len(generator.split.donors["train"]), seed=seed)
    labels = add_tissue(table.drop(columns=generator.labels), tissue_of)
    return log2_samples(table[generator.labels].to_numpy(dtype=np.float32), labels)


def _gathered(chunks: Iterator[Chunk], tissue_of: Mapping[str, str]) -> Samples:
    parts = [log2_samples(expression, add_tissue(labels, tissue_of)) for labels, expression in chunks]
    labels = pd.concat([part.labels for part in parts], ignore_index=True)
    return Samples(np.concatenate([part.expression for part in parts]), labels)
