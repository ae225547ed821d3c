"""The console scripts as a user meets them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from support.console import run_here, run_script


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["model=cvea"], "there is no choice 'cvea' in the group 'model'. Did you mean 'cvae'?"),
        (["condition=[sex,tisue]"], "Did you mean 'tissue'?"),
        (["trainr.max_epochs=3"], "there is no setting 'trainr.max_epochs'. Did you mean 'trainer'?"),
        (["model/graph=same_donor"], "the group 'model/graph' belongs to model=correlated_vae, which is not chosen"),
        (["model.latnt=3"], "there is no setting 'model.latnt'. Did you mean 'latent'?"),
        (["trainer.max_epoch=3"], "Did you mean 'max_epochs'?"),
        (["+model.latnet=3"], "there is no setting 'model.latnet'. Did you mean 'latent'?"),
        (["model.latent=abc"], "model.latent: Value 'abc' of type 'str' could not be converted to Integer"),
        (["model.latent=-5"], "model.latent = -5: must be 1 or more"),
        (["model.activation=rellu"], "relu"),
        (["seed"], "seed"),
        (["resume=nowhere"], "there is no training run in that folder"),
        (["likelihood=bernoulli"], "scaling=log_min_max"),
        (["store=nowhere"], "nowhere"),
    ],
)
def test_a_mistake_is_explained_before_any_work(arguments: list[str], expected: str, tmp_path: Path) -> None:
    done = run_here("train", arguments, tmp_path)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.parquet"))
    assert not list(tmp_path.glob("outputs/train/*"))


def test_a_mistake_is_told_on_standard_error_alone(tmp_path: Path) -> None:
    done = run_script("train", ["model=cvea"], tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Did you mean 'cvae'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_traceback_is_there_for_those_who_ask(tmp_path: Path) -> None:
    done = run_script("train", ["model.latent=-5"], tmp_path, HYDRA_FULL_ERROR="1")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


@pytest.mark.parametrize("command", ["prepare", "train", "generate"])
def test_help_is_quick_and_names_the_choices(command: str, tmp_path: Path) -> None:
    start = time.perf_counter()
    done = run_script(command, ["--help"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"gtexgen-{command}" in done.stdout
    assert time.perf_counter() - start < 5, "2 seconds are promised; the rest is for a busy machine"
    assert not list(tmp_path.iterdir())


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    done = run_script("train", ["--help"], tmp_path, PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "hydra" in imported
    assert not imported & {"torch", "lightning", "umap", "pandas", "pyarrow", "sklearn", "optuna"}


def test_a_folder_of_the_users_own_adds_choices(tmp_path: Path) -> None:
    own = tmp_path / "own" / "experiment"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("# @package _global_\nmodel: {latent: 7}\n")
    arguments = ["--config-dir", str(tmp_path / "own"), "experiment=mine", "--cfg", "job"]
    done = run_script("train", arguments, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "latent: 7" in done.stdout
