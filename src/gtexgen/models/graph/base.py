"""What every way to join samples gives: a graph over each part."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from gtexgen.data.splits import Part
from gtexgen.data.training_part import SamplePart
from gtexgen.models.graph.sample_graph import SampleGraph

__all__ = ["GraphBuilder"]


class GraphBuilder(ABC):
    """A rule that says which samples are joined; its constructor's arguments are its config.

    Edges join samples of one part. What a rule learns from expression, it learns from the training part alone.
    """

    @abstractmethod
    def build(self, parts: Mapping[Part, SamplePart]) -> Mapping[Part, SampleGraph]:
        """Give the graph of each part.

        Parameters
        ----------
        parts
            Every part of the split that has samples.

        Raises
        ------
        DataError
            Where the edges come from a file that does not hold what it should.
        """
