"""A small fitted baseline, on the samples of `support.small_generator`."""

from __future__ import annotations

import numpy as np

from gtexgen.baselines import BASELINES
from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.genes import gene_table
from gtexgen.data.scaling import Scaling
from gtexgen.generator import BaselineGenerator
from gtexgen.generator.counts import combination_numbers, count_combinations
from support.small_generator import FIELDS, N_GENES, make_expression, make_samples, make_split

__all__ = ["make_baseline"]


def make_baseline(name: str) -> BaselineGenerator:
    """Fit a baseline of tissue and sex."""
    samples = make_samples()
    split = make_split(samples)
    training = split.parts == "train"
    expression = make_expression(len(samples))[training]
    counts = count_combinations(samples[training], list(FIELDS))
    classes = combination_numbers(samples[training], counts)
    return BaselineGenerator(
        baseline=BASELINES[name](min_samples=5).fit(np.log2(expression + 1), classes),
        encoder=ConditionEncoder(FIELDS).fit(samples[training]),
        scaling=Scaling("log2", "none").fit([expression]),
        genes=gene_table([f"ENSG{gene:011d}.3" for gene in range(N_GENES)], [f"GENE{gene}" for gene in range(N_GENES)]),
        units="TPM",
        fingerprint="abc123",
        training_counts=counts,
        split=split,
        metrics={"val/variance_kept": 0.98},
        settings={"seed": 1},
    )
