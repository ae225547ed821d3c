"""Outputs appear whole or not at all."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gtexgen.data.atomic import atomic_file, atomic_folder
from gtexgen.errors import DataError


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def interrupted_file(path: Path) -> None:
    with atomic_file(path) as partial:
        partial.write_text("half")
        raise KeyboardInterrupt


def failing_folder(path: Path) -> None:
    with atomic_folder(path) as partial:
        (partial / "a").write_text("1")
        raise RuntimeError


def test_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    final = tmp_path / "new" / "table.csv"
    with atomic_file(final) as partial:
        partial.write_text("whole")
        assert not final.exists()
    assert final.read_text() == "whole"
    assert names(final.parent) == ["table.csv"]


def test_failed_file_leaves_the_old_one(tmp_path: Path) -> None:
    final = tmp_path / "table.csv"
    final.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        interrupted_file(final)
    assert final.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


def test_file_does_not_replace_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a folder of this name exists"), atomic_file(tmp_path):
        pass


def test_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    final = tmp_path / "store"
    with atomic_folder(final) as partial:
        (partial / "inner").mkdir()
        (partial / "inner" / "a").write_text("1")
        assert not final.exists()
    assert (final / "inner" / "a").read_text() == "1"
    assert names(tmp_path) == ["store"]


def test_failed_folder_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        failing_folder(tmp_path / "store")
    assert names(tmp_path) == []


def test_taken_folder_is_refused_and_replaced_on_request(tmp_path: Path) -> None:
    final = tmp_path / "store"
    final.mkdir()
    (final / "old").touch()
    with pytest.raises(DataError, match="overwrite=true"), atomic_folder(final):
        pass
    with pytest.raises(RuntimeError), atomic_folder(final, overwrite=True):
        raise RuntimeError
    assert names(final) == ["old"]
    with atomic_folder(final, overwrite=True) as partial:
        (partial / "new").touch()
    assert names(final) == ["new"]
    assert names(tmp_path) == ["store"]


def test_empty_folder_is_filled_and_file_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with atomic_folder(tmp_path / "empty") as partial:
        (partial / "a").touch()
    assert names(tmp_path / "empty") == ["a"]
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="a file of this name"), atomic_folder(tmp_path / "file"):
        pass


KILLED = """
import os, signal, sys
from gtexgen.data.atomic import atomic_folder
with atomic_folder(sys.argv[1]) as partial:
    (partial / "half").write_text("1")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_process_leaves_no_final_name_and_the_next_try_cleans_up(tmp_path: Path) -> None:
    final = tmp_path / "store"
    done = subprocess.run([sys.executable, "-c", KILLED, str(final)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = names(tmp_path)
    assert left.startswith(".store.partial-")
    foreign = tmp_path / f".store.partial-{os.getpid()}-another-host-abcdef"
    foreign.mkdir()
    with atomic_folder(final) as partial:
        assert {entry.name for entry in tmp_path.iterdir()} == {partial.name, foreign.name}
    assert names(tmp_path) == [foreign.name, "store"]


FULL = """
import sys
from gtexgen.data.atomic import atomic_file
from gtexgen.errors import DataError
try:
    with atomic_file(sys.argv[1]) as partial, partial.open("wb", buffering=0) as handle:
        while True:
            handle.write(bytes(10_000))
except DataError as error:
    print(error)
"""


def test_full_disk_is_explained(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "table.csv")],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert "the disk is full" in done.stdout
    assert str(tmp_path / "table.csv") in done.stdout
    assert names(tmp_path) == []
