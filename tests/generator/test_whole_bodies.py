"""Synthetic donors and completed donors, from the generator to the file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import torch

from gtexgen import Generator
from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.tables.reading import read_sample_table
from gtexgen.data.tables.writers import KNOWN_SUFFIXES
from gtexgen.data.training_part import TrainingPart
from gtexgen.errors import DataError, GeneratorError
from gtexgen.evaluation.donors import within_donor_correlation
from gtexgen.generator import NetworkGenerator
from gtexgen.generator.calibration import fit_calibration
from gtexgen.generator.donors import DonorModel
from support.small_generator import N_GENES, make_expression, make_generator, make_samples


@pytest.fixture
def generator() -> NetworkGenerator:
    return make_generator()


@pytest.fixture
def real() -> pd.DataFrame:
    """Four held-out donors with a lung each, the women with an ovary."""
    samples = make_samples()
    held_out = samples["donor_id"].isin(["D-25", "D-26", "D-27", "D-28"]) & (samples["tissue"] != "Liver")
    expression = pd.DataFrame(make_expression(len(samples)), columns=make_generator().labels)
    return pd.concat([samples, expression], axis=1)[held_out].reset_index(drop=True)


def logged(generator: NetworkGenerator, table: pd.DataFrame) -> np.ndarray:
    values: np.ndarray = np.log2(table[generator.labels].to_numpy(np.float64) + 1)
    return values


# ---- synthetic donors


def test_each_donor_has_its_tissues_in_store_units(generator: NetworkGenerator) -> None:
    table = generator.sample_donors(10, ["Lung", "Liver"], seed=3)
    assert table.columns.tolist() == ["sample_id", "donor_id", "tissue", "sex", *generator.labels]
    assert table["donor_id"].value_counts().to_dict() == {f"SYN-{donor:05d}": 2 for donor in range(1, 11)}
    assert len(table[["donor_id", "sex"]].drop_duplicates()) == 10
    expression = table[generator.labels].to_numpy()
    assert expression.dtype == np.float32
    assert np.isfinite(expression).all()
    assert (expression >= 0).all()


def test_samples_of_a_donor_are_alike_and_others_are_not(generator: NetworkGenerator) -> None:
    assert generator.donors is not None
    table = generator.sample_donors(300, ["Lung", "Liver"], seed=3)
    alike = within_donor_correlation(logged(generator, table), table["donor_id"], table["tissue"])
    assert (alike > 0.5).all()
    strangers = np.roll(table["donor_id"].to_numpy(), 1)
    assert np.abs(within_donor_correlation(logged(generator, table), strangers, table["tissue"])).max() < 0.3
    unfitted = generator.donors._replace(model=DonorModel(3, 12, generator.encoder.n_features))
    table = dataclasses.replace(generator, donors=unfitted).sample_donors(300, ["Lung", "Liver"], seed=3)
    alike = within_donor_correlation(logged(generator, table), table["donor_id"], table["tissue"])
    assert np.abs(alike.mean()) < 0.05


@pytest.fixture
def told_tissues() -> NetworkGenerator:
    """Knows tissues alone; its training men have more of two genes."""
    generator = make_generator(fields={"tissue": "one_hot"})
    samples = make_samples()
    samples = samples[generator.split.parts == "train"].reset_index(drop=True)
    expression = np.random.default_rng(0).normal(0, 0.1, (len(samples), N_GENES)).astype(np.float32)
    expression[(samples["sex"] == "male").to_numpy(), :2] += 2
    condition = generator.encode_conditions(samples)
    part = TrainingPart(samples, condition, lambda: iter([torch.from_numpy(expression)]), torch.full((N_GENES,), -9.0))
    calibration = fit_calibration(generator.networks, part, ["tissue"], levels=33, min_samples=5)
    return dataclasses.replace(generator, calibration=calibration)


def men(generator: NetworkGenerator, table: pd.DataFrame) -> pd.DataFrame:
    """Give the sex that each of two genes says, a row a sample."""
    return pd.DataFrame(generator.scaling.scale(table[generator.labels].to_numpy())[:, :2] > 1)


def test_all_tissues_of_a_donor_are_of_its_sex_although_it_is_no_condition(told_tissues: NetworkGenerator) -> None:
    table = told_tissues.sample_donors(60, "all", seed=1)
    man = men(told_tissues, table)
    assert set(man.groupby(table["donor_id"]).mean().to_numpy().ravel()) == {0.0, 1.0}
    assert not man[(table["tissue"] == "Ovary").to_numpy()].any(axis=None)
    assert "sex" not in table


@pytest.mark.parametrize("sex", ["male", "female"])
def test_a_completion_is_of_the_sex_that_is_given(sex: str, told_tissues: NetworkGenerator) -> None:
    given = told_tissues.sample({"Lung": 20}, seed=1).assign(donor_id=[f"R-{n}" for n in range(20)], sex=sex)
    completed = told_tissues.complete(given, ["Liver"], draws=3)
    assert (men(told_tissues, completed) == (sex == "male")).all(axis=None)


def test_without_a_sex_a_completion_is_of_the_one_that_the_genes_say(told_tissues: NetworkGenerator) -> None:
    given = told_tissues.sample({"Lung": 20}, seed=1).assign(donor_id=[f"R-{n}" for n in range(20)])
    completed = told_tissues.complete(given, draws=3)
    of_donor = men(told_tissues, given).set_axis(given["donor_id"])[0]
    assert 0 < of_donor.sum() < 20
    assert (men(told_tissues, completed)[0].to_numpy() == completed["donor_id"].map(of_donor).to_numpy()).all()
    given_an_ovary = set(completed["donor_id"][completed["tissue"] == "Ovary"])
    assert given_an_ovary == set(of_donor.index[~of_donor])


def test_a_sample_by_itself_is_as_without_donors(generator: NetworkGenerator) -> None:
    bodies = generator.sample_donors(4000, ["Lung", "Liver"], seed=1)
    female = bodies[bodies["sex"] == "female"]
    singles = generator.sample([{"tissue": name, "sex": "female", "n": 2000} for name in ("Lung", "Liver")], seed=2)
    for tissue in ("Lung", "Liver"):
        ours, theirs = (logged(generator, table[table["tissue"] == tissue]) for table in (female, singles))
        np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=0.12)
        np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), rtol=0.07)


def test_without_noise_the_spread_is_that_of_the_latents(generator: NetworkGenerator, real: pd.DataFrame) -> None:
    spread = [
        (
            logged(generator, generator.sample_donors(200, ["Lung"], noise=noise)).std(axis=0),
            logged(generator, generator.complete(real, ["Liver"], draws=50, noise=noise)).std(axis=0),
        )
        for noise in (True, False)
    ]
    for with_noise, without in zip(*spread, strict=True):
        assert (without < 0.7 * with_noise).all()


@pytest.mark.parametrize("suffix", KNOWN_SUFFIXES)
def test_the_table_does_not_depend_on_where_it_goes(
    generator: NetworkGenerator, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtexgen.generator.fitted.CHUNK_BYTES", 0)  # the smallest chunks: 16 samples
    table = generator.sample_donors(20, "all", seed=3)
    chunks: list[int] = []
    path = tmp_path / f"bodies{suffix}"
    written = generator.write_donors(path, 20, "all", seed=3, progress=chunks.append)
    assert sum(chunks) == len(table)
    assert max(chunks) <= 16
    assert written.groupby("tissue")["n"].sum().to_dict() == table["tissue"].value_counts().to_dict()
    back = read_sample_table(path, ["donor_id", "tissue", "sex"], generator.genes)
    pd.testing.assert_frame_equal(back, table)


def test_a_seed_decides_the_donors(generator: NetworkGenerator) -> None:
    first, again, other = (generator.sample_donors(20, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_drawing_leaves_the_default_random_state_alone(generator: NetworkGenerator, real: pd.DataFrame) -> None:
    before = torch.random.get_rng_state()
    generator.sample_donors(3)
    generator.complete(real, draws=2)
    assert torch.equal(before, torch.random.get_rng_state())


# ---- completed donors


def test_what_is_missing_comes_out_as_often_as_asked(generator: NetworkGenerator, real: pd.DataFrame) -> None:
    table = generator.complete(real, draws=3, seed=1)
    assert table.columns.tolist() == ["sample_id", "donor_id", "tissue", "sex", "draw", *generator.labels]
    assert set(table["tissue"]) == {"Liver"}
    assert table["draw"].tolist() == ["1", "2", "3"] * 4
    sex = real.drop_duplicates("donor_id").set_index("donor_id")["sex"]
    assert (table["sex"] == table["donor_id"].map(sex)).all()
    pd.testing.assert_frame_equal(table, generator.complete(real, draws=3, seed=1))
    assert not table.equals(generator.complete(real, draws=3, seed=2))


def test_a_completion_follows_its_donor(generator: NetworkGenerator) -> None:
    """Donors who were drawn themselves: what is hidden of each is closer to its completion than to another's."""
    bodies = generator.sample_donors(60, ["Lung", "Liver"], seed=5)
    lungs, livers = (bodies[bodies["tissue"] == name].reset_index(drop=True) for name in ("Lung", "Liver"))
    completed = generator.complete(lungs, ["Liver"], draws=40, seed=1)
    drawn = logged(generator, completed).reshape(60, 40, -1)
    guess, truth = drawn.mean(axis=1), logged(generator, livers)
    unexplained = np.square(truth - guess).sum() / np.square(truth - truth.mean(axis=0)).sum()
    assert unexplained < 0.8
    assert (
        unexplained < np.square(truth - np.roll(guess, 1, axis=0)).sum() / np.square(truth - guess.mean(axis=0)).sum()
    )


def test_each_draw_takes_another_view_of_the_given_samples(generator: NetworkGenerator, real: pd.DataFrame) -> None:
    table = generator.complete(real.iloc[:1], draws=30, seed=1)
    assert (logged(generator, table).std(axis=0) > 0).all()
    assert len(table.drop_duplicates(generator.labels)) == 60  # a liver and an ovary each time


@pytest.mark.parametrize("suffix", KNOWN_SUFFIXES)
def test_a_completion_goes_from_file_to_file(
    generator: NetworkGenerator, real: pd.DataFrame, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtexgen.generator.fitted.CHUNK_BYTES", 0)
    real.to_parquet(tmp_path / "real.parquet")
    table = generator.complete(real, draws=9, seed=3)
    chunks: list[int] = []
    path = tmp_path / f"completed{suffix}"
    written = generator.write_completion(path, tmp_path / "real.parquet", draws=9, seed=3, progress=chunks.append)
    assert sum(chunks) == written["n"].sum() == len(table)
    assert len(chunks) > 3
    pd.testing.assert_frame_equal(
        read_sample_table(path, ["donor_id", "tissue", "sex", "draw"], generator.genes), table
    )


def test_anndata_readers_find_the_draws(generator: NetworkGenerator, real: pd.DataFrame, tmp_path: Path) -> None:
    generator.write_completion(tmp_path / "completed.h5ad", real, draws=2)
    obs = anndata.read_h5ad(tmp_path / "completed.h5ad").obs
    assert obs.columns.tolist() == ["donor_id", "tissue", "sex", "draw"]


# ---- refusals


def test_a_generator_that_knows_nothing_of_donors_says_so(generator: NetworkGenerator, real: pd.DataFrame) -> None:
    without = dataclasses.replace(generator, donors=None)
    message = r"does not know what the samples of one donor share(.|\n)*train again"
    with pytest.raises(GeneratorError, match=message):
        without.sample_donors(3)
    with pytest.raises(GeneratorError, match=message):
        without.complete(real)


def test_a_generator_that_tells_no_tissues_apart_says_so(generator: NetworkGenerator) -> None:
    encoder = ConditionEncoder({"sex": "one_hot"}).fit(make_samples())
    with pytest.raises(GeneratorError, match=r"condition columns are sex(.|\n)*condition=tissue"):
        dataclasses.replace(generator, encoder=encoder).sample_donors(3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="GENE3"), "1 of the generator's 12 genes"),
        (lambda table: table.assign(tissue="Moon"), "Moon"),
        (lambda table: table.assign(sex=["male", "female"] * 3), "donor 'D-25' has 'male' and 'female'"),
    ],
)
def test_a_table_that_cannot_be_completed_says_why(
    generator: NetworkGenerator, real: pd.DataFrame, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    assert len(real) == 6
    with pytest.raises(DataError, match=message):
        generator.complete(change(real))


def test_an_error_leaves_no_file_behind(generator: NetworkGenerator, real: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        generator.write_completion(tmp_path / "completed.csv", real.assign(tissue="Moon"))
    with pytest.raises(GeneratorError):
        generator.write_donors(tmp_path / "bodies.csv", 3, ["Moon"])
    assert list(tmp_path.iterdir()) == []


# ---- files


def test_donors_survive_the_folder(generator: NetworkGenerator, real: pd.DataFrame, tmp_path: Path) -> None:
    generator.save(tmp_path / "generator")
    loaded = Generator.load(tmp_path / "generator")
    pd.testing.assert_frame_equal(loaded.sample_donors(9, seed=2), generator.sample_donors(9, seed=2))
    pd.testing.assert_frame_equal(loaded.complete(real, draws=2), generator.complete(real, draws=2))
    content = (tmp_path / "generator" / "donors.json").read_text()
    assert not any(name in content for name in make_samples()["donor_id"])


def test_a_generator_without_donors_has_no_files_of_them(generator: NetworkGenerator, tmp_path: Path) -> None:
    dataclasses.replace(generator, donors=None).save(tmp_path / "generator")
    assert not list((tmp_path / "generator").glob("donors*"))
    assert not Generator.load(tmp_path / "generator").knows_donors


def test_the_card_says_what_is_kept_of_donors(generator: NetworkGenerator, tmp_path: Path) -> None:
    generator.save(tmp_path / "generator")
    assert "donors.json" in (tmp_path / "generator" / "README.md").read_text()
