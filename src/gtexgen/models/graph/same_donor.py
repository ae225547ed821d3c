"""The samples of one donor are joined."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from gtexgen.data.splits import Part
from gtexgen.data.training_part import SamplePart
from gtexgen.models.graph.base import GraphBuilder
from gtexgen.models.graph.sample_graph import Cliques

__all__ = ["SameDonor"]


class SameDonor(GraphBuilder):
    """Every two samples of a donor are joined: the tissues of one body."""

    def build(self, parts: Mapping[Part, SamplePart]) -> dict[Part, Cliques]:
        """Give a clique for each donor of a part; see `GraphBuilder.build`."""
        return {name: Cliques(pd.factorize(part.samples["donor_id"])[0]) for name, part in parts.items()}
