"""Download a large file so that a broken connection, or a killed process, costs only what was in flight."""

from __future__ import annotations

import fcntl
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from gtexgen.data.atomic import atomic_file
from gtexgen.data.portal.transfer import BrokenError, ChangedError, Part, fetch_rest
from gtexgen.errors import DataError

__all__ = ["DownloadRecord", "download"]

LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class DownloadRecord:
    """What was downloaded, kept as JSON beside the file (``NAME.json``).

    Attributes
    ----------
    url
        Where it came from; None for a file that was already there.
    size, sha256
        Of the file, in bytes and hexadecimal.
    version
        The server's ETag, else its Last-Modified, else None.
    finished
        When, in UTC.
    """

    url: str | None
    size: int
    sha256: str
    version: str | None
    finished: str


def download(
    url: str,
    path: str | Path,
    *,
    retries: int = 8,
    timeout: float = 60.0,
    pause: float = 1.0,
    progress: bool = True,
) -> DownloadRecord:
    """Download `url` to `path`, going on from where an earlier try stopped.

    The bytes go to ``.NAME.part``, which gets its final name when its length is what the server stated. A try
    goes on only from the same version of the file (by its ETag or date); otherwise, or when the server cannot
    send a part of it, it starts anew. A file that is already complete is not asked for.

    Parameters
    ----------
    url
        An http or https address.
    path
        The file to write; its folder is made.
    retries
        How often in a row to try again without getting further.
    timeout
        Seconds without a byte after which the connection counts as broken.
    pause
        Seconds before the first retry; doubled with each one in a row, to at most 30.
    progress
        Show a progress bar.

    Raises
    ------
    DataError
        If the server refuses the file, the connection keeps breaking, the disk is full, another process is
        downloading the same file, or the file that is there is not the one that was downloaded.
    """
    path = Path(path)
    if path.exists():
        return _already_there(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(_part_path(path)) as handle:
            part = _fetch_all(url, path, handle, retries=retries, timeout=timeout, pause=pause, progress=progress)
            record = DownloadRecord(
                url=url,
                size=handle.tell(),
                sha256=_sha256(_part_path(path)),
                version=part.version,
                finished=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            _write_json(_record_path(path), record)
            _part_path(path).replace(path)
            _state_path(path).unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"cannot write the download: {error.strerror or error}",
            path=path,
            remedy="make room or choose another folder; what has been downloaded is kept",
        ) from error
    return record


def _fetch_all(
    url: str, path: Path, handle: BinaryIO, *, retries: int, timeout: float, pause: float, progress: bool
) -> Part:
    """Fetch until the part is complete, and return what it is."""
    from tqdm import tqdm

    part = _read_state(path, url)
    failures, furthest = 0, handle.seek(0, 2)
    with tqdm(
        desc=path.name, initial=furthest, unit="B", unit_scale=True, unit_divisor=1024, disable=not progress
    ) as bar:
        while True:
            try:
                return fetch_rest(part, handle, timeout, bar, partial(_write_json, _state_path(path)))
            except BrokenError as error:
                if isinstance(error, ChangedError):
                    handle.truncate(0)
                part = _read_state(path, url)
                reached = handle.seek(0, 2)
                failures = 0 if reached > furthest else failures + 1
                furthest = max(reached, furthest)
                if failures > retries:
                    total = "an unknown number of" if part.total is None else part.total
                    raise DataError(
                        f"the download of {url} broke off after {reached} of {total} bytes: {error}",
                        path=path,
                        remedy="run the same command again: it goes on from there",
                    ) from error
                wait = min(pause * 2 ** max(failures - 1, 0), LONGEST_PAUSE)
                bar.set_postfix_str(f"{error}; trying again in {wait:.0f} s")
                time.sleep(wait)


def _already_there(path: Path) -> DownloadRecord:
    """Return the record of a complete file; make one for a file that someone put there."""
    try:
        record = DownloadRecord(**json.loads(_record_path(path).read_text(encoding="utf-8")))
    except FileNotFoundError:
        record = DownloadRecord(
            None, path.stat().st_size, _sha256(path), None, datetime.now(UTC).isoformat(timespec="seconds")
        )
        _write_json(_record_path(path), record)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"not a download record: {error}", path=_record_path(path), remedy="delete it and run again"
        ) from error
    if record.size != path.stat().st_size:
        raise DataError(
            f"has {path.stat().st_size} bytes, but {record.size} were downloaded",
            path=path,
            remedy="delete it and run again to download it anew",
        )
    return record


@contextmanager
def _locked(part: Path) -> Iterator[BinaryIO]:
    """Open the part for reading and writing, as the only process that does."""
    with part.open("ab") as claim:
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataError(
                "another process is downloading this file", path=part, remedy="wait until it has finished"
            ) from error
        try:
            with part.open("r+b") as handle:
                yield handle
        finally:
            if part.exists() and not part.stat().st_size:
                part.unlink()


def _read_state(path: Path, url: str) -> Part:
    """Read what the part holds; nothing known, or another address, means to start anew."""
    try:
        part = Part(**json.loads(_state_path(path).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return Part(url)
    return part if part.url == url else Part(url)


def _write_json(path: Path, content: DownloadRecord | Part) -> None:
    with atomic_file(path) as target:
        target.write_text(json.dumps(asdict(content), indent=2) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _part_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _state_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.part.json")


def _record_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")
