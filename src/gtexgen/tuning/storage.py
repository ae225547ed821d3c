"""Where a study is kept, and the lock that lets one process at a time take a trial."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gtexgen.errors import ConfigError
from gtexgen.tuning.interrupts import interrupts_held

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from sqlalchemy.engine import Engine

__all__ = ["MISSED_HEARTBEATS", "open_storage", "study_lock"]

MISSED_HEARTBEATS = 3
"""Signs of life in a row that a trial misses before it is taken for dead."""

SECONDS_FOR_LOCK = 600


def open_storage(url: str | None, folder: Path, *, heartbeat: int, retries: int) -> BaseStorage:
    """Open the storage of a study, and make it where there is none.

    Parameters
    ----------
    url
        Of a database, as SQLAlchemy writes it. None is a journal file in `folder`, for the processes of one machine.
    folder
        The study's.
    heartbeat
        Seconds between signs of life, which only a database keeps.
    retries
        How often a trial is tried again that gave none.

    Raises
    ------
    ConfigError
        If the database cannot be reached, or its driver is not installed.
    """
    from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
    from sqlalchemy import create_engine

    if url is None:
        folder.mkdir(parents=True, exist_ok=True)
        return _journal(folder / "journal.log")
    try:
        with _locked(create_engine(url), "tables", folder):  # two processes that make the tables at once would fail
            return RDBStorage(
                url,
                heartbeat_interval=heartbeat,
                grace_period=MISSED_HEARTBEATS * heartbeat,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=retries),
            )
    except ImportError as error:
        raise ConfigError(
            f"sweep.storage: {error}\n  Remedy: install gtexgen with its extra 'postgresql', or your database's driver."
        ) from error
    except Exception as error:  # each driver has errors of its own
        raise ConfigError(f"sweep.storage: the database cannot be used: {str(error).splitlines()[0]}") from error


def _journal(path: Path) -> BaseStorage:
    """Open a journal file whose lock a Ctrl-C can neither break nor leave behind."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    class WholeWrites(JournalFileBackend):
        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            with interrupts_held():
                super().append_logs(logs)

    return JournalStorage(WholeWrites(str(path)))


@contextmanager
def study_lock(storage: BaseStorage, name: str, folder: Path) -> Iterator[None]:
    """Keep every other process that shares the study out; a process that dies lets go.

    Parameters
    ----------
    storage
        As `open_storage` gives it.
    name
        The study's.
    folder
        The study's; it holds the lock where the storage is a file.
    """
    from optuna.storages import RDBStorage

    with _locked(storage.engine if isinstance(storage, RDBStorage) else None, name, folder):
        yield


LOCKS = {
    "postgresql": ("SELECT pg_advisory_lock(:key)", "SELECT pg_advisory_unlock(:key)"),
    "mysql": (f"SELECT GET_LOCK(:key, {SECONDS_FOR_LOCK})", "SELECT RELEASE_LOCK(:key)"),
}
"""How a database that several machines reach takes a lock for a connection and gives it back."""


@contextmanager
def _locked(engine: Engine | None, name: str, folder: Path) -> Iterator[None]:
    """Hold a lock in the database where it has locks, and else as a file of the folder."""
    if engine is None or engine.dialect.name not in LOCKS:
        from filelock import FileLock

        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "study.lock", timeout=SECONDS_FOR_LOCK):
            yield
        return
    from sqlalchemy import text

    take, give_back = (text(statement) for statement in LOCKS[engine.dialect.name])
    key = {"key": zlib.crc32(f"gtexgen study {name}".encode())}
    with engine.connect() as connection:
        connection.execute(take, key)
        try:
            yield
        finally:
            connection.execute(give_back, key)
