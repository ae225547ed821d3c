"""The real samples that tables are judged by, and the candidates that are judged by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.evaluation.feature_space import FeatureSpace
from gtexgen.evaluation.samples import Samples

__all__ = ["Candidate", "Draw", "Latents", "Reference"]

Draw: TypeAlias = Callable[[], Samples]
"""Gives one table; called when the table is needed, so that not all are held at a time."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Real samples in parts that share no donor.

    Attributes
    ----------
    training
        What the judged generator was trained on.
    held_out
        Of donors that it never saw: what every table is compared with.
    independent
        Of further donors, neither trained on nor compared with; None where there are none.
    space
        Fitted to `training`.
    condition
        The label by which tables are compared.
    """

    training: Samples
    held_out: Samples
    independent: Samples | None
    space: FeatureSpace
    condition: str


@dataclass(frozen=True, eq=False)
class Latents:
    """Where a generator places the held-out samples.

    Attributes
    ----------
    points
        ``(samples, latents)``, float64.
    labels
        Of these samples.
    """

    points: npt.NDArray[np.float64]
    labels: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Candidate:
    """What is judged, or stands beside it.

    Attributes
    ----------
    title
        Its name in print.
    draws
        Its tables, one for each generation seed.
    bodies
        Samples of whole donors; None where it has none.
    private_draws
        The tables whose privacy is measured, where they are not `draws`: real samples that were trained on would be
        found as what they are.
    latents
        None where it has no latent space.
    """

    title: str
    draws: Sequence[Draw]
    bodies: Draw | None = None
    private_draws: Sequence[Draw] | None = None
    latents: Latents | None = None
