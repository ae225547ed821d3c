"""What pairs of samples of one donor say, and how far to trust it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gtexgen.models.ridge import ridge_weights

__all__ = ["LEAST_DEVIATION", "Clique", "Pairs", "Regression", "shrunk"]

RIDGE = 1.0  # as if one sample more of each condition lay in the centre of all
STRANGERS = 2.0  # as if so many donors more shared nothing
LEAST_DEVIATION = 1e-6


class Regression:
    """Regresses values on features, both added block by block; all weights but the constant's are held towards 0."""

    def __init__(self) -> None:
        self._sums: tuple[Tensor, ...] = ()
        self._n_samples = 0

    def add(self, features: Tensor, values: Tensor) -> None:
        """Add ``(samples, features)`` and ``(samples, width)``."""
        features, values = features.double(), values.double()
        sums = (features.T @ features, features.T @ values, values.square().sum(dim=0))
        self._sums = tuple(map(torch.add, self._sums, sums)) if self._sums else sums
        self._n_samples += len(values)

    def solve(self) -> tuple[Tensor, Tensor]:
        """Give the weights, ``(features, width)``, and the standard deviation of what they leave, ``(width,)``."""
        gram, moments, squares = self._sums
        weight = ridge_weights(gram, moments, RIDGE)
        variance = (squares + (weight * (gram @ weight - 2 * moments)).sum(dim=0)) / self._n_samples
        return weight, variance.clamp_min(0).sqrt().clamp_min(LEAST_DEVIATION)


class Clique(NamedTuple):
    """The variance of a donor's samples, and their covariance."""

    variance: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, variances: Tensor, covariances: Tensor) -> Clique:
        """Give the mean clique of several, the samples of none of which repel each other."""
        return cls(variances.mean(), covariances.mean().clamp_min(0))


class Pairs:
    """The pairs of samples of one donor.

    Parameters
    ----------
    donor
        The number of each sample's donor, ``(samples,)``.
    """

    def __init__(self, donor: Tensor) -> None:
        self.donor = donor
        self.sizes = torch.bincount(donor)
        self.weight = float((self.sizes - 1).sum())
        self.trust = len(self.sizes) / (len(self.sizes) + STRANGERS)

    def mean_product(self, totals_a: Tensor, totals_b: Tensor, own: Tensor) -> Tensor:
        """Average the products over pairs, ``(width,)``.

        Parameters
        ----------
        totals_a, totals_b
            Sums over the samples of each donor, ``(donors, width)``.
        own
            The sum over samples of their product with themselves, each over the size of its donor, ``(width,)``.
        """
        products = (totals_a * totals_b / self.sizes[:, None]).sum(dim=0, dtype=torch.float64)
        return (products - own) / self.weight

    def chance(self, a: Clique, b: Clique) -> Tensor:
        r"""Give the sampling variance of the mean product of two Gaussian cliques that are independent of each other.

        The sum over pairs is :math:`(m - 1) \bar a \bar b - \sum_k a_k b_k` in m orthonormal contrasts of a donor's
        samples: the mean, of variance :math:`v + (m - 1) c`, and m - 1 others, of variance :math:`v - c`.
        """
        m = self.sizes.double()
        of_means = (m - 1).square() * (a.variance + (m - 1) * a.covariance) * (b.variance + (m - 1) * b.covariance)
        of_others = (m - 1) * (a.variance - a.covariance) * (b.variance - b.covariance)
        return ((of_means + of_others) / m.square()).sum() / self.weight**2


def shrunk(estimates: Tensor, chance: Tensor, *, towards: Tensor) -> Tensor:
    """Draw estimates of the same kind towards a value, by the share of their spread about it that is chance."""
    spread = (estimates - towards).square().mean().clamp_min(torch.finfo(estimates.dtype).tiny)
    return towards + (1 - chance / spread).clamp(0, 1) * (estimates - towards)
