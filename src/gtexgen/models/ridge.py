"""Ridge regression on features the first of which is constant."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["ridge_weights"]


def ridge_weights(gram: Tensor, moments: Tensor, penalty: float) -> Tensor:
    """Solve the normal equations with every weight but the constant's held towards 0, ``(features, width)``.

    Parameters
    ----------
    gram
        Products of the features, summed over samples, ``(features, features)``; the first feature is the constant.
    moments
        Products of features and values, summed over samples, ``(features, width)``.
    penalty
        What a squared weight costs, in squared units of the values.
    """
    diagonal = torch.full((len(gram),), penalty, dtype=gram.dtype, device=gram.device)
    diagonal[0] = 0
    weights: Tensor = torch.linalg.solve(gram + diagonal.diag(), moments)
    return weights
