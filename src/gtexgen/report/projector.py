"""Samples for TensorBoard's projector, which embeds them anew in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["write_projector"]

FloatArray: TypeAlias = npt.NDArray[np.floating]


def write_projector(folder: Path, values: FloatArray, labels: pd.DataFrame) -> None:
    """Write what ``tensorboard --logdir FOLDER`` shows under Projector.

    Parameters
    ----------
    folder
        Where the files go.
    values
        What was embedded, ``(samples, features)``.
    labels
        A row a sample, two columns or more; all can be searched for and colour the samples.
    """
    from torch.utils.tensorboard import SummaryWriter

    text = labels.astype(object).where(labels.notna(), "").astype(str)
    rows = text.replace(r"[\t\r\n]+", " ", regex=True).to_numpy().tolist()
    with SummaryWriter(str(folder)) as writer:
        writer.add_embedding(values, rows, tag="samples", metadata_header=list(map(str, labels)))
