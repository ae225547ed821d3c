"""The figures of an epoch, summed on the device and read once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gtexgen.models.heads.base import LossTerms
from gtexgen.models.posterior import Posterior

__all__ = ["ACTIVE_VARIANCE", "LatentTotals", "LossTotals"]

ACTIVE_VARIANCE = 0.01
"""A latent is active where the variance of its posterior mean over samples is above this (Burda et al. 2016)."""

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


class LatentTotals(_Totals):
    """Moments of the posteriors of an epoch."""

    @torch.no_grad()
    def add(self, posterior: Posterior) -> None:
        """Add a batch; nothing is read back from the device."""
        mean = posterior.mean.float()
        rows = [mean, mean.square(), posterior.log_variance.float().exp()]
        self._add(torch.cat(rows, dim=1).sum(dim=0), len(mean))

    def figures(self, reduce: Reduce) -> dict[str, float]:
        r"""Give the number of active latents and the mean over latents of the variance law.

        The variance law (Asperti and Trentin 2020, arXiv 2002.09860) is
        :math:`\mathrm{Var}_x[\mu_k] + \mathrm{E}_x[\sigma_k^2]`, which is 1 where the aggregate posterior has the
        variance of a standard normal prior.

        Parameters
        ----------
        reduce
            Sums a tensor over the ranks; called once.
        """
        mean, square, variance = self._reduced(reduce)[0].chunk(3)
        between = square - mean.square()
        return {
            "active_latents": float((between > ACTIVE_VARIANCE).sum()),
            "variance_law": float((between + variance).mean()),
        }
