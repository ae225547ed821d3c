from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import optuna
import pandas as pd
import pytest
import yaml
from optuna.trial import TrialState

from gtexgen.tuning.best_config import Changes
from gtexgen.tuning.results import StudyResults, write_results
from support.studies import Direction, make_study, make_trial


def written(study: optuna.Study, folder: Path, title: str) -> StudyResults:
    """Write the results of trials whose command lines set a latent."""

    def changes_of(overrides: Sequence[str]) -> Changes:
        (latent,) = (text.partition("=")[2] for text in overrides if text.startswith("model.latent="))
        return Changes({}, {"model": {"latent": int(latent)}})

    return write_results(study, folder, title=title, changes_of=changes_of)


TWO: tuple[list[Direction], list[str]] = (["maximize", "minimize"], ["val/elbo", "val/spread"])


def test_a_finished_study_leaves_tables_a_page_its_best_settings_and_a_link(tmp_path: Path) -> None:
    trials = [
        make_trial(-9.0, model__latent=8, model__hidden="[512,256]"),
        make_trial(state=TrialState.FAIL),
        make_trial(-5.0, model__latent=64, model__hidden="[256]"),
        make_trial(-8.0, state=TrialState.PRUNED, model__latent=16),
    ]
    for number in range(4):
        (tmp_path / "trials" / str(number)).mkdir(parents=True)
    results = written(make_study(trials), tmp_path, title="A study")
    assert results.best == 2
    assert results.values == {"val/elbo": -5.0}
    assert results.params == {"model.latent": 64, "model.hidden": "[256]"}
    assert results.counts == {"COMPLETE": 2, "PRUNED": 1, "FAIL": 1, "RUNNING": 0, "WAITING": 0}
    assert results.command == f"gtexgen-train --config-dir {tmp_path} experiment=best store=stores/gtex"
    assert results.feasible
    assert (tmp_path / "best").readlink() == Path("trials/2")
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"best", "experiment", "study.html", "trials", "trials.csv", "trials.parquet"}
    assert "<h1>A study</h1>" in (tmp_path / "study.html").read_text(encoding="utf-8")


def test_both_tables_say_the_same(tmp_path: Path) -> None:
    trials = [make_trial(-9.0, model__latent=8), make_trial(state=TrialState.FAIL, attributes={"error": 'a,\n"b"'})]
    written(make_study(trials), tmp_path, title="A study")
    text, typed = pd.read_csv(tmp_path / "trials.csv"), pd.read_parquet(tmp_path / "trials.parquet")
    assert list(text) == list(typed)
    for name in ("number", "state", "val/elbo", "params.model.latent", "duration_seconds", "error", "retried"):
        assert text[name].dropna().tolist() == typed[name].dropna().tolist()


def test_the_comment_says_whose_settings_these_are_and_how_to_use_them(tmp_path: Path) -> None:
    folder = tmp_path / "a study"
    results = written(make_study([make_trial(-5.25, model__latent=64)]), folder, title="A study")
    text = (folder / "experiment" / "best.yaml").read_text(encoding="utf-8")
    assert results.command is not None
    assert "# Study made, trial 0 of 2026-11-26 09:31: val/elbo = -5.25." in text
    assert f"#   {results.command}" in text
    assert f"'{folder}' experiment=best store=stores/gtex" in text
    assert yaml.safe_load(text)["model"] == {"latent": 64}
    assert not (folder / "best").exists()


def test_every_trial_of_the_front_is_an_experiment_while_it_is_there(tmp_path: Path) -> None:
    study = make_study([make_trial(1.0, 0.1, model__latent=8), make_trial(3.0, 0.5, model__latent=16)], *TWO)
    assert written(study, tmp_path, title="Two").best == 1
    experiments = tmp_path / "experiment"
    (experiments / "mine.yaml").write_text("seed: 1\n")
    assert {path.stem for path in experiments.iterdir()} == {"best", "mine", "pareto_0", "pareto_1"}
    study.add_trial(make_trial(4.0, 0.05, model__latent=32))
    assert written(study, tmp_path, title="Two").best == 2
    assert {path.stem for path in experiments.iterdir()} == {"best", "mine", "pareto_2"}
    assert yaml.safe_load((experiments / "best.yaml").read_text())["model"] == {"latent": 32}


@pytest.mark.parametrize("state", [None, TrialState.FAIL, TrialState.RUNNING, TrialState.WAITING])
def test_without_a_complete_trial_there_is_no_best(tmp_path: Path, state: TrialState | None) -> None:
    (tmp_path / "best").symlink_to("trials/0")
    results = written(make_study([make_trial(state=state)] if state else []), tmp_path, title="None")
    assert (results.best, results.values, results.params, results.command) == (None, {}, {}, None)
    assert {path.name for path in tmp_path.iterdir()} == {"study.html", "trials.csv", "trials.parquet"}


def test_a_best_trial_that_does_not_say_what_it_ran_is_no_experiment(tmp_path: Path) -> None:
    trial = make_trial(1.0)
    trial.user_attrs = {}
    results = written(make_study([trial]), tmp_path, title="Unknown")
    assert (results.best, results.command) == (0, None)
