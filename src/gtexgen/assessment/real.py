"""The real samples of a store, read as the parts that judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.assessment.membership import Membership
from gtexgen.data.store import ExpressionStore
from gtexgen.errors import ConfigError
from gtexgen.evaluation.feature_space import FeatureSpace
from gtexgen.evaluation.reference import Candidate, Draw, Reference
from gtexgen.evaluation.samples import LABELS, Samples

__all__ = ["HeldOutPart", "RealParts", "log2_samples", "read_parts"]

HeldOutPart: TypeAlias = Literal["test", "validation"]
LEAST_HELD_OUT = 20


@dataclass(frozen=True, eq=False)
class RealParts:
    """Real samples, in parts that share no donor.

    Attributes
    ----------
    training, held_out
        What was trained on; what tables are compared with.
    independent, second_independent
        Halves of the donors that are neither; None where there are none.
    """

    training: Samples
    held_out: Samples
    independent: Samples | None
    second_independent: Samples | None

    def reference(self, condition: str) -> Reference:
        """Give what all candidates are judged by, `condition` being the label by which they are compared."""
        space = FeatureSpace.fit(self.training.expression)
        return Reference(self.training, self.held_out, self.independent, space, condition)

    def candidate(self, seeds: int) -> Candidate:
        """Give real samples as a candidate, the ceiling: of the training donors; for privacy, of further donors."""
        others = self.second_independent
        private: list[Draw] = [] if others is None else [lambda: others]
        return Candidate(
            "other real donors",
            draws=[lambda: self.training] * seeds,
            bodies=lambda: self.training,
            private_draws=private,
        )


def read_parts(
    store: ExpressionStore, membership: Membership, genes: Sequence[str], part: HeldOutPart, *, seed: int
) -> RealParts:
    """Read the parts of a store.

    Parameters
    ----------
    store
        The real samples.
    membership
        Their parts.
    genes
        The labels of the genes, in the order wanted.
    part
        Which part is held out to compare with; the other one is the independent.
    seed
        Of the halves of the independent part.

    Raises
    ------
    ConfigError
        Too few samples are held out, or none was trained on.
    """
    rows = membership.rows(part)
    if len(rows) < LEAST_HELD_OUT:
        raise ConfigError(
            f"the {part} part holds {len(rows)} samples, too few to judge by.\n"
            "  Remedy: part=test or part=validation, whichever has more; or train with larger split.test."
        )
    if not len(membership.rows("train")):
        raise ConfigError(
            "none of the store's samples was trained on, so there is nothing to fit baselines to.\n"
            "  Remedy: a store that has the training samples too."
        )
    other = membership.rows("validation" if part == "test" else "test")
    first, second = _halves(store.samples["donor_id"].to_numpy()[other], seed)
    independent, second_independent = (
        _read(store, other[half], genes) if half.any() else None for half in (first, second)
    )
    return RealParts(
        _read(store, membership.rows("train"), genes), _read(store, rows, genes), independent, second_independent
    )


def log2_samples(expression: npt.NDArray[np.float32], labels: pd.DataFrame) -> Samples:
    """Make `Samples` of expression in store units and whatever table describes them."""
    known = [name for name in LABELS if name in labels]
    return Samples(np.log2(expression + np.float32(1)), labels[known].reset_index(drop=True))


def _read(store: ExpressionStore, rows: npt.NDArray[np.intp], genes: Sequence[str]) -> Samples:
    return log2_samples(store.read(rows, genes), store.samples.iloc[rows])


def _halves(donor: npt.NDArray[np.object_], seed: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Divide donors by chance; two masks of their samples."""
    donors = np.unique(donor.astype(np.str_))
    chosen = np.random.default_rng(seed).permutation(donors)[: len(donors) // 2]
    first = np.isin(donor.astype(np.str_), chosen)
    return first, ~first
