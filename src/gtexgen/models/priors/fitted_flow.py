"""A normalising flow that is fitted, after training, to what the encoder made of the training samples."""

from __future__ import annotations

from gtexgen.errors import ConfigError
from gtexgen.models.priors.coupling_flow import CouplingFlow
from gtexgen.models.priors.refined_gaussian import RefinedGaussian

__all__ = ["FittedFlow"]


class FittedFlow(RefinedGaussian):
    """Trains as N(0, I), then draws from a normalising flow fitted to the aggregate posterior of each condition.

    The flow stands on the fitted Gaussian (`RefinedGaussian`) and is a bijection that is told the condition
    (`CouplingFlow`): `pull` gives back the very noise that was pushed.

    Parameters
    ----------
    n_latents
        Width of the latent vector.
    n_conditions
        Width of the encoded condition.
    layers
        Number of couplings, 1 or more.
    hidden
        Width of the hidden layer of each coupling, 1 or more.
    steps
        The most optimiser steps of the fit, 0 or more; it stops earlier once held-out samples no longer gain.
    shrinkage
        Covariances of small classes are drawn towards the common one, as if this many samples more had it.

    Raises
    ------
    ConfigError
        Where an option is out of range.
    """

    def __init__(
        self,
        n_latents: int,
        n_conditions: int,
        *,
        layers: int = 8,
        hidden: int = 64,
        steps: int = 2000,
        shrinkage: float = 1.0,
    ) -> None:
        for name, value, least in (("layers", layers, 1), ("hidden", hidden, 1), ("steps", steps, 0)):
            if value < least:
                raise ConfigError(f"prior.{name} must be {least} or more, not {value}")
        flow = CouplingFlow(n_latents, n_conditions, layers, hidden, steps)
        super().__init__(n_latents, n_conditions, shrinkage, flow)
