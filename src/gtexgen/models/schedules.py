"""How the weight of the KL changes over epochs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gtexgen.errors import ConfigError

__all__ = ["SCHEDULES", "CyclicalWarmup", "LinearWarmup", "Schedule", "kl_schedule"]

SCHEDULES = ("constant", "linear", "cyclical")
"""The schedules by the name they have in a config."""

SHORTEST_CYCLE = 4


class Schedule(Protocol):
    """The weight of the KL in an epoch."""

    @property
    def epochs(self) -> int:
        """The epoch from which the weight is 1 for good."""
        ...

    def __call__(self, epoch: float) -> float:
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
            raise ConfigError(f"a warm-up takes 0 epochs or more, not {self.epochs}")

    def __call__(self, epoch: float) -> float:
        """Give the weight in an epoch, counted from 1."""
        return min(1.0, epoch / self.epochs) if self.epochs else 1.0


@dataclass(frozen=True)
class CyclicalWarmup:
    """A weight that rises again and again: by equal steps to 1 over the first half of each cycle, then it stays.

    Fu et al. 2019, *Cyclical annealing schedule: a simple approach to mitigating KL vanishing* (arXiv 1903.10145),
    with steps of an epoch: each cycle begins one step above 0, so that no epoch ignores the KL.

    Parameters
    ----------
    epochs
        The length of all cycles together; afterwards the weight is 1.
    cycles
        How many there are.

    Raises
    ------
    ConfigError
        Where a cycle is too short to rise.
    """

    epochs: int
    cycles: int

    def __post_init__(self) -> None:
        if self.cycles < 1 or self.epochs < SHORTEST_CYCLE * self.cycles:
            raise ConfigError(
                f"model.kl: {self.cycles} cycles do not fit into {self.epochs} epochs; "
                f"there must be 1 or more, of {SHORTEST_CYCLE} epochs or more each.\n"
                f"  Remedy: model.kl.epochs={SHORTEST_CYCLE * max(self.cycles, 1)} or more, or fewer model.kl.cycles."
            )

    def __call__(self, epoch: float) -> float:
        """Give the weight in an epoch, counted from 1."""
        if epoch >= self.epochs:
            return 1.0
        length = self.epochs / self.cycles
        return min(1.0, 2 * ((epoch - 1) % length + 1) / length)


def kl_schedule(schedule: str, *, epochs: int, cycles: int) -> Schedule:
    """Give the schedule that the keys of ``model.kl`` describe.

    Parameters
    ----------
    schedule
        One of `SCHEDULES`.
    epochs
        Its length; ``constant`` has none.
    cycles
        How often ``cyclical`` rises within it; the others rise once at most.

    Raises
    ------
    ConfigError
        Where there is no such schedule, or its numbers do not fit.
    """
    match schedule:
        case "constant":
            return LinearWarmup(0)
        case "linear":
            return LinearWarmup(epochs)
        case "cyclical":
            return CyclicalWarmup(epochs, cycles)
    raise ConfigError(f"model.kl.schedule: unknown choice {schedule!r}; the choices are: {', '.join(SCHEDULES)}")
