"""Optuna without what it says of itself."""

from __future__ import annotations

import logging
import warnings

__all__ = ["quiet_optuna"]

NOISE = (
    "Heartbeat of storage is supposed to be used with Study.optimize",  # the sign of life is ours to give
    "Some regimes for parameter",  # a young study; its page counts the trials
)


def quiet_optuna() -> None:
    """Keep notes on experimental features, on each trial and on database migrations out of this process's output."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    for message in NOISE:
        warnings.filterwarnings("ignore", message=message)
