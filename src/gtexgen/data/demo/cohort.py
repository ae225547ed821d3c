"""A simulated cohort with GTEx's tissues, sizes and donors, and real gene symbols; no download.

`simulate_cohort` draws true parameters (`gtexgen.data.demo.truth`), then reads: the abundance of a gene in a
sample times its transcript's length times the sample's library size is the mean of a Poisson count, so that
exact zeros become more frequent as expression falls; reads go back to TPM by the same factors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.data.demo.design import assign_samples, draw_donors, read_demo_table, samples_per_subtissue
from gtexgen.data.demo.programmes import choose_genes, draw_effects, draw_programmes
from gtexgen.data.demo.truth import REFERENCE_RIN, RIN_SD, SIZE_FACTOR_SD, DemoTruth
from gtexgen.data.formats.sources import FloatArray, GeneTable, IndexArray, Progress, kept_index

__all__ = ["DemoCohort", "DemoSource", "Units", "simulate_cohort"]

Units: TypeAlias = Literal["TPM", "counts"]

SAMPLES_PER_BATCH = 48
MODULE_TAIL = 6  # degrees of freedom of the module scores
NOISE_TAIL = 5  # and of the noise
HIGHEST = 17.5  # log2 TPM; one gene takes at most a fifth of a library


@dataclass(frozen=True)
class DemoCohort:
    """A simulated cohort.

    Attributes
    ----------
    samples
        The samples table: ``sample_id, donor_id, tissue, subtissue, sex, age``, then ``SMRIN`` (RNA
        integrity number) and ``SMGEBTCH`` (batch).
    genes
        Real symbols, which are also the gene ids.
    expression
        ``(samples, genes)`` float32.
    units
        Of the expression: TPM or counts.
    truth
        What it was drawn from.
    """

    samples: pd.DataFrame
    genes: GeneTable
    expression: FloatArray
    units: Units
    truth: DemoTruth

    def as_source(self) -> DemoSource:
        """Return the cohort as an expression source, for `gtexgen.data.prepare`."""
        return DemoSource(self)


@dataclass(frozen=True)
class DemoSource:
    """A `SampleMajorSource` over a cohort in memory; its path names no file."""

    cohort: DemoCohort

    @property
    def major(self) -> Literal["samples"]:
        """The axis along which blocks are cut."""
        return "samples"

    @property
    def path(self) -> Path:
        """A name for messages."""
        return Path("<demo cohort>")

    @property
    def sample_ids(self) -> list[str]:
        """Every sample, in order."""
        return list(self.cohort.samples["sample_id"])

    @property
    def genes(self) -> GeneTable:
        """Every gene, in order."""
        return self.cohort.genes

    @property
    def embedded_samples(self) -> pd.DataFrame:
        """The samples table, indexed by sample id."""
        return self.cohort.samples.set_index("sample_id")

    def blocks(
        self, keep: npt.NDArray[np.bool_] | IndexArray, block_samples: int, progress: Progress | None = None
    ) -> Iterator[FloatArray]:
        """Yield the kept samples in order as ``(samples, genes)``, `block_samples` at most."""
        kept = kept_index(keep, len(self.cohort.expression))
        for start in range(0, len(kept), block_samples):
            block = self.cohort.expression[kept[start : start + block_samples]]
            if progress is not None:
                progress(block.nbytes)
            yield block


def simulate_cohort(
    *, donors: int = 200, samples: int = 2400, genes: int = 1000, seed: int = 0, units: Units = "TPM"
) -> DemoCohort:
    """Simulate a GTEx-like cohort.

    Parameters
    ----------
    donors, samples, genes
        Its size. Tissues share the samples as in GTEx v8, but a subtissue has three at least. A donor gives
        at least one sample, and at most one of a subtissue.
    seed
        Same seed and sizes, same cohort.
    units
        ``"TPM"``, or ``"counts"`` for the reads that the TPM are made of.

    Raises
    ------
    ConfigError
        If the sizes do not go together, or more genes are asked for than the demo has symbols.
    """
    design_rng, effect_rng, sample_rng = np.random.default_rng(seed).spawn(3)
    tissues = read_demo_table("tissues")
    gene_table = choose_genes(genes)
    donor_table = draw_donors(donors, design_rng)
    counts = samples_per_subtissue(tissues, samples)
    donor_index, subtissue_index = assign_samples(donor_table, tissues, counts, design_rng)

    effects = draw_effects(gene_table, effect_rng)
    batches = max(2, samples // SAMPLES_PER_BATCH)
    n_modules = len(effects.module_loadings)
    activity = effect_rng.lognormal(-0.08, 0.4, (len(tissues), n_modules))
    scores = _student(sample_rng, MODULE_TAIL, (samples, n_modules)) * activity[subtissue_index]
    donor_ids = donor_table["donor_id"].to_numpy(dtype=str)
    truth = DemoTruth(
        genes=gene_table["symbol"].to_numpy(dtype=str),
        subtissues=tissues["subtissue"].to_numpy(dtype=str),
        tissues=tissues["tissue"].to_numpy(dtype=str),
        donors=donor_ids,
        samples=np.array([f"{donor_ids[d]}-{t + 1:04d}-SM" for d, t in zip(donor_index, subtissue_index, strict=True)]),
        donor_index=donor_index,
        subtissue_index=subtissue_index,
        batch_index=sample_rng.integers(batches, size=samples),
        programmes=draw_programmes(gene_table, tissues, effects.sex_effects, effect_rng),
        donor_latent=_normal(design_rng, (donors, len(effects.donor_loadings))),
        donor_loadings=effects.donor_loadings,
        donor_years=donor_table["years"].to_numpy(),
        donor_female=(donor_table["sex"] == "female").to_numpy().astype(np.float32),
        age_slopes=effects.age_slopes,
        sex_effects=effects.sex_effects,
        module_scores=scores,
        module_loadings=effects.module_loadings,
        rin=np.clip(REFERENCE_RIN + RIN_SD * _normal(sample_rng, (samples,)), 5.0, 10.0).round(1),
        rin_slopes=effects.rin_slopes,
        batch_effects=effects.batch_sd * _normal(sample_rng, (batches, genes)),
        size_factors=SIZE_FACTOR_SD * _normal(sample_rng, (samples,)),
        library_sizes=sample_rng.lognormal(np.log(20), 0.35, samples).astype(np.float32),
        transcript_kb=effects.transcript_kb,
        noise_sd=effects.noise_sd,
    )
    symbols = truth.genes.tolist()
    return DemoCohort(
        samples=_samples_table(truth, donor_table),
        genes=GeneTable(ids=symbols, symbols=symbols),
        expression=_sequence(truth, units, sample_rng),
        units=units,
        truth=truth,
    )


def _sequence(truth: DemoTruth, units: Units, rng: np.random.Generator) -> FloatArray:
    """Draw ``(samples, genes)`` from the truth: noise in log2 abundance, then Poisson reads."""
    abundance = truth.log2_abundance()
    abundance += truth.noise_sd * _student(rng, NOISE_TAIL, abundance.shape)
    reads_per_tpm = np.outer(truth.library_sizes, truth.transcript_kb)
    reads = rng.poisson(np.exp2(np.minimum(abundance, HIGHEST)) * reads_per_tpm)
    expression: FloatArray = (reads if units == "counts" else reads / reads_per_tpm).astype(np.float32)
    return expression


def _samples_table(truth: DemoTruth, donors: pd.DataFrame) -> pd.DataFrame:
    """Lay out the samples table, every column text."""
    of_donor = donors.iloc[truth.donor_index].reset_index(drop=True)
    return pd.DataFrame(
        {
            "sample_id": truth.samples,
            "donor_id": of_donor["donor_id"],
            "tissue": truth.tissues[truth.subtissue_index],
            "subtissue": truth.subtissues[truth.subtissue_index],
            "sex": of_donor["sex"],
            "age": of_donor["age"],
            "SMRIN": [f"{value:.1f}" for value in truth.rin],
            "SMGEBTCH": [f"DEMO-B{batch:03d}" for batch in truth.batch_index],
        },
        dtype="str",
    )


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    return rng.standard_normal(shape, dtype=np.float32)


def _student(rng: np.random.Generator, freedom: int, shape: tuple[int, ...]) -> FloatArray:
    """Student's t scaled to unit variance (a normal over the root of a chi-square), cut off at 6."""
    chi_square = 2 * rng.standard_gamma(freedom / 2, shape, dtype=np.float32)
    scaled: FloatArray = _normal(rng, shape) * np.sqrt((freedom - 2) / chi_square)
    return np.clip(scaled, -6, 6, out=scaled)
