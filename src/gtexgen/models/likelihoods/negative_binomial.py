"""Counts of reads, given the library size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gtexgen.models.likelihoods.base import Likelihood, Output
from gtexgen.models.likelihoods.count_moments import at_library, gene_moments, library_moments, library_size
from gtexgen.models.likelihoods.counts import draw_counts, log_mass, quantile, quantile_residual
from gtexgen.models.noise import standard_normal
from gtexgen.models.priors.base import with_constant

if TYPE_CHECKING:
    from gtexgen.data.training_part import TrainingPart

__all__ = ["NegativeBinomialLikelihood"]

BOUND = 16.0


class NegativeBinomialLikelihood(Likelihood):
    r"""Counts whose means are the genes' shares of a sample's library, and whose dispersion is learned, one a gene.

    .. math:: x_g \sim \mathrm{NB}(\ell \rho_g, \theta_g), \quad
        \mathrm{Var}[x_g] = \ell \rho_g + (\ell \rho_g)^2 / \theta_g, \quad \rho = \mathrm{softmax}(h(z, c))

    with :math:`h` linear in the decoder's features, as in scVI (Lopez et al. 2018, *Deep generative modeling for
    single-cell transcriptomics*). There too the library :math:`\ell` is log-normal, and scvi-tools too takes that of a
    real sample to be the sum of its counts. That of a new sample is drawn: the mean of :math:`\log \ell` is linear in
    the encoded condition, and its standard deviation is one for all (`LibraryMoments`).

    How deep a sample was sequenced is not for the latents to explain, so the encoder sees counts as they would be at
    the median library, as :math:`\log(1 + x)` with mean 0 and variance 1 over the training samples.

    The logarithm of :math:`\theta` is :math:`16 \tanh(t / 16)`: close to the parameter :math:`t` where real counts are,
    and bounded, since a gene without more than Poisson noise would send it to infinity.

    Noise says how high a count is for its library. What `push` draws thus has another library than the sample that the
    noise was pulled from, and the same place in the distribution of counts at that library.

    Parameters
    ----------
    n_features, n_genes, n_conditions
        Widths of the decoder's features, of the expression and of the encoded condition.
    """

    support = "counts"
    library_weight: Tensor
    library_scale: Tensor
    median_library: Tensor
    input_mean: Tensor
    input_scale: Tensor

    def __init__(self, n_features: int, n_genes: int, n_conditions: int = 0) -> None:
        super().__init__()
        self.logits = nn.Linear(n_features, n_genes, bias=False)
        self.base = nn.Parameter(torch.zeros(n_genes))
        self.log_inverse_dispersion = nn.Parameter(torch.zeros(n_genes))
        self.register_buffer("library_weight", torch.zeros(n_conditions + 1))
        self.register_buffer("library_scale", torch.zeros(()))
        self.register_buffer("median_library", torch.ones(()))
        self.register_buffer("input_mean", torch.zeros(n_genes))
        self.register_buffer("input_scale", torch.ones(n_genes))

    @torch.no_grad()
    def prepare(self, part: TrainingPart) -> None:
        """Fit the library's distribution, standardise the input, and start at the genes' moments.

        Raises
        ------
        DataError
            The training part holds a value that is not a whole number.
        """
        library = library_moments(part)
        self.library_weight.copy_(library.weight)
        self.library_scale.copy_(library.scale)
        self.median_library.copy_(library.median)
        genes = gene_moments(part, library.median)
        self.input_mean.copy_(genes.log_mean)
        self.input_scale.copy_(genes.log_scale)
        self.base.copy_(genes.share.log())
        self.log_inverse_dispersion.copy_(BOUND * torch.atanh(genes.inverse_dispersion.log() / BOUND))

    def encoder_input(self, expression: Tensor) -> Tensor:
        """Give the logarithms of the counts at the median library, standardised."""
        return (at_library(expression, self.median_library) - self.input_mean) / self.input_scale

    def forward(self, features: Tensor, condition: Tensor) -> Output:
        r"""Give what counts are drawn from.

        Returns
        -------
        tuple
            :math:`\log \rho`, ``(batch, genes)``; :math:`\theta`, ``(genes,)``; the mean of :math:`\log \ell`,
            ``(batch, 1)``.
        """
        log_share = torch.log_softmax(self.logits(features) + self.base, dim=-1)
        inverse_dispersion = torch.exp(BOUND * torch.tanh(self.log_inverse_dispersion / BOUND))
        return log_share, inverse_dispersion, with_constant(condition) @ self.library_weight.unsqueeze(1)

    def log_prob(self, output: Output, expression: Tensor) -> Tensor:
        """Give the log-probability of the counts at their library, in nats, ``(batch,)``."""
        log_share, inverse_dispersion, _ = output
        log_mean = log_share + library_size(expression).log()
        return log_mass(expression, log_mean, inverse_dispersion).sum(dim=-1)

    def mean(self, output: Output) -> Tensor:
        """Give the mean over counts and libraries."""
        log_share, _, log_library = output
        return torch.exp(log_share + log_library + 0.5 * self.library_scale.square())

    def reconstruct(self, output: Output, expression: Tensor) -> Tensor:
        """Give the mean at the library of the expression."""
        return output[0].exp() * library_size(expression)

    def push(self, output: Output, noise: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw a library for each sample, and give the quantiles of the counts at it."""
        return quantile(noise, self._mean_at_new_library(output, generator), output[1])

    def pull(self, output: Output, expression: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Give the randomised quantile residuals of the counts at their own library."""
        share = torch.special.ndtr(standard_normal(expression.shape, like=expression, generator=generator))
        return quantile_residual(expression, share, self.reconstruct(output, expression), output[1])

    def sample(self, output: Output, generator: torch.Generator | None = None) -> Tensor:
        """Draw a library for each sample, and the counts at it; no quantile is worked out."""
        return draw_counts(self._mean_at_new_library(output, generator), output[1], generator)

    def _mean_at_new_library(self, output: Output, generator: torch.Generator | None) -> Tensor:
        log_share, _, log_library = output
        noise = standard_normal(log_library.shape, like=log_library, generator=generator)
        return torch.exp(log_share + log_library + self.library_scale * noise)
