"""The prior that is known only once the encoder is."""

from __future__ import annotations

import torch

from gtexgen.data.training_part import TrainingPart
from gtexgen.models.networks import Networks
from gtexgen.models.posterior import Posterior

__all__ = ["fit_prior"]


@torch.inference_mode()
def fit_prior(networks: Networks, part: TrainingPart) -> None:
    """Fit the prior to the posteriors of all training samples, read row group by row group.

    Parameters
    ----------
    networks
        On the CPU, and not in training.
    part
        The training samples.
    """
    inferred = [networks.infer(block, condition) for block, condition in part.conditioned_blocks()]
    posterior = Posterior(*(torch.cat(tensors) for tensors in zip(*inferred, strict=True)))
    networks.prior.fit(posterior, part.condition)
