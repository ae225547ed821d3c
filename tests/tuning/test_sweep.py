"""Studies by the console script, with real processes, launchers and databases."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import optuna
import pandas as pd
import psutil
import pytest
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from gtexgen.generator import Generator
from support.console import run_here, run_here_well, run_script, run_well, script

SMALL = [
    "data.donors=20",
    "data.samples=200",
    "data.genes=20",
    "model.hidden=[8]",
    "model.kl.epochs=1",
    "trainer.max_epochs=2",
    "logger=none",
]
SPACE = ["sweep.space_function=null", "model.latent=2,3,4"]
STUDY = ["--multirun", "sweep=demo", *SMALL, *SPACE]


@pytest.fixture(autouse=True)
def _children_heed_ctrl_c() -> Iterator[None]:
    """Where a shell runs the tests in its background, they and all that they start would ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def study_in(folder: Path) -> optuna.Study:
    journal = folder / "outputs" / "sweeps" / "demo" / "journal.log"
    return optuna.load_study(study_name="demo", storage=JournalStorage(JournalFileBackend(str(journal))))


def states(study: optuna.Study) -> Counter[str]:
    return Counter(trial.state.name for trial in study.trials)


def start(arguments: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [script("train"), *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_trials(folder: Path, number: int, process: subprocess.Popen[str]) -> None:
    """Wait until `number` trials have ended and another one runs."""
    for _ in range(600):
        if process.poll() is not None:
            raise AssertionError(process.communicate()[0])
        if (folder / "outputs" / "sweeps" / "demo" / "journal.log").exists():
            found = states(study_in(folder))
            if found["COMPLETE"] + found["PRUNED"] >= number and found["RUNNING"]:
                return
        time.sleep(0.2)
    raise AssertionError(f"no {number} trials after two minutes")


def assert_whole(study: optuna.Study, total: int) -> None:
    """Each of the total has come to its end once; besides there are only those that were killed and run again."""
    replaced = {number for trial in study.trials for number in trial.system_attrs.get("retry_history", [])}
    last = [trial for trial in study.trials if trial.number not in replaced]
    assert len(last) == total
    assert {trial.state for trial in last} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert {study.trials[number].state for number in replaced} <= {TrialState.FAIL}


@pytest.mark.slow
def test_a_study_leaves_its_best_generator_settings_tables_and_curves(tmp_path: Path) -> None:
    small = [setting for setting in SMALL if setting != "logger=none"]
    arguments = ["--multirun", "sweep=demo", *small, *SPACE, "sweep.trials=4", "trainer.learning_rate=0.002,0.004"]
    lines = run_well("train", arguments, tmp_path)
    folder = tmp_path / "outputs" / "sweeps" / "demo"
    study = study_in(tmp_path)
    assert_whole(study, 4)
    assert Path(lines[-1]).resolve() == (folder / "trials" / str(study.best_trial.number) / "generator").resolve()
    assert (tmp_path / "outputs" / "latest").resolve() == (folder / "best").resolve()
    Generator.load(folder / "best").sample(5, seed=0)
    table = pd.read_parquet(folder / "trials.parquet")
    assert table["val/elbo"].max() == pytest.approx(study.best_value)
    assert "model.latent" in (folder / "study.html").read_text()
    for trial in study.trials:
        assert list((folder / "trials" / str(trial.number) / "tensorboard").glob("events*"))
        assert trial.intermediate_values.keys() == {1, 2}
    again = run_well("train", ["--config-dir", str(folder), "experiment=best", "outputs=again"], tmp_path)
    best = Generator.load(again[-1])
    assert best.settings["model"]["latent"] == study.best_params["model.latent"]
    assert best.settings["model"]["hidden"] == [8]
    assert best.metrics["val/elbo"] == pytest.approx(study.best_value, abs=1e-3)


@pytest.mark.slow
def test_what_is_killed_is_run_again_and_nothing_else(tmp_path: Path) -> None:
    arguments = [*STUDY, "sweep.trials=9", "sweep.workers=2", "trainer.max_epochs=12"]
    whole = start(arguments, tmp_path)
    wait_for_trials(tmp_path, 1, whole)
    workers = psutil.Process(whole.pid).children()
    assert len(workers) == 2
    os.kill(workers[0].pid, signal.SIGKILL)
    wait_for_trials(tmp_path, 3, whole)
    for process in [*psutil.Process(whole.pid).children(recursive=True), psutil.Process(whole.pid)]:
        process.send_signal(signal.SIGKILL)
    whole.communicate()
    before = states(study_in(tmp_path))
    assert before["COMPLETE"] + before["PRUNED"] < 9
    run_well("train", arguments, tmp_path)
    study = study_in(tmp_path)
    assert_whole(study, 9)
    assert states(study)["FAIL"] <= 3
    assert {trial.user_attrs["error"] for trial in study.trials if trial.state == TrialState.FAIL} == {
        "its process was killed"
    }
    assert run_well("train", arguments, tmp_path)[-1] == str(tmp_path / "outputs/sweeps/demo/best/generator")
    assert len(study_in(tmp_path).trials) == len(study.trials)


@pytest.mark.slow
def test_ctrl_c_keeps_what_has_ended_and_the_study_goes_on(tmp_path: Path) -> None:
    arguments = [*STUDY, "sweep.trials=4", "sweep.workers=2", "trainer.max_epochs=150", "trainer.patience=150"]
    process = start(arguments, tmp_path)
    wait_for_trials(tmp_path, 1, process)
    one_that_is_killed = psutil.Process(process.pid).children()[0]
    process.send_signal(signal.SIGINT)
    one_that_is_killed.kill()
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 130
    assert "best trial" in output
    found = states(study_in(tmp_path))
    assert found["COMPLETE"] + found["PRUNED"] >= 1
    assert found["RUNNING"] == 0
    assert found["WAITING"] >= 1
    run_well("train", arguments, tmp_path)
    assert_whole(study_in(tmp_path), 4)


@pytest.mark.slow
def test_a_failing_trial_is_recorded_and_too_many_end_the_study(tmp_path: Path) -> None:
    arguments = ["--multirun", "sweep=demo", *SMALL, "sweep.space_function=null", "sweep.sampler=grid"]
    choice = ["likelihood=gaussian,bernoulli,negative_binomial", "model.latent=2,3"]
    fixed = ["trainer.learning_rate=0.01", "loader.batch_size=64"]
    done = run_script("train", [*arguments, *choice, *fixed], tmp_path)
    study = study_in(tmp_path)
    failed = [trial for trial in study.trials if trial.state == TrialState.FAIL]
    assert {trial.params["likelihood"] for trial in failed} <= {"bernoulli", "negative_binomial"}
    assert done.returncode == 1
    assert "sweep.max_failure_rate=0.5" in done.stderr
    assert "scaling" in failed[0].user_attrs["error"]
    assert (tmp_path / "outputs" / "sweeps" / "demo" / "trials.csv").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "launcher",
    [["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"], ["hydra/launcher=submitit_local"]],
    ids=["joblib", "submitit"],
)
def test_the_launchers_of_hydra_run_the_trials(launcher: list[str], tmp_path: Path) -> None:
    run_well("train", [*STUDY, "sweep.trials=4", "sweep.workers=2", *launcher], tmp_path)
    study = study_in(tmp_path)
    assert_whole(study, 4)
    assert os.getpid() not in {trial.user_attrs["process"]["pid"] for trial in study.trials}
    assert len({trial.user_attrs["process"]["pid"] for trial in study.trials}) >= 2


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, served for the test."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs and shutil.which("initdb") is None:
        pytest.skip("PostgreSQL's server is not installed")
    binaries = programs[-1] if programs else Path(str(shutil.which("initdb"))).parent
    folder = tmp_path_factory.mktemp("postgresql")
    as_user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
        for parent in [folder, *folder.parents]:
            if parent.owner() == "root" and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)
    data, port = folder / "data", free_port()

    def run(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, capture_output=True, cwd=folder)

    run(str(binaries / "initdb"), "-D", str(data), "-U", "gtexgen", "--auth=trust", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run(str(binaries / "pg_ctl"), "-D", str(data), "-o", options, "-w", "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql+psycopg://gtexgen@127.0.0.1:{port}/postgres"
    finally:
        run(str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")


def free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.slow
def test_two_commands_share_a_study_in_postgresql(database: str, tmp_path: Path) -> None:
    arguments = [*STUDY, "sweep.trials=8", f"sweep.storage={database}", "trainer.max_epochs=8"]
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    processes = [start(arguments, folder) for folder in folders]
    outputs = [process.communicate(timeout=200)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    study = optuna.load_study(study_name="demo", storage=RDBStorage(database))
    assert_whole(study, 8)
    assert len(study.trials) == 8
    run_by = Counter(Path(trial.user_attrs["folder"]).relative_to(tmp_path).parts[0] for trial in study.trials)
    assert run_by.keys() == {"one", "two"}
    assert sorted(int(path.name) for folder in folders for path in folder.glob("outputs/sweeps/demo/trials/*")) == list(
        range(8)
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["sweep=demo"], "gtexgen-train --multirun sweep=demo"),
        (["--multirun", "sweep=demoo"], "Did you mean 'demo'"),
        (["--multirun", "sweep=demo", "sweep.trails=3"], "Did you mean 'trials'"),
        (["--multirun", "sweep=demo", "sweep.trials=0"], "sweep.trials = 0: must be 1 or more"),
        (["--multirun", "sweep=demo", "sweep.sampler=tpf"], "tpe, nsga2, qmc, random, grid"),
        (["--multirun", "sweep=demo", "sweep.sampler_options={n:3}"], "n_startup_trials"),
        (["--multirun", "sweep=demo", "model.latnet=2,3"], "latnet"),
        (["--multirun", "sweep=demo", "model.latent=interval(-3, 5)"], "model.latent"),
        (["--multirun", "sweep=demo", "likelihood=gaussian,poisson"], "poisson"),
        (["--multirun", "sweep=demo", "sweep.objectives=[val/elbo,val/kl]"], "each metric needs"),
        (["--multirun", "sweep=beta_vae", "sweep.pruner=median"], "one objective, not by 2"),
        (["--multirun", "sweep=demo", "sweep.constraints={val/kl: '5'}"], "no bound"),
        (
            ["--multirun", "sweep=demo", "sweep.space_function=gtexgen.tuning.spaces.layer"],
            "there is no gtexgen.tuning",
        ),
        (["--multirun", "sweep=demo", "sweep.sampler=grid"], "grid"),
        (["--multirun", "sweep=demo", "sweep.gpus=all", "sweep.workers=2"], "auto, none, or a list"),
    ],
)
def test_a_mistake_stops_the_study_before_any_work(arguments: list[str], reason: str, tmp_path: Path) -> None:
    done = run_here("train", arguments, tmp_path)
    assert done.returncode == 1
    assert reason in done.stderr
    assert not list(tmp_path.glob("outputs/**/trials/*"))


@pytest.mark.slow
def test_a_metric_that_there_is_not_ends_the_study_and_may_be_corrected(tmp_path: Path) -> None:
    study = [*STUDY, "sweep.trials=2", "sweep.pruner=none"]
    done = run_here("train", [*study, "sweep.objectives=[val/elbow]"], tmp_path)
    assert done.returncode == 1
    assert "there is no metric 'val/elbow'. Did you mean 'val/elbo'?" in done.stderr
    run_here_well("train", study, tmp_path)
    assert states(study_in(tmp_path)) == {"FAIL": 1, "COMPLETE": 2}
    assert not list(tmp_path.glob("outputs/sweeps/demo/trials/*/checkpoints"))


def test_a_store_that_is_not_there_stops_the_study_before_any_work(tmp_path: Path) -> None:
    done = run_here("train", ["--multirun", "sweep=demo", "store=nowhere"], tmp_path)
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert not list(tmp_path.glob("outputs/**/trials/*"))
