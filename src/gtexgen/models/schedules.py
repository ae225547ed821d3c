"""How the weight of the KL changes over epochs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gtexgen.errors import ConfigError

__all__ = ["LinearWarmup", "Schedule"]


class Schedule(Protocol):
    """The weight of the KL in an epoch."""

    def __call__(self, epoch: int) -> float:
        """Give the weight in an epoch, counted from 1."""
        ...


@dataclass(frozen=True)
class LinearWarmup:
    """A weight that rises by equal steps, from ``1 / epochs`` in the first epoch to 1, and stays there.

    Bowman et al. 2016, *Generating sentences from a continuous space*: a KL of full weight from the start
    can empty the latents before the decoder has learnt to use them.

    Parameters
    ----------
    epochs
        The first epoch of full weight; 0 and 1 both mean no warm-up.

    Raises
    ------
    ConfigError
        Where `epochs` is negative.
    """

    epochs: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 0:
            raise ConfigError(f"model.kl_warmup_epochs must be 0 or more, not {self.epochs}")

    def __call__(self, epoch: int) -> float:
        """Give the weight in an epoch, counted from 1."""
        return min(1.0, epoch / self.epochs) if self.epochs else 1.0
