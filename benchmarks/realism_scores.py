"""Score one generator the way the table of realism has it: ``python benchmarks/realism_scores.py RUN OUTPUT.json``.

By held-out donors and by tissue, whatever the generator was told. Neighbours are looked for among 50 principal
components of the training samples (k = 5) and, apart, among all genes; ``detection_mixed`` has donors on both sides of
its folds. Every figure is the mean over tables drawn with different seeds. Real samples of other donors are scored too.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.assessment.membership import by_split
from gtexgen.assessment.real import RealParts, log2_samples, read_parts
from gtexgen.data.store import ExpressionStore
from gtexgen.evaluation.averages import condition_masks
from gtexgen.evaluation.correlations import measure_correlations
from gtexgen.evaluation.detection import measure_detection
from gtexgen.evaluation.donors import measure_donors
from gtexgen.evaluation.frechet import measure_frechet
from gtexgen.evaluation.genes import measure_genes
from gtexgen.evaluation.neighbours import measure_neighbours
from gtexgen.evaluation.privacy import measure_privacy
from gtexgen.evaluation.reference import Reference
from gtexgen.evaluation.samples import Comparison, Samples
from gtexgen.evaluation.scores import Estimate, Outcome
from gtexgen.evaluation.utility import measure_utility
from gtexgen.generator import Generator

DONORS = 400
LEAST = 10
VARYING = 0.02


def main() -> None:
    """Write the scores of the generator and of real samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--others", type=Path, help="a store whose donors judge, training and validation apart")
    arguments = parser.parse_args()
    generator = Generator.load(arguments.run)
    store = ExpressionStore.open(generator.settings["store"])
    if arguments.others is None:
        parts = read_parts(store, by_split(store.samples, generator.split, "the run"), generator.labels, "test", seed=0)
    else:
        parts = parts_of_others(store, ExpressionStore.open(arguments.others), generator)
    reference = parts.reference("tissue")
    tissues = dict(zip(store.samples["subtissue"], store.samples["tissue"], strict=True))
    found = {
        "generator": scores([drawn(generator, tissues, seed) for seed in range(arguments.draws)], reference),
        "real": scores([parts.training], reference) | of_real_donors(parts.second_independent, reference),
    }
    if generator.knows_donors:
        bodies = with_tissue(generator.sample_donors(DONORS, seed=0), generator.labels, tissues)
        found["generator"] |= mean_of([measure_donors(bodies, reference.held_out, resamples=0, seed=0)])
    arguments.output.write_text(json.dumps(found, indent=1), encoding="utf-8")


def parts_of_others(store: ExpressionStore, others: ExpressionStore, generator: Generator) -> RealParts:
    """Take half of the other store's donors that training never saw to judge by, and two quarters for privacy."""
    training, validation = (generator.split.indices(part) for part in ("train", "validation"))
    seen = set(store.samples["donor_id"].iloc[np.concatenate([training, validation])])
    donor = others.samples["donor_id"].to_numpy(object)
    donors = np.random.default_rng(0).permutation(sorted(set(donor) - seen))
    shares = np.split(donors, [len(donors) // 2, len(donors) * 3 // 4])
    return RealParts(
        read_samples(store, training, generator.labels),
        *(read_samples(others, np.flatnonzero(np.isin(donor, share)), generator.labels) for share in shares),
    )


def read_samples(store: ExpressionStore, rows: npt.NDArray[np.intp], genes: list[str]) -> Samples:
    """Read rows of a store."""
    return log2_samples(store.read(rows, genes), store.samples.iloc[rows])


def drawn(generator: Generator, tissues: dict[str, str], seed: int) -> Samples:
    """Draw a table like the training part."""
    return with_tissue(generator.sample(seed=seed), generator.labels, tissues)


def with_tissue(table: pd.DataFrame, genes: list[str], tissues: dict[str, str]) -> Samples:
    """Give samples that are labelled by tissue, where the generator knows subtissues."""
    if "tissue" not in table:
        table.insert(0, "tissue", table["subtissue"].map(tissues))
    return log2_samples(table[genes].to_numpy(np.float32), table.drop(columns=genes))


def scores(tables: list[Samples], reference: Reference) -> dict[str, float]:
    """Average what each table scores."""
    return mean_of([dict(of_table(table, reference, seed)) for seed, table in enumerate(tables)])


def of_table(table: Samples, reference: Reference, seed: int) -> Iterator[tuple[str, Outcome]]:
    """Give the outcomes of one table."""
    comparison = Comparison.match(reference.held_out, table, reference.condition, resamples=0, seed=seed)
    components = replace(
        comparison,
        real=reference.space.transform(comparison.real),
        synthetic=reference.space.transform(comparison.synthetic),
    )
    yield from measure_neighbours(components).items()
    yield from ((f"{key}_in_genes", outcome) for key, outcome in measure_neighbours(comparison).items())
    for measured in (measure_genes(comparison), measure_correlations(comparison)):
        yield from measured.items()
    yield from measure_frechet(comparison, reference.space).items()
    yield from measure_detection(comparison, seed=seed).items()
    yield "detection_mixed", Estimate(detection_with_donors_mixed(comparison), np.empty(0), {})
    yield "sd_ratio", Estimate(log2_sd_ratio(comparison), np.empty(0), {})
    yield from measure_utility(table, reference.held_out, reference.space, resamples=0, seed=seed).items()
    private = (reference.training, reference.held_out, reference.independent, table, reference.space)
    yield from measure_privacy(*private, condition=reference.condition, resamples=0, seed=seed).items()


def of_real_donors(others: Samples | None, reference: Reference) -> dict[str, float]:
    """Give the privacy of samples that nothing was trained on, and the likeness of a donor's tissues."""
    donors = mean_of([measure_donors(reference.training, reference.held_out, resamples=0, seed=0)])
    if others is None:
        return donors
    private = (reference.training, reference.held_out, reference.independent, others, reference.space)
    return donors | mean_of([measure_privacy(*private, condition=reference.condition, resamples=0, seed=0)])


def mean_of(outcomes: list[dict[str, Outcome]]) -> dict[str, float]:
    """Average estimates, and leave out what there is none of."""
    values = defaultdict(list)
    for found in outcomes:
        for key, outcome in found.items():
            if isinstance(outcome, Estimate):
                values[key].append(outcome.value)
    return {key: float(np.mean(several)) for key, several in values.items()}


def detection_with_donors_mixed(comparison: Comparison) -> float:
    """Give the AUC of boosted trees in five folds that know no donors."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    table = np.concatenate([comparison.real, comparison.synthetic])
    synthetic = np.repeat([False, True], len(comparison.real))
    trees = HistGradientBoostingClassifier(max_iter=100, max_bins=63, early_stopping=False, random_state=0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    found = cross_val_predict(trees, table, synthetic, cv=folds, method="decision_function")
    return float(roc_auc_score(synthetic, found))


def log2_sd_ratio(comparison: Comparison) -> float:
    """Give how far apart the SDs of genes are within conditions, in doublings: the mean over genes that vary."""
    found, sizes = [], []
    for of in condition_masks(comparison.condition, LEAST).values():
        real, synthetic = comparison.real[of].std(axis=0), comparison.synthetic[of].std(axis=0)
        varying = real > VARYING
        found.append(np.abs(np.log2(np.maximum(synthetic[varying], 1e-3) / real[varying])).mean())
        sizes.append(of.sum())
    return float(np.average(found, weights=sizes))


if __name__ == "__main__":
    main()
