"""The noise that genes share is known only once the networks are."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import torch
from torch import Tensor

from gtexgen.data.training_part import TrainingPart
from gtexgen.models.networks import Networks

__all__ = ["fit_residual_factors"]

SEED = 0x6E6F_6973
N_FOLDS = 5


@torch.inference_mode()
def fit_residual_factors(networks: Networks, part: TrainingPart) -> None:
    """Fit the factors of noise, where the model has any, to the noise behind all training samples.

    Parameters
    ----------
    networks
        On the CPU, and not in training.
    part
        The training samples.
    """
    if networks.residual_factors is None:
        return

    def noise() -> Iterator[Tensor]:
        random = torch.Generator().manual_seed(SEED)
        for block, condition in part.conditioned_blocks():
            latent = networks.infer(block, condition).sample(random)
            yield networks.likelihood.pull(networks.decode(latent, condition), block, random)

    donor = part.samples["donor_id"]
    networks.residual_factors.fit(noise, _donor_fold(donor), donor.nunique())


def _donor_fold(donor: pd.Series) -> Tensor:
    """Give the fold of each sample, ``(samples,)``: the same for all of a donor."""
    number, donors = pd.factorize(donor)
    fold = torch.randperm(len(donors), generator=torch.Generator().manual_seed(SEED)) % N_FOLDS
    return fold[torch.from_numpy(number)]
