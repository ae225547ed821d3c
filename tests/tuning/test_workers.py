from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gtexgen.errors import ConfigError, TrainingError
from gtexgen.tuning.workers import WORKER, Workers, visible_gpus, worker_environment

TOUCH_AND_WAIT = """
import os, pathlib, sys, time
pathlib.Path(sys.argv[1], f"{os.environ['NAME']}-{os.getpid()}").touch()
try:
    time.sleep(60)
except KeyboardInterrupt:
    pathlib.Path(sys.argv[1], f"interrupted-{os.environ['NAME']}").touch()
"""


def environments(workers: int, gpus: list[str], cores: int) -> list[dict[str, str]]:
    return [worker_environment(worker, workers, gpus, cores) for worker in range(workers)]


def test_workers_get_the_gpus_in_turn() -> None:
    assert [given["CUDA_VISIBLE_DEVICES"] for given in environments(5, ["0", "2", "GPU-8f"], 8)] == [
        "0",
        "2",
        "GPU-8f",
        "0",
        "2",
    ]
    assert [given[WORKER] for given in environments(3, ["0"], 8)] == ["0", "1", "2"]


def test_without_a_gpu_no_worker_sees_one() -> None:
    assert {given["CUDA_VISIBLE_DEVICES"] for given in environments(2, [], 8)} == {""}


@pytest.mark.parametrize(("workers", "cores", "threads"), [(2, 2, 1), (2, 16, 8), (3, 16, 5), (8, 2, 1), (1, 4, 4)])
def test_workers_share_the_cores_and_take_no_more(workers: int, cores: int, threads: int) -> None:
    for given in environments(workers, [], cores):
        assert {given[name] for name in given if name.endswith("_NUM_THREADS")} == {str(threads)}
        assert given["OMP_NUM_THREADS"] == str(threads)


@pytest.mark.parametrize(
    ("gpus", "environment", "found"),
    [
        ("auto", {"CUDA_VISIBLE_DEVICES": "1, 3"}, ["1", "3"]),
        ("auto", {"CUDA_VISIBLE_DEVICES": ""}, []),
        ("auto", {"CUDA_VISIBLE_DEVICES": "-1"}, []),
        ("auto", {"CUDA_VISIBLE_DEVICES": "MIG-a,MIG-b"}, ["MIG-a", "MIG-b"]),
        ("none", {"CUDA_VISIBLE_DEVICES": "0"}, []),
        ([0, 2], {"CUDA_VISIBLE_DEVICES": "1"}, ["0", "2"]),
        (["GPU-8f"], {}, ["GPU-8f"]),
    ],
)
def test_gpus_are_those_that_are_visible_or_named(gpus: object, environment: dict[str, str], found: list[str]) -> None:
    assert visible_gpus(gpus, environment) == found


@pytest.mark.parametrize("gpus", ["all", 2, [], {"a": 1}])
def test_other_words_for_gpus_are_refused(gpus: object) -> None:
    with pytest.raises(ConfigError, match=r"auto, none, or a list of ids"):
        visible_gpus(gpus, {})


def wait_for(folder: Path, pattern: str, number: int) -> list[Path]:
    for _ in range(200):
        if len(found := sorted(folder.glob(pattern))) >= number:
            return found
        time.sleep(0.05)
    raise AssertionError(f"no {number} of {pattern} in {list(folder.iterdir())}")


def run_to_the_end(workers: Workers) -> None:
    workers.start()
    while workers.are_running():
        time.sleep(0.02)


def test_a_killed_worker_is_replaced_and_ctrl_c_reaches_all(tmp_path: Path) -> None:
    named = [{"NAME": "a"}, {"NAME": "b"}]
    workers = Workers([sys.executable, "-c", TOUCH_AND_WAIT, str(tmp_path)], named, tmp_path / "logs")
    workers.start()
    victim = int(wait_for(tmp_path, "a-*", 1)[0].name.removeprefix("a-"))
    os.kill(victim, signal.SIGKILL)
    for _ in range(100):
        assert workers.are_running()
        if len(list(tmp_path.glob("a-*"))) == 2:
            break
        time.sleep(0.05)
    wait_for(tmp_path, "[ab]-*", 3)
    time.sleep(0.2)
    workers.interrupt()
    assert not workers.are_running()
    wait_for(tmp_path, "interrupted-*", 2)


LOSE_ONE_AND_WAIT = f"""
import signal

class Lost:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, lambda *_: (signal.signal(signal.SIGINT, signal.default_int_handler), Lost()))
{TOUCH_AND_WAIT}
"""


def test_a_worker_that_lost_its_interrupt_in_a_destructor_is_sent_another(tmp_path: Path) -> None:
    workers = Workers([sys.executable, "-c", LOSE_ONE_AND_WAIT, str(tmp_path)], [{"NAME": "a"}], tmp_path / "logs")
    workers.start()
    wait_for(tmp_path, "a-*", 1)
    time.sleep(0.2)
    workers.interrupt(6)
    wait_for(tmp_path, "interrupted-a", 1)
    assert "ignored" in (tmp_path / "logs" / "worker-0.log").read_text()


def test_a_worker_that_ends_with_an_error_stops_all_and_shows_what_it_said(tmp_path: Path) -> None:
    workers = Workers([sys.executable, "-c", "raise SystemExit('no such GPU')"], [{}], tmp_path)
    with pytest.raises(TrainingError, match=r"(?s)worker 0 ended with status 1.*no such GPU.*worker-0.log"):
        run_to_the_end(workers)


def test_a_worker_that_is_killed_time_and_again_is_given_up(tmp_path: Path) -> None:
    die = "import os; os.kill(os.getpid(), 9)"
    workers = Workers([sys.executable, "-c", die], [{}], tmp_path)
    with pytest.raises(TrainingError, match="was killed 4 times"):
        run_to_the_end(workers)


@pytest.mark.parametrize("handler", ["signal.default_int_handler", "signal.SIG_IGN"])
def test_workers_end_with_the_process_that_started_them(handler: str, tmp_path: Path) -> None:
    child = f"from gtexgen.tuning.workers import end_with_parent\nend_with_parent()\n{TOUCH_AND_WAIT}"
    command = [sys.executable, "-c", child, str(tmp_path)]
    parent = f"""
import pathlib, signal, time
from gtexgen.tuning.workers import Workers
signal.signal(signal.SIGINT, {handler})
Workers({command!r}, [{{"NAME": "a"}}], pathlib.Path({str(tmp_path)!r})).start()
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", parent])
    wait_for(tmp_path, "a-*", 1)
    time.sleep(0.2)
    process.kill()
    process.wait()
    wait_for(tmp_path, "interrupted-a", 1)
