"""Posteriors whose aggregate is known, and Gaussian or not."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gtexgen.models.posterior import Posterior

__all__ = ["MEANS", "ROOTS", "VARIANCE", "gaussian_classes", "moons_and_disc"]

VARIANCE = 0.01
MEANS = torch.tensor([[3.0, -1.0], [-2.0, 4.0]])
ROOTS = torch.tensor([[[1.0, 0.0], [0.8, 0.3]], [[0.5, 0.0], [0.0, 2.0]]])


def moons_and_disc(n_samples: int, seed: int = 0) -> tuple[Posterior, Tensor]:
    """Give posteriors of two classes in turn: two interleaved half-moons, and a Gaussian elsewhere."""
    generator = torch.Generator().manual_seed(seed)
    angle = math.pi * torch.rand(n_samples, generator=generator)
    side = 1 - 2.0 * torch.randint(2, (n_samples,), generator=generator)
    moons = torch.stack([side * angle.cos() + 0.5 * (1 - side), side * (angle.sin() - 0.25)], dim=1)
    disc = 3 + 0.7 * torch.randn(n_samples, 2, generator=generator)
    label = torch.arange(n_samples) % 2
    mean = torch.where(label[:, None] == 0, moons, disc)
    return Posterior(mean, torch.full_like(mean, math.log(VARIANCE))), torch.eye(2)[label]


def gaussian_classes(counts: tuple[int, int], seed: int = 0) -> tuple[Posterior, Tensor]:
    """Give posteriors of two classes one after the other, each of a Gaussian with `MEANS` and `ROOTS`."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.repeat_interleave(torch.arange(2), torch.tensor(counts))
    noise = torch.randn(sum(counts), 2, generator=generator)
    mean = MEANS[label] + torch.einsum("bkl,bl->bk", ROOTS[label], noise)
    return Posterior(mean, torch.full_like(mean, math.log(VARIANCE))), torch.eye(2)[label]
