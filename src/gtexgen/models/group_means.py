"""What is left of values once the means of groups of samples, such as tissues, are taken away."""

from __future__ import annotations

from torch import Tensor

__all__ = ["less_group_means"]


def less_group_means(values: Tensor, group: Tensor) -> Tensor:
    """Give values less their mean over the samples of the same group.

    Parameters
    ----------
    values
        ``(samples, width)``.
    group
        The number of each sample's group, 0 or more, ``(samples,)`` int64.
    """
    total = values.new_zeros(int(group.max()) + 1, values.shape[1]).index_add(0, group, values)
    return values - (total / group.bincount()[:, None])[group]
