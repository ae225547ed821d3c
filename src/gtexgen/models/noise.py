"""Random draws that a seed reproduces on any device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["standard_normal"]


def standard_normal(
    shape: Sequence[int],
    *,
    like: Tensor,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw from N(0, 1), in the type and on the device of another tensor.

    The draw is made where the generator lives and then moved, so a CPU generator gives the same numbers
    whether the model is on a CPU or a GPU.

    Parameters
    ----------
    shape
        The shape of the draw.
    like
        The tensor whose dtype and device the draw takes.
    generator
        The source of randomness; None takes the default one of the device.
    """
    device = like.device if generator is None else generator.device
    return torch.randn(tuple(shape), generator=generator, device=device, dtype=like.dtype).to(like.device)
