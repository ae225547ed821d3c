"""The figures of an epoch, summed on the device and read once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gtexgen.models.heads.base import LossTerms
from gtexgen.models.posterior import Posterior

__all__ = ["INACTIVE_VARIANCE", "LatentMoments", "LatentTotals", "LossTotals"]

INACTIVE_VARIANCE = 0.8
"""A latent is inactive where the mean of its posterior variance is above this (Asperti and Trentin 2020)."""

Reduce = Callable[[Tensor], Tensor]


class _Totals:
    """Running sums in float64 (float32 where the device has no other) and the number of samples in them."""

    def __init__(self) -> None:
        self.n_samples = 0
        self._sums: Tensor | None = None

    def _add(self, sums: Tensor, n_samples: int) -> None:
        if self._sums is None:
            self._sums = torch.zeros_like(sums, dtype=torch.float32 if sums.device.type == "mps" else torch.float64)
        self._sums += sums
        self.n_samples += n_samples

    def _reduced(self, reduce: Reduce) -> tuple[Tensor, int]:
        """Give the means over the samples of all ranks, and how many samples that is."""
        if self._sums is None:
            raise RuntimeError("no batch was added")
        total = reduce(torch.cat([self._sums, self._sums.new_tensor([self.n_samples])]))
        values = total.double().cpu() if total.device.type != "mps" else total.cpu().double()
        n_samples = int(values[-1])
        return values[:-1] / n_samples, n_samples


class LossTotals(_Totals):
    """Means over an epoch of what a head reports."""

    def __init__(self) -> None:
        super().__init__()
        self._extras: tuple[str, ...] = ()

    @torch.no_grad()
    def add(self, terms: LossTerms) -> None:
        """Add a batch; nothing is read back from the device."""
        self._extras = tuple(terms.extras)
        rows = [
            terms.objective,
            terms.reconstruction,
            terms.kl.sum(dim=-1),
            terms.squared_error,
            *terms.extras.values(),
        ]
        self._add(torch.stack(rows).sum(dim=1), len(terms.objective))

    def means(self, reduce: Reduce) -> tuple[dict[str, float], int]:
        """Give the mean of each figure over all samples of all ranks, and the number of samples.

        Parameters
        ----------
        reduce
            Sums a tensor over the ranks; called once.

        Returns
        -------
        dict
            ``loss`` (the objective), ``elbo``, ``reconstruction`` and ``kl`` in nats, ``mse``, then the head's extras.
        """
        values, n_samples = self._reduced(reduce)
        loss, reconstruction, kl, mse, *extras = values.tolist()
        figures = {"loss": loss, "elbo": -(reconstruction + kl), "reconstruction": reconstruction}
        return figures | {"kl": kl, "mse": mse} | dict(zip(self._extras, extras, strict=True)), n_samples


class LatentMoments(NamedTuple):
    r"""What the posteriors of many samples say about each latent; every tensor is ``(latents,)`` float64 on the CPU.

    Attributes
    ----------
    kl
        Mean of KL(q(z | x, c) || p(z | c)) in nats, against the prior of training.
    variance_of_mean
        :math:`\mathrm{Var}_x[\mu_k]`, over samples.
    mean_variance
        :math:`\mathrm{E}_x[\sigma_k^2]`.
    """

    kl: Tensor
    variance_of_mean: Tensor
    mean_variance: Tensor

    @property
    def variance_law(self) -> Tensor:
        r""":math:`\mathrm{Var}_x[\mu_k] + \mathrm{E}_x[\sigma_k^2]`, ``(latents,)``.

        It is 1 where the aggregate posterior has the variance of an N(0, I) prior (Asperti 2020, arXiv 2002.09860).
        """
        return self.variance_of_mean + self.mean_variance

    @property
    def active(self) -> Tensor:
        r"""Which latents tell samples apart: :math:`\mathrm{E}_x[\sigma_k^2] \leq 0.8`, ``(latents,)`` bool.

        Under an N(0, I) prior and the variance law such a latent carries at least
        :math:`-\frac{1}{2} \log 0.8 = 0.11` nats. The older rule, a variance of the mean above 0.01 (Burda et al.
        2016), would count latents of 0.005 nats. Under a prior that is learned neither rule holds: look at the KL.
        """
        return self.mean_variance <= INACTIVE_VARIANCE

    def figures(self) -> dict[str, float]:
        """Give the number of active latents and the mean over latents of the variance law."""
        return {"active_latents": float(self.active.sum()), "variance_law": float(self.variance_law.mean())}


class LatentTotals(_Totals):
    """Sums over the posteriors of an epoch, latent by latent."""

    @torch.no_grad()
    def add(self, posterior: Posterior, kl: Tensor) -> None:
        """Add a batch and its KL, ``(batch, latents)``; nothing is read back from the device."""
        mean = posterior.mean.float()
        rows = [kl.float(), mean, mean.square(), posterior.log_variance.float().exp()]
        self._add(torch.cat(rows, dim=1).sum(dim=0), len(mean))

    def moments(self, reduce: Reduce) -> LatentMoments:
        """Give the moments over all samples of all ranks.

        Parameters
        ----------
        reduce
            Sums a tensor over the ranks; called once.
        """
        kl, mean, square, variance = self._reduced(reduce)[0].chunk(4)
        return LatentMoments(kl, (square - mean.square()).clamp_min(0), variance)
