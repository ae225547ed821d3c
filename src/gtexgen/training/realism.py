"""Whether what a generator draws lies where held-out samples lie: what a study can tune for, in a second or two."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gtexgen.data.training_part import SamplePart
from gtexgen.evaluation.feature_space import FeatureSpace
from gtexgen.evaluation.neighbours import NEIGHBOURS, place
from gtexgen.generator import Generator
from gtexgen.generator.counts import count_combinations

__all__ = ["REALISM", "measure_realism"]

REALISM = ("val/coverage", "val/precision", "val/recall", "val/adversarial_accuracy")
"""The names of the figures."""

MOST_SAMPLES = 2000
SEED = 0x7265_616C


def measure_realism(generator: Generator, part: SamplePart) -> dict[str, float]:
    """Compare real samples with as many generated ones of the same conditions, by nearest neighbours.

    Neighbours are looked for among the principal components of the real samples, on log2(x + 1); see
    `gtexgen.evaluation.neighbours` for the figures. Of many samples, `MOST_SAMPLES` at most are taken.

    Parameters
    ----------
    generator
        As it is to be saved.
    part
        Held-out samples whose conditions it can draw.

    Returns
    -------
    dict
        `REALISM`, or nothing where there are too few samples for neighbours.

    Raises
    ------
    GeneratorError
        The generator gives values that are not finite.
    """
    chosen = np.zeros(len(part.samples), dtype=bool)
    chosen[:: -(-len(chosen) // MOST_SAMPLES)] = True
    if chosen.sum() <= NEIGHBOURS + 1:
        return {}
    real = _log2(_expression(generator, part, chosen))
    requests: Any = count_combinations(part.samples[chosen], generator.fields).to_dict("records")
    generated = generator.sample(requests, seed=SEED, allow_unseen=generator.extrapolates)
    space = FeatureSpace.fit(real)
    found = place(space.transform(real), space.transform(_log2(generated[generator.labels].to_numpy(np.float32))))
    apart = (found.real_apart.mean() + found.synthetic_apart.mean()) / 2
    values = found.covered.mean(), (found.balls > 0).mean(), found.recalled.mean(), apart
    return dict(zip(REALISM, map(float, values), strict=True))


def _expression(generator: Generator, part: SamplePart, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Give the chosen samples in store units, ``(samples, genes)``."""
    kept, start = [], 0
    for block in part.blocks():
        rows = chosen[start : start + len(block)]
        start += len(block)
        kept.append(generator.scaling.unscale(block.numpy()[rows]))
    return np.concatenate(kept)


def _log2(expression: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    logarithms: npt.NDArray[np.float32] = np.log2(expression + 1).astype(np.float32)
    return logarithms
