from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from gtexgen.data.demo.cohort import DemoCohort, Units, simulate_cohort
from gtexgen.data.demo.design import read_demo_table
from gtexgen.data.demo.truth import DemoTruth
from gtexgen.data.formats.sources import SampleMajorSource
from gtexgen.errors import ConfigError, StoreError

Array = npt.NDArray[np.float64]
UNITS: tuple[Units, Units] = ("TPM", "counts")

GTEX_V8 = {
    "Brain": 2642, "Skin": 1809, "Esophagus": 1445, "Blood Vessel": 1335, "Adipose Tissue": 1204,
    "Blood": 929, "Heart": 861, "Muscle": 803, "Colon": 779, "Thyroid": 653, "Nerve": 619, "Lung": 578,
    "Breast": 459, "Testis": 361, "Stomach": 359, "Pancreas": 328, "Pituitary": 283, "Adrenal Gland": 258,
    "Prostate": 245, "Spleen": 241, "Liver": 226, "Small Intestine": 187, "Ovary": 180, "Salivary Gland": 162,
    "Vagina": 156, "Uterus": 142, "Kidney": 89, "Bladder": 21, "Cervix Uteri": 19, "Fallopian Tube": 9,
}  # fmt: skip


@pytest.fixture(scope="module")
def cohort() -> DemoCohort:
    return simulate_cohort()


@pytest.fixture(scope="module")
def log2(cohort: DemoCohort) -> Array:
    return np.log2(cohort.expression.astype(np.float64) + 1)


@pytest.fixture(scope="module")
def residuals(cohort: DemoCohort, log2: Array, seen: npt.NDArray[np.bool_]) -> Array:
    """Standardised log2(TPM + 1) without subtissue and sex, of the genes seen in nearly all samples."""
    group = cohort.truth.subtissue_index * 2 + cohort.truth.donor_female[cohort.truth.donor_index].astype(int)
    left: Array = log2[:, seen] - group_means(log2[:, seen], group)[group]
    left /= left.std(axis=0)
    return left


@pytest.fixture(scope="module")
def seen(cohort: DemoCohort) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = (cohort.expression > 0).mean(axis=0) > 0.95
    return mask


def group_means(values: Array, group: npt.NDArray[np.int64]) -> Array:
    sums = np.zeros((group.max() + 1, values.shape[1]))
    np.add.at(sums, group, values)
    return sums / np.maximum(np.bincount(group), 1)[:, None]


def pair_correlation(residuals: Array, group: npt.NDArray[np.int64]) -> Array:
    """Mean product, per gene, over all pairs of samples of a group."""
    sizes = np.bincount(group)
    sums = group_means(residuals, group) * sizes[:, None]
    both: Array = (np.square(sums).sum(axis=0) - np.square(residuals).sum(axis=0)) / (sizes * (sizes - 1)).sum()
    return both


def correlation(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    return float(np.corrcoef(np.ravel(a), np.ravel(b))[0, 1])


# What it looks like


def test_tables_fit_together(cohort: DemoCohort) -> None:
    assert cohort.expression.shape == (2400, 1000)
    assert cohort.expression.dtype == np.float32
    assert np.isfinite(cohort.expression).all()
    assert cohort.expression.min() >= 0
    assert 1e4 < cohort.expression.max() < 5e5
    columns = ["sample_id", "donor_id", "tissue", "subtissue", "sex", "age"]
    assert list(cohort.samples.columns) == [*columns, "SMRIN", "SMGEBTCH"]
    assert all(isinstance(kind, pd.StringDtype) for kind in cohort.samples.dtypes)
    assert not cohort.samples.isna().to_numpy().any()
    assert cohort.samples["sample_id"].is_unique
    first_two = cohort.samples["sample_id"].str.split("-").str[:2].str.join("-")
    assert (first_two == cohort.samples["donor_id"]).all()


def test_simulated_in_a_few_seconds() -> None:
    start = time.process_time()
    simulate_cohort(seed=3)
    assert time.process_time() - start < 8


def test_source_yields_the_cohort(cohort: DemoCohort) -> None:
    source: SampleMajorSource = cohort.as_source()
    assert source.sample_ids == cohort.samples["sample_id"].tolist()
    assert source.genes == cohort.genes
    assert source.embedded_samples is not None
    assert source.embedded_samples.loc[source.sample_ids[7], "tissue"] == cohort.samples["tissue"][7]
    keep = np.zeros(2400, dtype=bool)
    keep[5:1000:3] = True
    seen_bytes: list[int] = []
    blocks = list(source.blocks(keep, 100, seen_bytes.append))
    assert [len(block) for block in blocks] == [100, 100, 100, 32]
    np.testing.assert_array_equal(np.concatenate(blocks), cohort.expression[keep])
    assert sum(seen_bytes) == keep.sum() * 4000
    positions = np.flatnonzero(keep)[::-1].astype(np.int64)
    np.testing.assert_array_equal(np.concatenate(list(source.blocks(positions, 1000))), cohort.expression[keep])


# Genes


def test_gene_symbols() -> None:
    table = read_demo_table("genes")
    assert len(table) > 2500
    assert table["symbol"].is_unique
    assert table["symbol"].is_monotonic_increasing
    assert table["symbol"].str.fullmatch(r"[A-Z][A-Z0-9]*(orf\d+)?(-[A-Z]*\d*)?").all()
    tissues = read_demo_table("tissues")
    known = {"", "all", "female", "male", *tissues["tissue"], *tissues["subtissue"]}
    assert set(table["expressed_in"]) <= known


@pytest.mark.parametrize("genes", [20, 1000, 2500])
def test_sex_genes_are_always_among_the_genes(genes: int) -> None:
    cohort = simulate_cohort(donors=20, samples=120, genes=genes)
    assert {"XIST", "RPS4Y1", "DDX3Y"} <= set(cohort.genes.symbols)
    assert len(set(cohort.genes.symbols)) == genes == cohort.expression.shape[1]
    assert cohort.genes.ids == cohort.genes.symbols == cohort.truth.genes.tolist()


# Tissues and donors


def test_tissue_table_is_gtex_v8() -> None:
    tissues = read_demo_table("tissues")
    assert tissues.groupby("tissue")["samples"].sum().to_dict() == GTEX_V8
    assert len(tissues) == tissues["subtissue"].nunique() == 54
    assert tissues["samples"].sum() == 17382


def test_tissues_have_their_real_relative_sizes(cohort: DemoCohort) -> None:
    counts = cohort.samples["tissue"].value_counts()
    expected = pd.Series(GTEX_V8) * 2400 / 17382
    assert set(counts.index) == set(GTEX_V8)
    assert (counts - expected).abs().max() <= 4.6  # three of every subtissue, however rare
    assert counts.min() == 3
    assert cohort.samples["subtissue"].nunique() == 54


def test_donors_have_gtex_proportions(cohort: DemoCohort) -> None:
    donors = cohort.samples.drop_duplicates("donor_id")
    assert len(donors) == 200
    assert (donors["sex"] == "male").sum() == round(200 * 636 / 948)
    ages = donors["age"].value_counts(normalize=True)
    expected = {"20-29": 84, "30-39": 78, "40-49": 153, "50-59": 315, "60-69": 317, "70-79": 33}
    for bracket, count in expected.items():
        assert ages[bracket] == pytest.approx(count / 980, abs=0.005)
    years = cohort.truth.donor_years[cohort.truth.donor_index]
    assert (cohort.samples["age"].str[:2].astype(int) == years // 10 * 10).all()


def test_a_donor_gives_several_tissues_each_once(cohort: DemoCohort) -> None:
    per_donor = cohort.samples.groupby("donor_id").size()
    assert per_donor.mean() == 12
    assert per_donor.std() > 4
    assert (per_donor >= 4).mean() > 0.8
    assert not cohort.samples.duplicated(["donor_id", "subtissue"]).any()


def test_tissues_of_one_sex_come_from_it(cohort: DemoCohort) -> None:
    sexes = cohort.samples.groupby("tissue")["sex"].agg(set)
    women, men = ["Ovary", "Uterus", "Vagina", "Fallopian Tube", "Cervix Uteri"], ["Testis", "Prostate"]
    assert all(sexes[tissue] == {"female"} for tissue in women)
    assert all(sexes[tissue] == {"male"} for tissue in men)
    assert (sexes.drop(women + men).map(len)[lambda both: both < 2].index.isin(["Bladder"])).all()


@pytest.mark.parametrize("seed", range(20))
def test_every_donor_and_subtissue_has_a_sample_however_small(seed: int) -> None:
    cohort = simulate_cohort(donors=100, samples=108, genes=20, seed=seed)
    assert cohort.samples["donor_id"].nunique() == 100
    assert cohort.samples["subtissue"].nunique() == 54
    assert not cohort.samples.duplicated(["donor_id", "subtissue"]).any()


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"genes": 10_000}, "can have 3 to .* genes, not 10000"),
        ({"samples": 100}, "at least 108 samples"),
        ({"donors": 50}, "samples of 'Muscle - Skeletal' from 50 donors|'.*' from 50 donors"),
        ({"donors": 300, "samples": 200}, "fewer samples than its 300 donors"),
    ],
)
def test_sizes_that_do_not_go_together(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        simulate_cohort(**{"donors": 200, "samples": 2400, "genes": 20} | sizes)


# Expression


@pytest.mark.parametrize(("gene", "sex"), [("XIST", "female"), ("RPS4Y1", "male"), ("DDX3Y", "male")])
def test_sex_genes_are_nearly_on_or_off(cohort: DemoCohort, gene: str, sex: str) -> None:
    values = cohort.expression[:, cohort.genes.symbols.index(gene)]
    on = (cohort.samples["sex"] == sex).to_numpy()
    assert np.quantile(values[on], 0.01) > 3
    assert np.quantile(values[~on], 0.99) < 0.2
    assert (values[~on] == 0).mean() > 0.8


def test_zeros_become_rarer_with_expression(cohort: DemoCohort) -> None:
    zeros = (cohort.expression == 0).mean(axis=0)
    assert 0.03 < zeros.mean() < 0.2
    by_level = [group.mean() for group in np.array_split(zeros[cohort.expression.mean(axis=0).argsort()], 5)]
    assert by_level == sorted(by_level, reverse=True)
    assert by_level[0] > 0.15
    assert by_level[-1] < 0.03


def test_nearest_samples_of_other_donors_tell_the_tissue(cohort: DemoCohort, log2: Array) -> None:
    held_out = cohort.truth.donor_index % 4 == 0
    known, asked = log2[~held_out], log2[held_out]
    distance = np.square(known).sum(axis=1) - 2 * asked @ known.T
    nearest = distance.argsort(axis=1)[:, :5]

    def accuracy(column: str) -> float:
        codes = pd.factorize(cohort.samples[column])[0]
        votes = codes[~held_out][nearest]
        called = np.array([np.bincount(row).argmax() for row in votes])
        return float((called == codes[held_out]).mean())

    tissue, subtissue = accuracy("tissue"), accuracy("subtissue")
    assert tissue > 0.95  # GTEx .98
    assert 0.75 < subtissue < tissue  # GTEx .90


def test_relatives_are_close(cohort: DemoCohort, log2: Array) -> None:
    means = group_means(log2, cohort.truth.subtissue_index)
    distance: Array = np.asarray(1 - np.corrcoef(means))
    np.fill_diagonal(distance, np.inf)
    tissues = read_demo_table("tissues")
    nearest = tissues["subtissue"].to_numpy()[distance.argmin(axis=1)]
    closest = dict(zip(tissues["subtissue"], nearest, strict=True))
    assert all(closest[name].startswith("Brain") for name in closest if name.startswith("Brain"))
    assert closest["Skin - Sun Exposed (Lower leg)"] == "Skin - Not Sun Exposed (Suprapubic)"
    assert closest["Brain - Cerebellum"] == "Brain - Cerebellar Hemisphere"
    assert closest["Heart - Left Ventricle"] == "Heart - Atrial Appendage"
    assert closest["Adipose - Subcutaneous"] == "Adipose - Visceral (Omentum)"

    def mean_distance(level: str, other: str | None = None) -> float:
        same = tissues[level].to_numpy()[:, None] == tissues[level].to_numpy()
        if other is not None:
            same = ~same & (tissues[other].to_numpy()[:, None] == tissues[other].to_numpy())
        return float(distance[same & np.isfinite(distance)].mean())

    assert 2 * mean_distance("region") < mean_distance("region", other="system")
    unrelated = tissues["system"].to_numpy()[:, None] != tissues["system"].to_numpy()
    assert 1.5 * mean_distance("region", other="system") < float(distance[unrelated].mean())


def test_most_variance_lies_between_subtissues(cohort: DemoCohort, log2: Array) -> None:
    group = cohort.truth.subtissue_index
    within = (log2 - group_means(log2, group)[group]).var(axis=0)
    assert 0.1 < within.mean() / log2.var(axis=0).mean() < 0.25  # GTEx .18


def test_tails_are_heavy(residuals: Array) -> None:
    kurtosis = (residuals**4).mean(axis=0)
    assert np.median(kurtosis) > 4  # 3 for a normal; GTEx 6
    assert np.quantile(kurtosis, 0.1) > 3.2


def test_genes_of_a_module_move_together(cohort: DemoCohort, residuals: Array, seen: npt.NDArray[np.bool_]) -> None:
    observed: Array = np.asarray(np.corrcoef(residuals, rowvar=False))
    loadings = cohort.truth.module_loadings[:, seen]
    upper = np.triu_indices(len(observed), 1)
    assert correlation(observed[upper], (loadings.T @ loadings)[upper]) > 0.5
    module = np.abs(loadings[2:]).argmax(axis=0)
    strong = np.abs(loadings[2:]).max(axis=0) > 0.35
    same = (module[:, None] == module) & strong[:, None] & strong
    assert np.abs(observed[upper][same[upper]]).mean() > 2 * np.abs(observed[upper][~same[upper]]).mean()


# Truth


def test_donor_effects_are_shared_across_tissues(
    cohort: DemoCohort, residuals: Array, seen: npt.NDArray[np.bool_]
) -> None:
    observed = pair_correlation(residuals, cohort.truth.donor_index)
    assert 0.06 < observed.mean() < 0.18  # GTEx .12
    assert correlation(observed, cohort.truth.within_donor_correlation[seen]) > 0.7
    assert observed.mean() == pytest.approx(cohort.truth.within_donor_correlation[seen].mean(), rel=0.35)
    strangers = np.random.default_rng(0).permutation(cohort.truth.donor_index)
    assert abs(pair_correlation(residuals, strangers).mean()) < 0.01


def test_parameters_can_be_recovered(cohort: DemoCohort, log2: Array, seen: npt.NDArray[np.bool_]) -> None:
    truth = cohort.truth
    group = truth.subtissue_index
    assert correlation(group_means(log2[:, seen], group), truth.programmes[:, seen]) > 0.95
    donor = truth.donor_index
    own = np.column_stack([(truth.donor_years[donor] - 50) / 10, truth.donor_female[donor], truth.rin - 7])
    both_sexes = (read_demo_table("tissues")["sex"] == "").to_numpy()[group]
    own = (own - group_means(own, group)[group])[both_sexes]
    left = (log2 - group_means(log2, group)[group])[both_sexes][:, seen]
    age, sex, rin = np.linalg.lstsq(own, left, rcond=None)[0]
    assert correlation(age, truth.age_slopes[seen]) > 0.6
    assert correlation(sex, truth.sex_effects[seen]) > 0.5
    assert correlation(rin, truth.rin_slopes[seen]) > 0.8
    assert correlation(group_means(left, truth.batch_index[both_sexes]), truth.batch_effects[:, seen]) > 0.5


def test_counting_noise_follows_library_size(cohort: DemoCohort) -> None:
    truth = cohort.truth
    reads = cohort.expression * np.outer(truth.library_sizes, truth.transcript_kb)
    np.testing.assert_allclose(reads, reads.round(), rtol=1e-4, atol=1e-4)
    few = truth.library_sizes < np.quantile(truth.library_sizes, 0.25)
    many = truth.library_sizes > np.quantile(truth.library_sizes, 0.75)
    assert (cohort.expression[few] == 0).mean() > 1.1 * (cohort.expression[many] == 0).mean()


def test_counts_are_the_reads_that_tpm_are_made_of() -> None:
    tpm, counts = (simulate_cohort(donors=30, samples=200, genes=50, units=units) for units in UNITS)
    assert (tpm.units, counts.units) == UNITS
    assert counts.expression.dtype == np.float32
    np.testing.assert_array_equal(counts.expression, counts.expression.round())
    reads_per_tpm = np.outer(counts.truth.library_sizes, counts.truth.transcript_kb)
    np.testing.assert_array_equal(
        tpm.expression, (counts.expression / reads_per_tpm.astype(np.float64)).astype(np.float32)
    )
    pd.testing.assert_frame_equal(tpm.samples, counts.samples)
    for name, value in vars(tpm.truth).items():
        np.testing.assert_array_equal(getattr(counts.truth, name), value)


def test_expression_is_the_true_abundance_and_noise(cohort: DemoCohort, seen: npt.NDArray[np.bool_]) -> None:
    abundance = cohort.truth.log2_abundance()
    assert abundance.shape == cohort.expression.shape
    high = abundance > 4
    left = (np.log2(np.maximum(cohort.expression, 0.01)) - abundance) / cohort.truth.noise_sd
    assert abs(float(left[high].mean())) < 0.1
    assert float(left[high].std()) == pytest.approx(1, abs=0.3)


def test_same_seed_same_cohort() -> None:
    first, again, other = (simulate_cohort(donors=30, samples=200, genes=50, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.expression, again.expression)
    pd.testing.assert_frame_equal(first.samples, again.samples)
    assert first.genes == other.genes
    assert not np.array_equal(first.truth.programmes, other.truth.programmes)
    assert not np.array_equal(first.expression, other.expression)
    assert not first.samples.equals(other.samples)


def test_truth_is_kept_in_the_store_folder(tmp_path: Path) -> None:
    truth = simulate_cohort(donors=30, samples=200, genes=50).truth
    assert truth.save(tmp_path) == tmp_path / "truth" / "parameters.npz"
    loaded = DemoTruth.load(tmp_path)
    for name, value in vars(truth).items():
        np.testing.assert_array_equal(getattr(loaded, name), value)
    assert [entry.name for entry in (tmp_path / "truth").iterdir()] == ["parameters.npz"]


def test_store_without_truth(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"parameters\.npz.*\n.*data=demo"):
        DemoTruth.load(tmp_path)


@pytest.mark.parametrize("length", [0, 100, 5000])
def test_damaged_truth(tmp_path: Path, length: int) -> None:
    path = simulate_cohort(donors=30, samples=200, genes=50).truth.save(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(StoreError, match="damaged"):
        DemoTruth.load(tmp_path)
