"""The training curves of a run, from its TensorBoard event files."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd

__all__ = ["CURVES", "read_curves"]

CURVES = ("train/elbo", "val/elbo", "train/kl", "val/kl", "train/mse", "val/mse")
"""The scalars that a report shows."""


def read_curves(run_folder: str | Path) -> pd.DataFrame | None:
    """Read what a run logged by epoch.

    Parameters
    ----------
    run_folder
        The folder of a training run; its event files are in ``tensorboard/``.

    Returns
    -------
    pandas.DataFrame or None
        Columns ``epoch`` (from 1), ``metric`` (those of `CURVES`) and ``value``, a row a point. An epoch that was
        logged by two attempts of a resumed run has the later value. None where the run left no such scalars.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = Path(run_folder) / "tensorboard"
    if not folder.is_dir():
        return None
    logging.getLogger("tensorboard").setLevel(logging.WARNING)  # it tells of every file that it opens
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    logged = [metric for metric in CURVES if metric in events.Tags()["scalars"]]
    if not logged:
        return None
    points = [(event.step, metric, event.value) for metric in logged for event in events.Scalars(metric)]
    curves = pd.DataFrame(points, columns=["epoch", "metric", "value"])
    return curves.drop_duplicates(["epoch", "metric"], keep="last", ignore_index=True)
