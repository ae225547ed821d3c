"""What made a result: the command, the versions, the commit and the seed, written beside it."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["describe_process", "git_commit", "package_versions", "write_record"]

_PACKAGES = (
    "gtexgen", "torch", "lightning", "hydra-core", "omegaconf", "numpy", "pandas", "pyarrow", "scikit-learn",
    "safetensors", "tensorboard", "anndata", "matplotlib", "optuna", "plotly", "umap-learn",
)  # fmt: skip


def package_versions() -> dict[str, str]:
    """Return the installed version of Python and of every package that a result depends on."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def git_commit() -> str | None:
    """Return the commit of the checkout gtexgen runs from, with ``+changes`` if it was edited; else None."""
    folder = Path(__file__).resolve().parent
    if not (folder.parents[1] / ".git").exists():
        return None
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}+changes" if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def describe_process() -> dict[str, Any]:
    """Return the command line, folder, versions, commit and machine of this process."""
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "folder": str(Path.cwd()),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": package_versions(),
        "git_commit": git_commit(),
        "platform": platform.platform(),
    }


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write `record` as JSON, replacing `path` in one step."""
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    partial.write_text(json.dumps(record, indent=2, default=str) + "\n", encoding="utf-8")
    partial.replace(path)
