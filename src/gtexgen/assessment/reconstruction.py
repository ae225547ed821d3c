"""What a generator makes of the held-out samples: where it places them, and what it decodes from there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.evaluation.reference import Latents
from gtexgen.evaluation.samples import Samples
from gtexgen.generator import NetworkGenerator

__all__ = ["Reconstruction", "reconstruct"]


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """Held-out samples, encoded and decoded.

    Attributes
    ----------
    latents
        Their posterior means.
    expression
        The expected expression there, ``(samples, genes)``, float32, log2(x + 1).
    """

    latents: Latents
    expression: npt.NDArray[np.float32]


def reconstruct(generator: NetworkGenerator, samples: Samples) -> Reconstruction:
    """Encode and decode samples that have the generator's genes, in its order, and the labels of its conditions."""
    units = np.exp2(samples.expression) - 1
    table = pd.concat([samples.labels, pd.DataFrame(units, columns=generator.labels)], axis=1)
    points = generator.encode(table)
    decoded = generator.decode(points, samples.labels)
    expression = np.log2(decoded[generator.labels].to_numpy(dtype=np.float32) + 1)
    return Reconstruction(Latents(points.astype(np.float64), samples.labels), expression)
