"""Outputs that appear whole or not at all.

Everything is written to a hidden sibling, ``.NAME.partial-PID-HOST-...``, flushed to disk and renamed. An
error removes the sibling. A killed process leaves it behind, never the final name; the next try removes it.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gtexgen.errors import DataError

__all__ = ["atomic_file", "atomic_folder", "atomic_link", "explain_full_disk"]

DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a path to write to; it takes the final name, replacing any older file, when the block succeeds.

    Raises
    ------
    DataError
        The final name is a folder, or the disk is full.
    """
    final = Path(path).resolve()
    if final.is_dir():
        raise DataError("a folder of this name exists", path=path, remedy="give the name of a file")
    with _partial(final) as partial:
        yield partial
        _flush(partial)
        partial.replace(final)
        _flush(final.parent)


@contextmanager
def atomic_folder(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty folder to fill; it takes the final name when the block succeeds.

    Parameters
    ----------
    path
        The final name; missing parents are made.
    overwrite
        Replace a folder that holds something. The old one stays until the new one is complete.

    Raises
    ------
    DataError
        The final name is taken, or the disk is full.
    """
    final = Path(path).resolve()
    if final.exists() and not final.is_dir():
        raise DataError("a file of this name exists", path=path, remedy="give another name")
    taken = final.is_dir() and any(final.iterdir())
    if taken and not overwrite:
        raise DataError(
            "the folder exists and is not empty", path=path, remedy="give another name, or set overwrite=true"
        )
    with _partial(final) as partial:
        partial.mkdir()
        yield partial
        for entry in sorted(partial.rglob("*"), reverse=True):
            _flush(entry)
        _flush(partial)
        if taken:
            replaced = _sibling(final)
            final.rename(replaced)
            partial.rename(final)
            shutil.rmtree(replaced)
        else:
            partial.rename(final)
        _flush(final.parent)


def atomic_link(link: Path, target: Path) -> None:
    """Point `link` to the folder `target`, in one step, so that it is never absent or half made."""
    link.parent.mkdir(parents=True, exist_ok=True)
    partial = _sibling(link)
    partial.symlink_to(os.path.relpath(target.resolve(), link.parent.resolve()), target_is_directory=True)
    partial.replace(link)


@contextmanager
def explain_full_disk(path: Path) -> Iterator[None]:
    """Turn the system's error for a full disk, met while making `path`, into a `DataError`."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise DataError(
            f"the disk is full or a quota is reached ({error.strerror}); nothing was written under this name",
            path=path,
            remedy="free some space, or write to another disk",
        ) from error


@contextmanager
def _partial(final: Path) -> Iterator[Path]:
    """Yield a hidden sibling of `final`, removed at the end if still there; dead processes' go first."""
    final.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(final)
    partial = _sibling(final)
    try:
        with explain_full_disk(final):
            yield partial
    finally:
        _remove(partial)


def _sibling(final: Path) -> Path:
    token = f"{os.getpid()}-{socket.gethostname()}-{secrets.token_hex(3)}"
    return final.with_name(f".{final.name}.partial-{token}")


def _remove_stale(final: Path) -> None:
    """Remove the partial outputs of processes of this machine that are no more."""
    host = re.escape(socket.gethostname())
    pattern = re.compile(rf"\.{re.escape(final.name)}\.partial-(\d+)-{host}-[0-9a-f]{{6}}")
    for entry in final.parent.iterdir():
        match = pattern.fullmatch(entry.name)
        if match and not _is_running(int(match[1])):
            _remove(entry)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Force a file or folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
