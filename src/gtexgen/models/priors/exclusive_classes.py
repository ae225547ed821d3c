"""Which features of an encoded condition are classes: of each sample, exactly one is 1."""

from __future__ import annotations

from torch import Tensor

__all__ = ["exclusive_classes"]


def exclusive_classes(condition: Tensor) -> slice:
    """Find the longest run of features that are 0 or 1 and of which every sample has exactly one.

    So one-hot tissues are found, whatever else the condition says and in whatever order.

    Parameters
    ----------
    condition
        ``(samples, conditions)``.

    Returns
    -------
    slice
        Of the features; an empty one where there is no such run.
    """
    binary = ((condition == 0) | (condition == 1)).all(dim=0).tolist()
    longest = slice(0, 0)
    for start in range(len(binary)):
        stop = start
        total = condition.new_zeros(len(condition))
        while stop < len(binary) and binary[stop] and total.max() <= 1:
            total = total + condition[:, stop]
            stop += 1
            if bool((total == 1).all()) and stop - start > longest.stop - longest.start:
                longest = slice(start, stop)
    return longest
