"""Baselines end to end: the commands that train and draw from networks do so with baselines."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hydra import compose, initialize_config_dir
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gtexgen import Generator
from gtexgen.baselines import BASELINES
from gtexgen.commands.generate import generate
from gtexgen.config.locations import conf_folder
from gtexgen.errors import GeneratorError
from support.console import SMALL_COHORT, run_here, run_well


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder in which every baseline was fitted to a small cohort, one after the other."""
    folder = tmp_path_factory.mktemp("baselines")
    models = f"model={','.join(sorted(BASELINES))}"
    arguments = ["--multirun", *SMALL_COHORT, models, "condition=tissue_age_sex", "seed=1"]
    (folder / "stdout").write_text("\n".join(run_well("train", arguments, folder)))
    return folder


@pytest.fixture(params=range(len(BASELINES)), ids=sorted(BASELINES))
def run(request: pytest.FixtureRequest, folder: Path) -> Path:
    """The run folder of one baseline."""
    (found,) = folder.glob(f"outputs/multirun/*/{request.param}")
    assert Generator.load(found).settings["model"]["baseline"] == sorted(BASELINES)[request.param]
    return found


def generated(generator: Path, *arguments: str) -> None:
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = compose("generate", overrides=[f"generator={generator}", *arguments])
    generate(config)


def test_the_generator_is_printed_last_and_is_the_latest(folder: Path) -> None:
    generator = Path((folder / "stdout").read_text().splitlines()[-1])
    assert generator.name == "generator"
    assert generator == (folder / "outputs" / "latest" / "generator").resolve()


def test_a_baseline_generates_what_was_asked_for(run: Path, tmp_path: Path) -> None:
    generated(run, "counts={Lung:20,Liver:5}", f"output={tmp_path}/exact.parquet", "seed=1")
    table = pd.read_parquet(tmp_path / "exact.parquet")
    assert table["tissue"].value_counts().to_dict() == {"Lung": 20, "Liver": 5}
    pd.testing.assert_frame_equal(table, Generator.load(run).sample({"Lung": 20, "Liver": 5}, seed=1))


def test_its_run_folder_is_like_that_of_networks(run: Path) -> None:
    record = json.loads((run / "run.json").read_text(), parse_constant=pytest.fail)
    generator = Generator.load(run)
    assert record["status"] == "fitted"
    assert record["metrics"] == generator.metrics
    assert 0.5 < record["metrics"]["val/variance_kept"] < 2
    assert "latents" not in record["diagnostics"]
    assert any("training has none of their combinations" in note for note in record["diagnostics"]["notes"])
    genes = pd.read_parquet(run / "diagnostics" / "genes.parquet").set_index(["scale", "label"]).loc["log2"]
    assert genes.index.tolist() == generator.labels
    assert genes["reconstructed"].isna().all()
    assert (genes["generated_without_noise_within"] == 0).all()
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["model"] == generator.settings["model"]
    assert "likelihood" not in config
    events = EventAccumulator(str(run / "tensorboard")).Reload()
    assert events.Scalars("best/variance_kept")[-1].value == pytest.approx(record["metrics"]["val/variance_kept"])


def test_no_donor_is_on_two_sides(run: Path) -> None:
    split = Generator.load(run).split
    parts = [set(split.donors[part]) for part in ("train", "validation", "test")]
    assert all(parts)
    assert len(set.union(*parts)) == sum(map(len, parts))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["donors=3"], "does not know what the samples of one donor share"),
        (["counts=5", "allow_unseen=true"], "has no mean to draw around"),
    ],
)
def test_what_a_baseline_cannot_draw_is_refused(run: Path, tmp_path: Path, arguments: list[str], expected: str) -> None:
    with pytest.raises(GeneratorError, match=expected):
        generated(run, *arguments, f"output={tmp_path}/refused.parquet")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["model=class_gaussian", "likelihood=low_rank"], "likelihood=low_rank would do nothing"),
        (["model=class_gaussian", "model.latent=3"], "there is no setting 'model.latent'"),
        (["resume=outputs/latest"], "a baseline is fitted in one step"),
    ],
)
def test_what_has_no_meaning_for_a_baseline_is_an_error_that_says_so(
    folder: Path, arguments: list[str], expected: str
) -> None:
    done = run_here("train", arguments, folder)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
