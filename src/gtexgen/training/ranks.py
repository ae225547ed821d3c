"""Which process of several speaks."""

from __future__ import annotations

__all__ = ["on_first_rank"]


def on_first_rank() -> bool:
    """Whether this process is the one of a distributed run that writes and prints."""
    from lightning.pytorch.utilities import rank_zero_only

    return int(getattr(rank_zero_only, "rank", 0) or 0) == 0
