from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gtexgen.models.heads.base import LossTerms
from gtexgen.models.posterior import Posterior
from gtexgen.models.totals import LatentTotals, LossTotals


def alone(values: Tensor) -> Tensor:
    return values


def terms(n: int, seed: int) -> LossTerms:
    generator = torch.Generator().manual_seed(seed)
    objective, reconstruction, squared_error, capacity = torch.randn(4, n, generator=generator)
    kl = torch.rand(n, 2, generator=generator)
    posterior = Posterior(torch.zeros(n, 2), torch.zeros(n, 2))
    return LossTerms(objective, reconstruction, kl, squared_error, posterior, {"capacity": capacity})


def test_means_weigh_samples_and_not_batches() -> None:
    batches = [terms(7, 0), terms(2, 1), terms(5, 2)]
    totals = LossTotals()
    for batch in batches:
        totals.add(batch)
    means, n_samples = totals.means(alone)
    assert n_samples == 14
    assert list(means) == ["loss", "elbo", "reconstruction", "kl", "mse", "capacity"]
    assert means["loss"] == pytest.approx(torch.cat([b.objective for b in batches]).mean().item(), abs=1e-6)
    assert means["elbo"] == pytest.approx(torch.cat([b.elbo for b in batches]).mean().item(), abs=1e-6)
    assert means["mse"] == pytest.approx(torch.cat([b.squared_error for b in batches]).mean().item(), abs=1e-6)
    capacity = torch.cat([b.extras["capacity"] for b in batches]).mean().item()
    assert means["capacity"] == pytest.approx(capacity, abs=1e-6)


def test_means_over_ranks_are_those_of_all_samples() -> None:
    ranks = [terms(7, 0), terms(2, 1)]
    shares: list[Tensor] = []
    for batch in ranks:
        totals = LossTotals()
        totals.add(batch)
        totals.means(lambda values: shares.append(values) or values)  # type: ignore[func-returns-value]
    together, n_samples = totals.means(lambda _: shares[0] + shares[1])
    whole = LossTotals()
    for batch in ranks:
        whole.add(batch)
    assert n_samples == 9
    assert together == pytest.approx(whole.means(alone)[0])


def test_sums_keep_their_digits_over_many_batches() -> None:
    totals = LossTotals()
    value = torch.full((1,), 1000.1)
    posterior = Posterior(torch.zeros(1, 1), torch.zeros(1, 1))
    for _ in range(5000):
        totals.add(LossTerms(value, value, value[:, None], value, posterior))
    assert totals.means(alone)[0]["loss"] == pytest.approx(1000.1, rel=1e-7)


def test_a_latent_is_active_where_its_posterior_mean_varies() -> None:
    generator = torch.Generator().manual_seed(0)
    spread = torch.tensor([1.0, 0.2, 0.05, 0.0])  # variances 1, 0.04, 0.0025 and 0
    mean = torch.randn(4000, 4, generator=generator) * spread + 3.0
    log_variance = torch.log(torch.tensor([0.1, 0.9, 1.0, 1.0])).expand(4000, 4)
    totals = LatentTotals()
    for part in range(0, 4000, 500):
        totals.add(Posterior(mean[part : part + 500], log_variance[part : part + 500]))
    figures = totals.figures(alone)
    assert figures["active_latents"] == 2
    law = (mean.double().var(dim=0, correction=0) + log_variance.double().exp().mean(dim=0)).mean().item()
    assert figures["variance_law"] == pytest.approx(law, rel=1e-5)


def test_no_batch_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="no batch"):
        LossTotals().means(alone)
