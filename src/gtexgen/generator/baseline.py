"""A generator whose model is a baseline: it gives single samples of the classes that training has, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import yaml
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from gtexgen.baselines import BASELINES, Baseline, NoisyBootstrap
from gtexgen.errors import GeneratorError
from gtexgen.generator.bodies import Tissues
from gtexgen.generator.counts import combination_numbers
from gtexgen.generator.folder import GeneratorFolder
from gtexgen.generator.generator import Generator
from gtexgen.generator.model_card import CardDetails
from gtexgen.generator.sampling import chunks_of
from gtexgen.generator.synthetic import Chunk, SyntheticSamples

__all__ = ["BaselineGenerator"]

ARRAYS = "baseline.safetensors"

LIMITS = """\
- **Privacy is not promised**, and the mean of a condition with one training sample is this sample. Handle the folder
  and its samples as the licence of the training data asks; `split.json` names donors.
- Combinations of conditions that no training sample has cannot be drawn. Those of fewer than {min_samples} samples keep
  their own mean and take their spread from all combinations together.
- Values below 0, or above the gene's largest in training, are written as 0 or that largest.
- With `noise=False` every sample of a condition is its mean on log2(x + 1).
- Synthetic samples are no evidence: take a finding back to real data before it is believed.
"""
NOT_PRIVATE = """\
- **This folder holds the training samples themselves**, and each sample drawn is close to one of them. It is a
  yardstick for measures of privacy, to be handled as the training data are.
"""


@dataclass(kw_only=True, eq=False, repr=False)
class BaselineGenerator(Generator, kind="baseline"):
    """A baseline that gives synthetic samples.

    Parameters
    ----------
    baseline
        Learnt on log2(x + 1) of store units; its classes are the rows of `training_counts`.
    """

    baseline: Baseline

    extrapolates = False

    @property
    def title(self) -> str:
        """Name the baseline."""
        return self.baseline.title

    @property
    def knows_donors(self) -> bool:
        """Whether it gives whole donors: never."""
        return False

    def move_to(self, device: str) -> None:
        """Stay on the CPU."""

    # ---- files

    def card_details(self) -> CardDetails:
        """Give what the model card says of baselines."""
        limits = LIMITS.format(min_samples=self.baseline.min_samples)
        return CardDetails(
            drawn="Samples are drawn one by one: no two of them belong to one donor, unlike in real tables.",
            spread={},
            settings={"baseline": self.title, **{name: str(value) for name, value in self.baseline.options.items()}},
            limits=(NOT_PRIVATE if isinstance(self.baseline, NoisyBootstrap) else "") + limits,
        )

    def pack_model(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Give the baseline's name and options, and the file of its arrays."""
        arrays = {name: np.ascontiguousarray(array) for name, array in self.baseline.state().items()}
        return {"baseline": self.baseline.name, "options": self.baseline.options}, {ARRAYS: save_arrays(arrays)}

    @classmethod
    def unpack_model(cls, folder: GeneratorFolder, shared: Mapping[str, Any]) -> dict[str, Any]:
        """Read the baseline."""
        found, options = folder.read("config.yaml", _config)
        baseline = folder.read(ARRAYS, lambda content: found.from_state(load_arrays(content), options))
        if baseline.shape != (shape := (len(shared["training_counts"]), len(shared["genes"]))):
            raise GeneratorError(
                f"{folder.path / ARRAYS} is of (classes, genes) {baseline.shape}, conditions.json and genes.json "
                f"of {shape}.\n  Remedy: copy the generator again from where it was trained, or train again."
            )
        return {"baseline": baseline}

    # ---- what is drawn

    def _draw(self, wanted: pd.DataFrame, *, seed: int, noise: bool) -> Iterator[Chunk]:
        classes = combination_numbers(wanted, self.training_counts)
        rng = np.random.default_rng(seed)

        def expression(rows: np.ndarray) -> np.ndarray:
            drawn = self.baseline.draw(classes[rows], rng) if noise else self.baseline.mean(classes[rows])
            return self.to_store_units(drawn)

        return chunks_of(wanted, self.fields, len(self.genes), expression)

    # ---- what a baseline has not

    def encode(self, table: pd.DataFrame) -> np.ndarray:
        """Refuse: there are no latents."""
        self._refuse("it has no latents to encode to")

    def decode(self, latent: np.ndarray, conditions: pd.DataFrame) -> pd.DataFrame:
        """Refuse: there are no latents."""
        self._refuse("it has no latents to decode")

    def _donor_samples(self, n: int, tissues: Tissues, *, seed: int, noise: bool) -> SyntheticSamples:
        self._refuse("it does not know what the samples of one donor share")

    def _completed_samples(
        self, given: pd.DataFrame | str | Path, tissues: Tissues, *, draws: int, seed: int, noise: bool
    ) -> SyntheticSamples:
        self._refuse("it does not know what the samples of one donor share")

    def _refuse(self, why: str) -> NoReturn:
        raise GeneratorError(
            f"This generator is a {self.title}, a baseline: {why}.\n"
            "  Remedy: a generator of networks, trained with model=cvae or another that has latents."
        )


def _config(content: bytes) -> tuple[type[Baseline], dict[str, Any]]:
    model = yaml.safe_load(content)["model"]
    if model["baseline"] not in BASELINES:
        raise ValueError(f"{model['baseline']!r} is no baseline; known: {', '.join(BASELINES)}")
    return BASELINES[model["baseline"]], model["options"]
