"""A linear Gaussian world whose truth is known: donors, and networks that fit them exactly."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from gtexgen.data.training_part import SamplePart
from gtexgen.models.likelihoods.gaussian import GaussianLikelihood
from gtexgen.models.networks import Decoder, Encoder, Networks
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.standard_normal import StandardNormal

__all__ = ["LinearCohort", "linear_networks", "orthogonal_loadings"]

TISSUES = 6


class ExactEncoder(nn.Module):
    """The posterior of z where x ~ N(W z, I), z ~ N(0, I) and the columns of W are orthogonal."""

    def __init__(self, loadings: Tensor, trust: float) -> None:
        super().__init__()
        self.loadings = loadings
        self.trust = trust

    def forward(self, expression: Tensor, condition: Tensor) -> Posterior:
        variance = 1 / (1 + self.loadings.square().sum(dim=0))
        mean = self.trust * variance * (expression @ self.loadings)
        return Posterior(mean, variance.log().expand_as(mean))


def orthogonal_loadings(n_genes: int, n_latents: int, size: float = 1.0) -> Tensor:
    """Loadings whose columns are orthogonal and as long as `size` in each gene would make them."""
    generator = torch.Generator().manual_seed(5)
    loadings: Tensor = torch.linalg.qr(torch.randn(n_genes, n_latents, generator=generator))[0] * size * n_genes**0.5
    return loadings


def linear_networks(loadings: Tensor, trust: float = 1.0, n_conditions: int = 0) -> Networks:
    """Networks that decode z to W z with noise of variance 1; `trust` below 1 makes them miss part of the latents."""
    n_genes, n_latents = loadings.shape
    likelihood = GaussianLikelihood(n_latents, n_genes, n_conditions)
    decoder = Decoder(n_latents, 0, hidden=[n_latents])
    decoder.layers = nn.Sequential()
    encoder = Encoder(n_genes, 0, n_latents, hidden=[2])
    networks = Networks(encoder, decoder, likelihood, StandardNormal(n_latents))
    networks.encoder = ExactEncoder(loadings, trust)  # type: ignore[assignment]
    with torch.no_grad():
        likelihood.location.weight.copy_(loadings)
        likelihood.location.bias.zero_()
    return networks.eval()


@dataclass(frozen=True)
class LinearCohort:
    """Donors whose samples have correlated latents and correlated gene noise.

    Attributes
    ----------
    part
        The samples, without a condition.
    donor
        Number of each sample's donor.
    """

    part: SamplePart
    donor: Tensor

    @property
    def expression(self) -> Tensor:
        return torch.cat(list(self.part.blocks()))

    @classmethod
    def draw(
        cls, loadings: Tensor, covariance: Tensor, rho: Tensor, *, donors: int, samples: int = 5, seed: int = 0
    ) -> LinearCohort:
        """Draw from u_i = w + e_i, w ~ N(0, covariance), and likewise for genes with `rho`, each in closed form."""
        generator = torch.Generator().manual_seed(seed)

        def clique(shared: Tensor) -> Tensor:
            own = torch.eye(len(shared)) - shared
            roots = [torch.linalg.cholesky(matrix + 1e-9 * torch.eye(len(shared))) for matrix in (shared, own)]
            w, e = (torch.randn(n, len(shared), generator=generator) for n in (donors, len(donor)))
            noise: Tensor = (w @ roots[0].T)[donor] + e @ roots[1].T
            return noise

        donor = torch.arange(donors).repeat_interleave(samples)
        expression = clique(covariance) @ loadings.T + clique(rho.diag())
        table = pd.DataFrame({"donor_id": donor.numpy(), "tissue": [str(row % samples) for row in range(len(donor))]})
        part = SamplePart(table, torch.zeros(len(donor), 0), lambda: iter(expression.split(97)))
        return cls(part, donor)
