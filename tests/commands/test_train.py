"""``gtexgen-train`` end to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gtexgen import Generator
from gtexgen.generator import NetworkGenerator
from support.console import SMALL_COHORT, SMALL_MODEL, run_here, run_here_well, run_well


def test_the_generator_is_printed_last_and_is_the_latest(trained: Path) -> None:
    generator = Path((trained / "stdout").read_text().splitlines()[-1])
    assert generator.name == "generator"
    assert generator == (trained / "outputs" / "latest" / "generator").resolve()
    assert Generator.load(trained / "outputs" / "latest").fields == ["tissue", "age", "sex"]


def test_the_run_keeps_what_made_it(trained: Path) -> None:
    run = trained / "outputs" / "latest"
    record = json.loads((run / "run.json").read_text())
    (attempt,) = record["attempts"]
    assert attempt["command"].startswith("gtexgen-train data.donors=40")
    assert attempt["versions"]["torch"]
    assert record["seed"] == 1
    assert record["status"] in {"early_stopping", "max_epochs"}
    store = json.loads((Path(record["data"]["store"]) / "store.json").read_text())
    assert record["data"]["fingerprint"] == store["fingerprint"]
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["trainer"]["max_epochs"] == 120
    assert list(config["condition"]) == ["tissue", "age", "sex"]


def test_curves_have_a_point_an_epoch_from_the_first(trained: Path) -> None:
    events = EventAccumulator(str(trained / "outputs" / "latest" / "tensorboard")).Reload()
    epochs = json.loads((trained / "outputs" / "latest" / "run.json").read_text())["epochs"]
    for name in ("train/elbo", "val/elbo", "train/kl", "val/kl", "train/mse", "val/mse", "learning_rate"):
        assert [point.step for point in events.Scalars(name)] == list(range(1, epochs + 1))


def test_diagnostics_are_in_the_run_folder_the_record_the_generator_and_the_curves(trained: Path) -> None:
    run = trained / "outputs" / "latest"
    record = json.loads((run / "run.json").read_text(), parse_constant=pytest.fail)
    generator, found = Generator.load(run), record["diagnostics"]
    latents = pd.read_parquet(run / "diagnostics" / "latents.parquet")
    assert len(latents) == found["latents"] == 4
    assert latents["active"].sum() == found["active_latents"] == record["metrics"]["active_latents"]
    assert latents["kl"].sum() == pytest.approx(record["metrics"]["val/kl"], rel=1e-4)
    assert latents["variance_law"].mean() == pytest.approx(record["metrics"]["variance_law"], rel=1e-4)
    genes = pd.read_parquet(run / "diagnostics" / "genes.parquet").set_index(["scale", "label"]).loc["log2"]
    assert genes.index.tolist() == generator.labels
    assert (genes["real"] > 0).any()
    within = found["variance_kept_within"]
    assert within["generated_without_noise"] < within["generated"]
    assert any("have one held-out sample" in note for note in found["notes"])
    events = EventAccumulator(str(run / "tensorboard")).Reload()
    for name in ("variance_kept", "variance_kept_within", "variance_kept_within_without_noise", "variance_loss"):
        value = record["metrics"][f"val/{name}"]
        assert generator.metrics[f"val/{name}"] == value
        assert events.Scalars(f"best/{name}")[-1].value == pytest.approx(value)
    kept = f"{100 * record['metrics']['val/variance_kept_within']:.1f}"
    assert f"| variance kept, within conditions | {kept} % |" in (run / "generator" / "README.md").read_text()
    assert any(
        "within conditions" in line and f"{kept}%" in line for line in (trained / "stdout").read_text().splitlines()
    )


def test_no_donor_is_on_two_sides(trained: Path) -> None:
    split = Generator.load(trained / "outputs" / "latest").split
    parts = [set(split.donors[part]) for part in ("train", "validation", "test")]
    assert all(parts)
    assert len(set.union(*parts)) == sum(map(len, parts))


def test_the_same_seed_trains_the_same_generator(tmp_path: Path) -> None:
    arguments = [*SMALL_COHORT, *SMALL_MODEL, "trainer.max_epochs=2", "seed=3"]
    first, second = (Path(run_well("train", arguments, tmp_path)[-1]) for _ in range(2))
    assert first != second
    weights = [(path / "weights.safetensors").read_bytes() for path in (first, second)]
    assert weights[0] == weights[1]


def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    arguments = [*SMALL_COHORT, *SMALL_MODEL, "seed=5", "trainer.schedule=constant"]
    whole = Path(run_here_well("train", [*arguments, "trainer.max_epochs=4"], tmp_path)[-1])
    half = Path(run_here_well("train", [*arguments, "trainer.max_epochs=2"], tmp_path)[-1])
    resumed = run_well("train", [f"resume={half.parent}", "trainer.max_epochs=4"], tmp_path)[-1]
    assert Path(resumed) == half
    metrics = [json.loads((path / "metrics.json").read_text())["val/elbo"] for path in (whole, half)]
    np.testing.assert_allclose(metrics[1], metrics[0], rtol=1e-5)
    measured = [pd.read_parquet(path.parent / "diagnostics" / "genes.parquet") for path in (whole, half)]
    pd.testing.assert_frame_equal(measured[1], measured[0], rtol=1e-3)
    assert len(json.loads((half.parent / "run.json").read_text())["attempts"]) == 2


def test_resume_changes_the_trainer_only(trained: Path) -> None:
    done = run_here("train", ["resume=outputs/latest", "model.latent=8"], trained)
    assert done.returncode == 1
    assert "only trainer.* may be changed, not model.latent=8" in done.stderr


def test_a_folder_that_holds_a_run_is_left_alone(trained: Path) -> None:
    run = (trained / "outputs" / "latest").resolve()
    before = (run / "run.json").read_bytes()
    done = run_here("train", [*SMALL_COHORT, f"hydra.run.dir={run}"], trained)
    assert done.returncode == 1
    assert "already holds a run" in done.stderr
    assert (run / "run.json").read_bytes() == before


def test_ctrl_c_keeps_the_work(tmp_path: Path) -> None:
    script = str(Path(sys.executable).with_name("gtexgen-train"))
    arguments = [*SMALL_COHORT, *SMALL_MODEL, "trainer.max_epochs=100000", "trainer.patience=100000"]
    process = subprocess.Popen(
        [script, *arguments],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("outputs/train/*/checkpoints/last.ckpt")):
        assert time.monotonic() < deadline, "training did not start"
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    generator = Path(output.splitlines()[-1])
    assert len(Generator.load(generator).sample(5)) == 5
    record = json.loads((generator.parent / "run.json").read_text())
    assert record["status"] == "interrupt"
    assert record["diagnostics"]["variance_kept"]["generated"] > 0


def test_several_runs_at_once_by_multirun(tmp_path: Path) -> None:
    arguments = ["--multirun", *SMALL_COHORT, *SMALL_MODEL, "trainer.max_epochs=1", "model.latent=2,3"]
    run_here_well("train", arguments, tmp_path)
    found = sorted(tmp_path.glob("outputs/multirun/*/*/generator"))
    assert [NetworkGenerator.load(path).spec.latent for path in found] == [2, 3]
    assert (tmp_path / "outputs" / "latest" / "generator").resolve() == found[1]


@pytest.mark.slow
def test_two_processes_train_one_model(tmp_path: Path) -> None:
    distributed = ["trainer.accelerator=cpu", "trainer.devices=2", "trainer.strategy=ddp"]
    arguments = [*SMALL_COHORT, *SMALL_MODEL, *distributed, "trainer.max_epochs=2"]
    output = run_well("train", arguments, tmp_path)
    generator = Path(output[-1])
    assert [path.name for path in generator.parent.parent.iterdir()] == [generator.parent.name]
    assert len(Generator.load(generator).sample(5)) == 5
