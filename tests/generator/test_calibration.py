from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr

from gtexgen.data.training_part import TrainingPart
from gtexgen.generator.calibration import Calibration, calibrated_column, fit_calibration
from gtexgen.models.build import ModelSpec, build_networks
from gtexgen.models.networks import Networks
from support.training_parts import part_of_tissues

TISSUES = {"Lung": 400, "Liver": 300, "Ovary": 8}
GENES = 5


@pytest.fixture(scope="module")
def part() -> TrainingPart:
    """Skewed values, with a level of their own in each tissue and a share of zeros in one gene of the liver."""
    rng = np.random.default_rng(0)
    names = np.repeat(list(TISSUES), list(TISSUES.values()))
    level = pd.Series(names).map({"Lung": 0.0, "Liver": 3.0, "Ovary": -2.0}).to_numpy()[:, None]
    values = (level + rng.gamma(1, 1, (len(names), GENES))).astype(np.float32)
    values[(names == "Liver") & (rng.random(len(names)) < 0.5), 0] = 0
    return part_of_tissues(pd.DataFrame({"tissue": names}), values, list(TISSUES))


@pytest.fixture(scope="module")
def networks() -> Networks:
    torch.manual_seed(0)
    return build_networks(ModelSpec(latent=3, hidden=(8,)), GENES, len(TISSUES)).eval()


@pytest.fixture(scope="module")
def calibration(networks: Networks, part: TrainingPart) -> Calibration:
    return fit_calibration(networks, part, ["tissue"], levels=65, min_samples=20)


def draw(networks: Networks, tissue: str, n: int = 3000) -> np.ndarray:
    condition = torch.zeros(n, len(TISSUES))
    condition[:, list(TISSUES).index(tissue)] = 1
    with torch.inference_mode():
        return networks.sample(condition, torch.Generator().manual_seed(5)).numpy()


def of_tissue(part: TrainingPart, tissue: str) -> np.ndarray:
    return torch.cat(list(part.blocks())).numpy()[part.samples["tissue"] == tissue]


@pytest.mark.parametrize("tissue", ["Lung", "Liver"])
def test_each_gene_gets_the_distribution_of_its_tissue(
    tissue: str, networks: Networks, part: TrainingPart, calibration: Calibration
) -> None:
    drawn = draw(networks, tissue)
    mapped = calibration.apply(drawn, {"tissue": np.full(len(drawn), tissue, dtype=object)})
    real = of_tissue(part, tissue)
    probabilities = np.linspace(0.02, 0.98, 49)
    for before, after in ((drawn, 0.2), (mapped, 0.12)):
        gap = np.abs(np.quantile(before, probabilities, axis=0) - np.quantile(real, probabilities, axis=0)).mean()
        assert (gap < after) == (before is mapped)
    assert mapped.std(axis=0) == pytest.approx(real.std(axis=0), rel=0.1)


def test_zeros_are_as_frequent_as_in_training(networks: Networks, part: TrainingPart, calibration: Calibration) -> None:
    drawn = draw(networks, "Liver")
    mapped = calibration.apply(drawn, {"tissue": np.full(len(drawn), "Liver", dtype=object)})
    assert (mapped[:, 0] == 0).mean() == pytest.approx((of_tissue(part, "Liver")[:, 0] == 0).mean(), abs=0.04)


def test_nothing_lies_between_zero_and_the_least_training_value(
    networks: Networks, part: TrainingPart, calibration: Calibration
) -> None:
    real = of_tissue(part, "Liver")[:, 0]
    drawn = draw(networks, "Liver", 20_000)
    mapped = calibration.apply(drawn, {"tissue": np.full(len(drawn), "Liver", dtype=object)})[:, 0]
    assert real[real > 0].min() > 3
    assert set(np.unique(mapped[mapped < 3])) == {0.0}


def test_the_ranks_of_samples_stay(networks: Networks, calibration: Calibration) -> None:
    drawn = draw(networks, "Lung")
    mapped = calibration.apply(drawn, {"tissue": np.full(len(drawn), "Lung", dtype=object)})
    for gene in range(GENES):
        order = np.argsort(drawn[:, gene])
        assert (np.diff(mapped[order, gene]) >= 0).all()
        assert spearmanr(drawn[:, gene], mapped[:, gene]).statistic > 0.999


def test_a_tissue_of_few_samples_gets_their_means_and_keeps_the_spread_of_the_networks(
    networks: Networks, part: TrainingPart, calibration: Calibration
) -> None:
    real, drawn = of_tissue(part, "Ovary"), draw(networks, "Ovary")
    assert len(real) < 20
    mapped = calibration.apply(drawn, {"tissue": np.full(len(drawn), "Ovary", dtype=object)})
    assert mapped.mean(axis=0) == pytest.approx(real.mean(axis=0), abs=0.1)
    assert mapped.std(axis=0) == pytest.approx(drawn.std(axis=0), rel=0.05)


def test_rows_of_an_unknown_tissue_stay_as_they_are(networks: Networks, calibration: Calibration) -> None:
    drawn = draw(networks, "Ovary", 10)
    mapped = calibration.apply(drawn, {"tissue": np.array(["Spleen", "Lung"] * 5, dtype=object)})
    np.testing.assert_array_equal(mapped[::2], drawn[::2])
    assert (mapped[1::2] != drawn[1::2]).any()


def test_without_a_tissue_all_samples_are_one_class(networks: Networks, part: TrainingPart) -> None:
    fitted = fit_calibration(networks, part, ["sex"], levels=33, min_samples=20)
    assert (fitted.column, fitted.drawn.shape) == (None, (1, 33, GENES))


@pytest.mark.parametrize(
    ("fields", "column"),
    [(["age", "tissue"], "tissue"), (["subtissue", "sex"], "subtissue"), (["sex", "age"], None), ([], None)],
)
def test_the_finest_tissue_of_the_condition_has_the_maps(fields: list[str], column: str | None) -> None:
    assert calibrated_column(fields) == column


def test_it_survives_its_arrays(calibration: Calibration, networks: Networks) -> None:
    again = Calibration.restore(calibration.column, calibration.classes, calibration.arrays())
    drawn, samples = draw(networks, "Lung", 50), {"tissue": np.full(50, "Lung", dtype=object)}
    np.testing.assert_array_equal(again.apply(drawn, samples), calibration.apply(drawn, samples))
    with pytest.raises(ValueError, match="do not fit"):
        Calibration.restore("tissue", ["Lung"], calibration.arrays())
