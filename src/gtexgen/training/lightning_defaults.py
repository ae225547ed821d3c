"""Lightning's Trainer without what it prints, times and sanity-checks by default."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.profilers import PassThroughProfiler

from gtexgen.errors import ConfigError

__all__ = ["make_trainer", "quiet_lightning"]

NOTHING = nullcontext("")

NOISE = (
    "It is recommended to use .*sync_dist=True",  # the figures are summed over the ranks before they are logged
    "You have overridden `transfer_batch_to_device` in `LightningModule`",
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
)
"""Warnings of Lightning that say nothing about a run."""


def make_trainer(**options: Any) -> Trainer:
    """Make a Trainer that leaves logging, progress and batches of ranks to us.

    Parameters
    ----------
    **options
        Arguments of Lightning's Trainer.

    Raises
    ------
    ConfigError
        Where Lightning refuses an option: no such accelerator, strategy or precision, or no such device here.
    """
    try:
        return Trainer(
            log_every_n_steps=0,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            profiler=_NoProfiler(),
            **options,
        )
    except Exception as error:  # Lightning's own error is private, and its choices are open to plugins
        raise ConfigError(f"trainer: {error}") from error


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Keep Lightning's adverts and notes out of the output; its errors and warnings of substance stay."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        with warnings.catch_warnings():
            for message in NOISE:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


class _NoProfiler(PassThroughProfiler):
    """Lightning's own one makes a generator for each of its 50 timings a step, even when nothing is timed."""

    def profile(self, action_name: str) -> AbstractContextManager[str]:  # type: ignore[override]
        return NOTHING
