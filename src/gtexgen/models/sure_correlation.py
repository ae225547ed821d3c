"""How strong a correlation among donors has to be for it not to be chance, where thousands are looked at."""

from __future__ import annotations

import math

__all__ = ["least_sure_correlation"]

STANDARD_ERRORS = 6
"""Of millions of pairs of genes, few correlate by chance so many standard errors from 0."""

LEAST_DONORS = 16
"""Of fewer, no correlation is sure."""


def least_sure_correlation(n_donors: int) -> float:
    r"""Give the correlation, of either sign, beyond which one is sure; infinite where there are too few donors.

    On Fisher's scale, :math:`\tanh^{-1} r`, the standard error is at most :math:`1 / \sqrt{n - 3}` for n donors,
    however many samples each of them gave.
    """
    if n_donors < LEAST_DONORS:
        return math.inf
    return math.tanh(STANDARD_ERRORS / math.sqrt(n_donors - 3))
