"""Which process of several speaks, and which run is the latest."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["link_latest", "on_first_rank"]


def on_first_rank() -> bool:
    """Whether this process is the one of a distributed run that writes and prints."""
    from lightning.pytorch.utilities import rank_zero_only

    return int(getattr(rank_zero_only, "rank", 0) or 0) == 0


def link_latest(outputs: Path, folder: Path) -> None:
    """Point ``outputs/latest`` to `folder`, in one step, so that it is never absent or half made."""
    outputs.mkdir(parents=True, exist_ok=True)
    partial = outputs / f".latest-{os.getpid()}"
    partial.unlink(missing_ok=True)
    partial.symlink_to(os.path.relpath(folder, outputs), target_is_directory=True)
    partial.replace(outputs / "latest")
