"""Counts from the demo cohort to a generated table, and what is refused on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from gtexgen.commands.stores import default_store, find_or_prepare
from gtexgen.config.locations import conf_folder
from gtexgen.config.resolvers import register_resolvers
from gtexgen.config.schema import TrainSettings
from gtexgen.config.validation import validate
from gtexgen.errors import ConfigError
from gtexgen.generator import Generator
from gtexgen.training.experiment import check_parts, check_store, run_experiment

SMALL = [
    "data.donors=24",
    "data.samples=240",
    "data.genes=30",
    "model.hidden=[16]",
    "model.latent=3",
    "trainer.max_epochs=2",
    "trainer.progress_bar=false",
    "trainer.accelerator=cpu",
    "logger=none",
]
COUNTS = ["likelihood=negative_binomial", "scaling=none", "data.units=counts"]


def settings_of(*overrides: str, outputs: Path) -> TrainSettings:
    register_resolvers()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return validate(compose("train", overrides=[*SMALL, *overrides, f"outputs={outputs}"]), TrainSettings)


def test_a_generator_of_counts_writes_counts_and_is_the_same_when_loaded_again(tmp_path: Path) -> None:
    settings = settings_of(*COUNTS, outputs=tmp_path)
    check_parts(settings)
    store = find_or_prepare(settings)
    assert store.units == "counts"
    run_experiment(settings, store, tmp_path / "run")

    first, again = (Generator.load(tmp_path / "run") for _ in range(2))
    table = first.sample(200, seed=3)
    pd.testing.assert_frame_equal(table, again.sample(200, seed=3))
    counts = table[first.labels].to_numpy()
    assert first.units == "counts"
    assert (counts >= 0).all()
    np.testing.assert_array_equal(counts, counts.round())

    real, drawn = np.log(store.read().sum(axis=1)), np.log(counts.sum(axis=1))
    assert np.median(drawn) == pytest.approx(np.median(real), abs=0.3)
    assert drawn.std() > 0.5 * real.std()


def test_stores_in_other_units_have_other_folders(tmp_path: Path) -> None:
    tpm, counts = (settings_of(f"data.units={units}", outputs=tmp_path) for units in ("TPM", "counts"))
    assert default_store(tpm.data, tpm.outputs) != default_store(counts.data, counts.outputs)


@pytest.mark.parametrize("scaling", ["log", "standard", "log_standard", "min_max"])
def test_scaled_counts_are_refused(scaling: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"explains counts as they are(.|\n)*Remedy: scaling=none"):
        check_parts(settings_of(*COUNTS, f"scaling={scaling}", outputs=tmp_path))


def test_a_store_that_is_not_of_counts_is_refused_before_training(tmp_path: Path) -> None:
    settings = settings_of(*COUNTS, "data.units=TPM", outputs=tmp_path)
    store = find_or_prepare(settings)
    with pytest.raises(ConfigError, match=r"explains counts, and .* is in TPM(.|\n)*data\.units=counts"):
        run_experiment(settings, store, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_any_likelihood_may_take_store_units_as_they_are(tmp_path: Path) -> None:
    settings = settings_of("scaling=none", "data.units=counts", outputs=tmp_path)
    check_parts(settings)
    check_store(settings, find_or_prepare(settings))
