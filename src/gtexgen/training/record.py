"""The record of a training run: what is known before it begins."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from gtexgen.config.schema import RunSettings
from gtexgen.data.store import ExpressionStore
from gtexgen.errors import ConfigError
from gtexgen.provenance import describe_process, write_record
from gtexgen.training.ranks import on_first_rank

__all__ = ["open_record"]


def open_record(
    settings: RunSettings, store: ExpressionStore, folder: Path, *, resume: str | None = None
) -> dict[str, Any]:
    """Write ``config.yaml`` and ``run.json``, and give what the latter holds.

    Parameters
    ----------
    settings
        All that the command was told.
    store
        The expression to learn.
    folder
        Output folder of the run.
    resume
        The run that goes on, if one does: the record of the earlier attempts at it is kept.

    Raises
    ------
    ConfigError
        If `folder` holds another run, or the run it holds was trained on other data.
    """
    path = folder / "run.json"
    data = {"store": str(store.path.resolve()), "fingerprint": store.fingerprint}
    attempts: list[dict[str, Any]] = []
    if resume is not None:
        earlier = json.loads(path.read_text(encoding="utf-8"))
        if earlier["data"]["fingerprint"] != store.fingerprint:
            raise ConfigError(f"resume={resume}: that run was trained on other data than {store.path} now holds")
        attempts = earlier["attempts"]
    elif path.exists() and on_first_rank():
        raise ConfigError(
            f"{folder} already holds a run.\n  Remedy: resume={folder} to go on with it, or another hydra.run.dir."
        )
    record = {"status": "running", "seed": settings.seed, "data": data, "attempts": [*attempts, describe_process()]}
    if on_first_rank():
        folder.mkdir(parents=True, exist_ok=True)
        resolved = asdict(settings) | {"store": str(store.path.resolve())}
        resolved |= {"resume": None} if "resume" in resolved else {}
        if settings.store is not None and resume is None:
            resolved["data"] = None  # the store says where its data come from
        (folder / "config.yaml").write_text(yaml.safe_dump(resolved, sort_keys=False), encoding="utf-8")
        write_record(path, record)
    return record
