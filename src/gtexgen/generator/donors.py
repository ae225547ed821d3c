r"""What the samples of one donor share: correlated noise, and what the noise of some says of the others.

Latents and genes are standard normal noise, transported (`gtexgen.models.priors.base.Prior.push`,
`gtexgen.models.likelihoods.base.Likelihood.push`). In that noise the samples :math:`i` of one donor are an exchangeable
clique, whatever the head, the likelihood and the prior:

.. math:: u_i = w + e_i, \quad w \sim N(0, R), \quad e_i \sim N(0, I - R)

for the latents, and for each gene :math:`g` the same with a number :math:`\rho_g` in place of the matrix :math:`R`. A
sample by itself is as without a donor; two samples of a donor have :math:`\mathrm{Cov}(u_i, u_j) = R`.

Along the axes of :math:`R` all is scalar. With :math:`r` an eigenvalue, or :math:`\rho_g`, and :math:`t` the sum of
:math:`m` known noises, Bayes' theorem gives

.. math:: w \mid u_1, \dots, u_m \sim N\!\left(\frac{r t}{1 - r + m r}, \; \frac{r (1 - r)}{1 - r + m r}\right)

and with :math:`m = 0` this is :math:`N(0, r)`: drawing a donor is completing one of whom nothing is known. Genes are
completed one by one, as though their noises were independent of each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from gtexgen.models.networks import Networks
from gtexgen.models.noise import standard_normal
from gtexgen.models.priors.base import with_constant

if TYPE_CHECKING:
    from gtexgen.generator.tally import DonorTally

__all__ = ["DonorModel", "Donors", "KnownNoise", "NoiseScale", "PulledNoise", "pull_noise"]

LARGEST_NOISE = 6.0
"""Noise beyond this is brought back to it: standard normal numbers do not lie there, but badly fitted genes do."""


class KnownNoise(NamedTuple):
    """The sums of the noise of each donor's known samples.

    Attributes
    ----------
    n_samples
        How many samples are known, ``(donors, 1)``.
    latents, genes
        ``(donors, latents)`` and ``(donors, genes)``.
    """

    n_samples: Tensor
    latents: Tensor
    genes: Tensor


class Donors(NamedTuple):
    """What a generator knows of donors.

    Attributes
    ----------
    model
        What the samples of one donor share.
    tally
        Who the training donors were, without their names.
    """

    model: DonorModel
    tally: DonorTally


class PulledNoise(NamedTuple):
    """The noise behind samples at one draw from their posteriors, and the mean that the draw decodes to.

    Attributes
    ----------
    latents
        ``(samples, latents)``.
    genes, mean
        ``(samples, genes)``.
    """

    latents: Tensor
    genes: Tensor
    mean: Tensor


def pull_noise(
    networks: Networks, expression: Tensor, condition: Tensor, generator: torch.Generator | None = None
) -> PulledNoise:
    """Find the noise behind ``(samples, genes)`` on the model's scale under ``(samples, conditions)``."""
    latent = networks.infer(expression, condition).sample(generator)
    output = networks.decode(latent, condition)
    return PulledNoise(
        networks.prior.pull(latent, condition, generator),
        networks.likelihood.pull(output, expression, generator),
        networks.likelihood.reconstruct(output, expression),
    )


class NoiseScale(nn.Module):
    """Centres noise for each condition and brings it to unit variance, as far as training left it elsewhere.

    Parameters
    ----------
    n_conditions
        Width of the encoded condition, in which the centre is linear.
    width
        Number of latents or of genes.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, n_conditions: int, width: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(n_conditions + 1, width))
        self.register_buffer("spread", torch.ones(width))

    def forward(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Standardise ``(samples, width)`` noise under ``(samples, conditions)``."""
        centred = noise - with_constant(condition) @ self.centre
        return centred.clamp(-LARGEST_NOISE, LARGEST_NOISE) / self.spread

    def set(self, centre: Tensor, spread: Tensor) -> None:
        """Set the centre, ``(conditions + 1, width)``, and the standard deviation about it, ``(width,)``."""
        self.centre.copy_(centre)
        self.spread.copy_(spread)


class DonorModel(nn.Module):
    r"""The correlation of the noise of one donor's samples; none, until `gtexgen.generator.donor_fit` has fitted it.

    Parameters
    ----------
    n_latents, n_genes, n_conditions
        Widths of the latent vector, the expression and the encoded condition.

    Attributes
    ----------
    latent_axes
        The eigenvectors of :math:`R`, in columns, ``(latents, latents)``.
    latent_correlation
        Its eigenvalues, 0 or more and below 1, ``(latents,)``.
    gene_correlation
        :math:`\rho`, 0 or more and below 1, ``(genes,)``.
    """

    latent_axes: Tensor
    latent_correlation: Tensor
    gene_correlation: Tensor

    def __init__(self, n_latents: int, n_genes: int, n_conditions: int) -> None:
        super().__init__()
        self.latent_scale = NoiseScale(n_conditions, n_latents)
        self.gene_scale = NoiseScale(n_conditions, n_genes)
        self.register_buffer("latent_axes", torch.eye(n_latents))
        self.register_buffer("latent_correlation", torch.zeros(n_latents))
        self.register_buffer("gene_correlation", torch.zeros(n_genes))

    def nothing_known(self, n_donors: int) -> KnownNoise:
        """Give what is known of donors before any of their samples."""
        latents, genes = (
            like.new_zeros(n_donors, len(like)) for like in (self.latent_correlation, self.gene_correlation)
        )
        return KnownNoise(latents.new_zeros(n_donors, 1), latents, genes)

    def observe(
        self,
        networks: Networks,
        expression: Tensor,
        condition: Tensor,
        donor: Tensor,
        *,
        n_donors: int,
        generator: torch.Generator | None = None,
    ) -> KnownNoise:
        """Find the noise behind samples; that of the latents is drawn from the posterior, and so uncertain.

        Parameters
        ----------
        networks
            What the samples are seen through.
        expression, condition
            On the model's scale, ``(samples, genes)``, and ``(samples, conditions)``.
        donor
            The number of each sample's donor, ``(samples,)``.
        n_donors
            How many there are.
        generator
            The source of randomness.
        """
        noise = pull_noise(networks, expression, condition, generator)
        known = self.nothing_known(n_donors)
        known.n_samples.index_add_(0, donor, known.n_samples.new_ones(len(donor), 1))
        known.latents.index_add_(0, donor, self.latent_scale(noise.latents, condition))
        known.genes.index_add_(0, donor, self.gene_scale(noise.genes, condition))
        return known

    def latent_noise(self, donor: Tensor, known: KnownNoise, generator: torch.Generator | None = None) -> Tensor:
        """Draw the latent noise of new samples, ``(samples, latents)``.

        Parameters
        ----------
        donor
            The number of each sample's donor, ``(samples,)``.
        known
            What is known of the donors.
        generator
            The source of randomness.
        """
        n_donors, n_latents = known.latents.shape
        shared = standard_normal((n_donors, n_latents), like=known.latents, generator=generator)
        own = standard_normal((len(donor), n_latents), like=known.latents, generator=generator)
        mean, deviation = _shared(self.latent_correlation, known.n_samples, known.latents @ self.latent_axes)
        along_axes = (mean + deviation * shared)[donor] + (1 - self.latent_correlation).sqrt() * own
        return along_axes @ self.latent_axes.T

    def gene_noise(self, donor: Tensor, known: KnownNoise, shared: Tensor, own: Tensor) -> Tensor:
        r"""Make the gene noise of new samples of two draws of standard normal noise, ``(samples, genes)``.

        The draws come from `gtexgen.models.likelihoods.base.Likelihood.noise`. Genes that correlate by :math:`c` there
        then do so by :math:`c (\sqrt{\rho_g \rho_h} + \sqrt{(1 - \rho_g)(1 - \rho_h)})`, which is c for genes of equal
        :math:`\rho` and little less for others.

        Parameters
        ----------
        donor
            The number of each sample's donor, ``(samples,)``.
        known
            What is known of the donors.
        shared, own
            The draws, ``(donors, genes)`` and ``(samples, genes)``.
        """
        mean, deviation = _shared(self.gene_correlation, known.n_samples, known.genes)
        return (mean + deviation * shared)[donor] + (1 - self.gene_correlation).sqrt() * own


def _shared(correlation: Tensor, count: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    """Give mean and standard deviation of what a donor's samples share, given the sum of the known ones."""
    width = 1 - correlation + count * correlation
    return correlation * total / width, (correlation * (1 - correlation) / width).sqrt()
