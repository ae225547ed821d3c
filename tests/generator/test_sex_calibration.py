from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import ks_2samp

from gtexgen.data.training_part import TrainingPart
from gtexgen.generator.calibration import Calibration, fit_calibration
from gtexgen.generator.sex_calibration import SexCalibration, find_telling_genes, sex_numbers
from gtexgen.models.build import ModelSpec, build_networks
from gtexgen.models.networks import Networks
from support.training_parts import part_of_tissues

TISSUES = {"Lung": (150, 250), "Liver": (200, 60), "Ovary": (60, 0), "Bladder": (7, 30), "Cervix": (4, 0)}
"""Women and men of each tissue."""

GENES = 5
XIST, RPS4Y1, DDX3Y = TELLING = [1, 2, 4]
N_DONORS = 100


def make_samples() -> pd.DataFrame:
    rows = [
        (tissue, sex)
        for tissue, numbers in TISSUES.items()
        for sex, n in zip(("female", "male"), numbers, strict=True)
        for _ in range(n)
    ]
    samples = pd.DataFrame(rows, columns=["tissue", "sex"], dtype="str")
    return samples.assign(donor_id=[f"D-{row % N_DONORS}" for row in range(len(samples))])


def make_expression(samples: pd.DataFrame) -> np.ndarray:
    """Three genes with two humps, one for each sex, and two of one; each tissue has a level of its own."""
    rng = np.random.default_rng(0)
    level = samples["tissue"].map(dict(zip(TISSUES, [0.0, 3.0, -2.0, 1.0, 2.0], strict=True))).to_numpy()
    values = 6 + level[:, None] + rng.normal(0, 0.3, (len(samples), GENES))
    man = (samples["sex"] == "male").to_numpy()
    values[man, RPS4Y1] += 3
    values[man, DDX3Y] += 2
    values[~man, XIST] += 3
    return values.astype(np.float32)


@pytest.fixture(scope="module")
def part() -> TrainingPart:
    samples = make_samples()
    return part_of_tissues(samples, make_expression(samples), list(TISSUES))


@pytest.fixture(scope="module")
def networks() -> Networks:
    torch.manual_seed(0)
    return build_networks(ModelSpec(latent=3, hidden=(8,)), GENES, len(TISSUES)).eval()


@pytest.fixture(scope="module")
def calibration(networks: Networks, part: TrainingPart) -> Calibration:
    return fit_calibration(networks, part, ["tissue"], levels=65, min_samples=10)


@pytest.fixture(scope="module")
def maps(calibration: Calibration) -> SexCalibration:
    assert calibration.sexes is not None
    return calibration.sexes


def draw(networks: Networks, tissue: str, n: int = 3000) -> np.ndarray:
    condition = torch.zeros(n, len(TISSUES))
    condition[:, list(TISSUES).index(tissue)] = 1
    with torch.inference_mode():
        return networks.sample(condition, torch.Generator().manual_seed(5)).numpy()


def labels(tissue: str, n: int) -> dict[str, np.ndarray]:
    return {"tissue": np.full(n, tissue, dtype=object)}


def men(values: np.ndarray, tissue: str) -> np.ndarray:
    """Say which samples each telling gene takes for men, ``(samples, 3)``."""
    level = {"Lung": 6.0, "Liver": 9.0, "Bladder": 7.0, "Ovary": 4.0, "Cervix": 8.0}[tissue]
    return np.stack(
        [values[:, XIST] < level + 1.5, values[:, RPS4Y1] > level + 1.5, values[:, DDX3Y] > level + 1], axis=1
    )


@pytest.mark.parametrize("tissue", ["Lung", "Liver"])
def test_all_genes_that_tell_the_sexes_apart_agree(
    tissue: str, networks: Networks, part: TrainingPart, calibration: Calibration
) -> None:
    drawn = draw(networks, tissue)
    opinions = men(calibration.apply(drawn, labels(tissue, len(drawn))), tissue)
    assert (opinions.all(axis=1) | ~opinions.any(axis=1)).mean() > 0.99
    women, of_men = TISSUES[tissue]
    assert opinions[:, 0].mean() == pytest.approx(of_men / (women + of_men), abs=0.03)


@pytest.mark.parametrize("sex", ["female", "male"])
def test_each_sex_has_its_distribution(
    sex: str, networks: Networks, part: TrainingPart, calibration: Calibration
) -> None:
    drawn = draw(networks, "Lung")
    mapped = calibration.apply(drawn, labels("Lung", len(drawn)))
    real = torch.cat(list(part.blocks())).numpy()[
        ((part.samples["tissue"] == "Lung") & (part.samples["sex"] == sex)).to_numpy()
    ]
    of_sex = mapped[men(mapped, "Lung")[:, 0] == (sex == "male")]
    for gene in TELLING:
        assert ks_2samp(of_sex[:, gene], real[:, gene]).pvalue > 1e-3


def test_other_genes_and_the_ranks_within_a_sex_stay(networks: Networks, calibration: Calibration) -> None:
    drawn = draw(networks, "Lung")
    mapped = calibration.apply(drawn, labels("Lung", len(drawn)))
    for gene in TELLING:
        for sex in (True, False):
            rows = np.flatnonzero(men(mapped, "Lung").all(axis=1) if sex else ~men(mapped, "Lung").any(axis=1))
            order = rows[np.argsort(drawn[rows, gene])]
            assert (np.diff(mapped[order, gene]) >= 0).all()
    for gene in set(range(GENES)) - set(TELLING):
        assert (np.diff(mapped[np.argsort(drawn[:, gene]), gene]) >= 0).all()


@pytest.mark.parametrize("sex", ["female", "male"])
def test_a_sample_is_of_the_sex_that_its_donor_has(sex: str, networks: Networks, calibration: Calibration) -> None:
    drawn = draw(networks, "Liver")
    mapped = calibration.apply(drawn, labels("Liver", len(drawn)) | {"sex": np.full(len(drawn), sex, dtype=object)})
    assert (men(mapped, "Liver") == (sex == "male")).mean() > 0.99


def test_a_donor_of_unknown_sex_is_of_the_one_that_the_genes_say(networks: Networks, calibration: Calibration) -> None:
    drawn = draw(networks, "Liver", 200)
    unknown = labels("Liver", 200) | {"sex": np.full(200, None, dtype=object)}
    np.testing.assert_array_equal(calibration.apply(drawn, unknown), calibration.apply(drawn, labels("Liver", 200)))


def test_few_samples_of_a_sex_give_its_means_and_other_tissues_how_they_scatter(
    networks: Networks, part: TrainingPart, calibration: Calibration
) -> None:
    mapped = calibration.apply(draw(networks, "Bladder"), labels("Bladder", 3000))
    opinions = men(mapped, "Bladder")
    assert (opinions.all(axis=1) | ~opinions.any(axis=1)).mean() > 0.99
    chosen = ((part.samples["tissue"] == "Bladder") & (part.samples["sex"] == "female")).to_numpy()
    real = torch.cat(list(part.blocks())).numpy()[chosen]
    women = mapped[~opinions[:, 0]]
    assert women[:, TELLING].mean(axis=0) == pytest.approx(real[:, TELLING].mean(axis=0), abs=0.05)
    assert women[:, TELLING].std(axis=0) == pytest.approx(np.full(3, 0.3), rel=0.2)
    assert women[:, XIST].max() > real[:, XIST].max()


@pytest.mark.parametrize("asked", [None, "male"])
@pytest.mark.parametrize("tissue", ["Ovary", "Cervix"])
def test_what_only_women_have_is_of_women(
    tissue: str, asked: str | None, networks: Networks, calibration: Calibration
) -> None:
    sex = {} if asked is None else {"sex": np.full(3000, asked, dtype=object)}
    mapped = calibration.apply(draw(networks, tissue), labels(tissue, 3000) | sex)
    assert men(mapped, tissue).any(axis=1).mean() < 0.01


def test_tissues_that_are_all_small_keep_the_spread_of_the_networks(networks: Networks, part: TrainingPart) -> None:
    few = fit_calibration(networks, part, ["tissue"], levels=65, min_samples=1000)
    drawn = draw(networks, "Lung")
    opinions = men(few.apply(drawn, labels("Lung", 3000)), "Lung")
    mapped = few.apply(drawn, labels("Lung", 3000))
    chosen = ((part.samples["tissue"] == "Lung") & (part.samples["sex"] == "male")).to_numpy()
    real = torch.cat(list(part.blocks())).numpy()[chosen]
    assert mapped[opinions[:, 1]][:, RPS4Y1].mean() == pytest.approx(real[:, RPS4Y1].mean(), abs=0.3)


def test_a_tissue_of_partly_unknown_sex_is_left_to_the_maps_of_all(networks: Networks, part: TrainingPart) -> None:
    samples = part.samples.assign(
        sex=part.samples["sex"].mask(part.samples["tissue"].eq("Ovary") & (part.samples.index % 2 == 0))
    )
    some = part_of_tissues(samples, torch.cat(list(part.blocks())).numpy(), list(TISSUES))
    fitted = fit_calibration(networks, some, ["tissue"], levels=65, min_samples=10)
    told = fit_calibration(networks, some, ["tissue", "sex"], levels=65, min_samples=10)
    assert fitted.sexes is not None
    assert [fitted.sexes.knows(each) for each in range(5)] == [name != "Ovary" for name in fitted.classes]
    drawn, names = draw(networks, "Ovary", 300), labels("Ovary", 300)
    np.testing.assert_array_equal(fitted.apply(drawn, names), told.apply(drawn, names))


def test_a_condition_on_the_sex_leaves_it_to_the_networks(networks: Networks, part: TrainingPart) -> None:
    assert fit_calibration(networks, part, ["tissue", "sex"], levels=65, min_samples=10).sexes is None


def test_samples_of_unknown_sex_have_no_say(networks: Networks, part: TrainingPart) -> None:
    nobody = part_of_tissues(part.samples.assign(sex=None), torch.cat(list(part.blocks())).numpy(), list(TISSUES))
    assert fit_calibration(networks, nobody, ["tissue"], levels=65, min_samples=10).sexes is None


def test_genes_that_tell_the_sexes_apart_are_found_within_tissues() -> None:
    samples = make_samples()
    expression = make_expression(samples)
    expression[(samples["tissue"] == "Ovary").to_numpy(), 0] -= 100  # women alone have it: a tissue's gene, not theirs
    telling = find_telling_genes(expression, sex_numbers(samples["sex"]), samples["tissue"].to_numpy(str), N_DONORS)
    assert telling.genes.tolist() == TELLING
    assert np.sign(telling.weight).tolist() == [-1, 1, 1]


@pytest.mark.parametrize("n_donors", [10, 20])
def test_chance_tells_nothing(n_donors: int) -> None:
    rng = np.random.default_rng(0)
    sex, expression = np.arange(n_donors) % 2, rng.normal(size=(n_donors, 20_000)).astype(np.float32)
    deviation, centred = sex - sex.mean(), expression - expression.mean(axis=0)
    correlation = deviation @ centred / np.sqrt((deviation**2).sum() * (centred**2).sum(axis=0))
    assert np.abs(correlation).max() > 0.7
    telling = find_telling_genes(expression, sex, np.full(n_donors, "Lung"), n_donors)
    assert not len(telling.genes)


def test_a_gene_that_does_not_vary_tells_nothing() -> None:
    sex = np.arange(100) % 2
    expression = np.stack([np.ones(100), sex], axis=1).astype(np.float32)
    assert find_telling_genes(expression, sex, np.full(100, "Lung"), 100).genes.tolist() == [1]


def test_they_survive_their_arrays(networks: Networks, calibration: Calibration) -> None:
    again = Calibration.restore(calibration.column, calibration.classes, calibration.arrays())
    drawn = draw(networks, "Lung", 50)
    np.testing.assert_array_equal(again.apply(drawn, labels("Lung", 50)), calibration.apply(drawn, labels("Lung", 50)))


@pytest.mark.parametrize("damaged", ["of_sexes.cut", "of_sexes.weight", "of_sexes.wanted"])
def test_damaged_maps_are_refused(damaged: str, calibration: Calibration) -> None:
    arrays = calibration.arrays()
    arrays[damaged] = arrays[damaged][1:]
    with pytest.raises(ValueError, match="do not fit"):
        Calibration.restore(calibration.column, calibration.classes, arrays)
