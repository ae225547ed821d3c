"""The samples of one condition are joined."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gtexgen.data.splits import Part
from gtexgen.data.training_part import SamplePart
from gtexgen.models.graph.base import GraphBuilder
from gtexgen.models.graph.sample_graph import Cliques

__all__ = ["SameCondition"]


class SameCondition(GraphBuilder):
    """Every two samples are joined whose encoded conditions are equal; without condition, every two of a part."""

    def build(self, parts: Mapping[Part, SamplePart]) -> dict[Part, Cliques]:
        """Give a clique for each condition of a part; see `GraphBuilder.build`."""
        return {
            name: Cliques(np.unique(part.condition.numpy(), axis=0, return_inverse=True)[1])
            for name, part in parts.items()
        }
