"""A mixture of Gaussians that is fitted, after training, to what the encoder made of the training samples."""

from __future__ import annotations

from gtexgen.errors import ConfigError
from gtexgen.models.priors.gated_mixture import GatedMixture
from gtexgen.models.priors.refined_gaussian import RefinedGaussian

__all__ = ["FittedMixture"]


class FittedMixture(RefinedGaussian):
    """Trains as N(0, I), then draws from a Gaussian mixture fitted to the aggregate posterior of each condition.

    The mixture stands on the fitted Gaussian (`RefinedGaussian`): its components are shared by all conditions, their
    weights are each condition's own (`GatedMixture`). Which component a sample comes from is drawn and not decided by
    the noise: `pull` gives standard normal noise again, but not the noise that was pushed.

    Parameters
    ----------
    n_latents
        Width of the latent vector.
    n_conditions
        Width of the encoded condition; with 0 one mixture is fitted to all samples.
    components
        Number of Gaussians, 1 or more.
    shrinkage
        Covariances and weights of small classes are drawn towards the common ones, as if this many samples more had
        them.

    Raises
    ------
    ConfigError
        Where `components` is below 1 or `shrinkage` below 0.
    """

    def __init__(self, n_latents: int, n_conditions: int, components: int = 16, shrinkage: float = 1.0) -> None:
        if components < 1:
            raise ConfigError(f"prior.components must be 1 or more, not {components}")
        mixture = GatedMixture(n_latents, n_conditions, components, shrinkage)
        super().__init__(n_latents, n_conditions, shrinkage, mixture)
