"""A Gaussian likelihood whose noise is correlated across genes."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gtexgen.errors import ConfigError
from gtexgen.models.likelihoods.base import Output
from gtexgen.models.likelihoods.gaussian import GaussianLikelihood
from gtexgen.models.noise import standard_normal

__all__ = ["LowRankGaussianLikelihood"]

INITIAL_SHARE = 0.01
"""The share of the factors in the variance before training: small, but not 0, where they would have no gradient."""


class LowRankGaussianLikelihood(GaussianLikelihood):
    r"""A Gaussian whose noise has a few factors that genes share.

    .. math:: x = m(z, c) + W e + \sigma n, \qquad x \mid z, c \sim N(m, W W^T + D), \quad D = \mathrm{diag}\,\sigma^2

    with :math:`e` and :math:`n` standard normal and one learned :math:`W`, ``(genes, rank)``. Independent noise thins
    out the correlation between genes that the decoder's mean has; these factors keep what the latents leave.

    With :math:`K = I + W^T D^{-1} W` and :math:`\hat e = K^{-1} W^T D^{-1} (x - m)`, the posterior mean of the factors,
    Bayes' theorem at :math:`e = \hat e` gives the density without a matrix larger than the rank:

    .. math:: \log p(x) = \log N(x; m + W \hat e, D) - \tfrac12 \lVert \hat e \rVert^2 - \tfrac12 \log |K|

    This is Woodbury's identity and the matrix determinant lemma, written as a sum of squares: nothing large cancels.
    As :math:`\hat e` maximises the first two terms, no gradient needs to flow through it (the envelope theorem), and
    its rounding errors matter to second order only. K and its Cholesky factor are in double precision.

    Parameters
    ----------
    n_features, n_genes, n_conditions
        Widths of the decoder's features, of the expression and of the encoded condition.
    rank
        Number of factors; a step takes some ``genes * rank**2`` operations, times the batch where the scales are by
        condition.
    initial_scale, minimum_scale, by_condition
        Of :math:`\sigma`; see `gtexgen.models.likelihoods.gaussian.GaussianLikelihood`.

    Raises
    ------
    ConfigError
        Where `rank` is below 1 or ``0 < minimum_scale < initial_scale`` does not hold.
    """

    def __init__(
        self,
        n_features: int,
        n_genes: int,
        n_conditions: int = 0,
        *,
        rank: int = 10,
        initial_scale: float = 1.0,
        minimum_scale: float = 0.01,
        by_condition: bool = False,
    ) -> None:
        super().__init__(
            n_features,
            n_genes,
            n_conditions,
            initial_scale=initial_scale,
            minimum_scale=minimum_scale,
            by_condition=by_condition,
        )
        if rank < 1:
            raise ConfigError(f"likelihood.rank must be 1 or more, not {rank}\n  Remedy: likelihood=gaussian for none.")
        self.factors = nn.Parameter(torch.randn(n_genes, rank) * initial_scale * math.sqrt(INITIAL_SHARE / rank))

    def scale(self, output: Output) -> Tensor:
        """Give the square root of the diagonal of the covariance."""
        return (output[1] + self.factors.square().sum(dim=-1)).sqrt()

    def noise(self, output: Output, generator: torch.Generator | None = None) -> Tensor:
        """Draw noise with the correlation of the covariance, each gene's standard normal, ``(batch, genes)``."""
        mean, variance = output
        shared = standard_normal((len(mean), self.factors.shape[1]), like=mean, generator=generator) @ self.factors.T
        own = standard_normal(mean.shape, like=mean, generator=generator)
        return torch.addcmul(shared, variance.sqrt(), own) / self.scale(output)

    def _log_density(self, output: Output, expression: Tensor, observed: Tensor | None) -> Tensor:
        mean, variance = output
        precision = variance.reciprocal() if observed is None else observed / variance
        root = self._root(precision)
        with torch.no_grad():
            projected = ((expression - mean) * precision) @ self.factors
            score = torch.cholesky_solve(projected.to(root.dtype).unsqueeze(-1), root).squeeze(-1).to(projected.dtype)
        explained = super()._log_density((mean + score @ self.factors.T, variance), expression, observed)
        half_log_determinant = root.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1).to(explained.dtype)
        return explained - 0.5 * score.square().sum(dim=-1) - half_log_determinant

    def _root(self, precision: Tensor) -> Tensor:
        """Give the Cholesky factor of K for ``(..., genes)``: ``(..., rank, rank)``, and do not wait for the device."""
        factors = self.factors.to(torch.float32 if self.factors.device.type == "mps" else torch.float64)
        products = (factors.unsqueeze(2) * factors.unsqueeze(1)).flatten(start_dim=1)
        information = (precision.to(factors.dtype) @ products).unflatten(-1, 2 * factors.shape[1:])
        identity = torch.eye(factors.shape[1], dtype=factors.dtype, device=factors.device)
        root: Tensor = torch.linalg.cholesky_ex(identity + information).L
        return root
