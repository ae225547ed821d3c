"""The main path on real GTEx values: what is generated follows what was asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from gtexgen import Generator
from gtexgen.data.store import ExpressionStore
from support.console import run_well

pytestmark = pytest.mark.slow

QUICK = ["model.residual_factors=0", "logger=none"]
"""Noise that genes share takes a while to find; here nothing depends on it."""


@pytest.fixture(scope="module")
def prepared(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    name = real_data / "gtex_v6" / "gtex_v6"
    arguments = [
        "data=files",
        f"data.expression={name}_gene_rpkm.gct.gz",
        f"data.samples={name}_SampleAttributesDS.txt",
        f"data.subjects={name}_SubjectPhenotypesDS.txt",
        "store=gtex",
    ]
    run_well("prepare", arguments, folder)
    return folder


@pytest.fixture(scope="module")
def told_all(prepared: Path) -> Generator:
    """Give a generator with the default settings but for epochs and factors of noise, told tissue, age and sex."""
    few = ["trainer.max_epochs=10", "model.residual_factors=64"]
    arguments = ["model=cvae", "condition=tissue_age_sex", "store=gtex", "seed=1", *few]
    return Generator.load(run_well("train", arguments, prepared)[-1])


def test_tissue_means_follow_held_out_donors(prepared: Path, told_all: Generator) -> None:
    synthetic = told_all.sample("training", seed=1)
    store = ExpressionStore.open(prepared / "gtex")
    held_out = told_all.split.parts != "train"
    real = np.log2(store.read() + 1)
    made = np.log2(synthetic[store.labels].to_numpy() + 1)
    sizes = store.samples["tissue"].value_counts()
    for tissue in sizes.index[sizes >= 50]:
        real_means = real[held_out & (store.samples["tissue"] == tissue).to_numpy()].mean(axis=0)
        means = made[(synthetic["tissue"] == tissue).to_numpy()].mean(axis=0)
        assert np.corrcoef(means, real_means)[0, 1] > 0.98, tissue


def test_genes_of_the_y_chromosome_tell_the_sex_asked_for(told_all: Generator) -> None:
    assert_y_genes_tell_the_sex(told_all)


def test_they_tell_it_where_the_sex_alone_is_asked_for(prepared: Path) -> None:
    arguments = ["condition=sex", "store=gtex", "seed=1", "trainer.max_epochs=6", *QUICK]
    assert_y_genes_tell_the_sex(Generator.load(run_well("train", arguments, prepared)[-1]))


def assert_y_genes_tell_the_sex(generator: Generator) -> None:
    table = generator.sample([{"sex": "female", "n": 300}, {"sex": "male", "n": 300}], seed=1)
    for gene in ("RPS4Y1", "DDX3Y"):  # XIST is not among the genes of these files; the demo cohort has it
        assert roc_auc_score(table["sex"] == "male", table[gene]) > 0.98, gene


def test_age_alone_trains_and_generates(prepared: Path) -> None:
    arguments = ["condition=age", "store=gtex", "trainer.max_epochs=1", *QUICK]
    generator = Generator.load(run_well("train", arguments, prepared)[-1])
    table = generator.sample({"20-29": 10, "60-69": 20})
    assert table["age"].value_counts().to_dict() == {"60-69": 20, "20-29": 10}
