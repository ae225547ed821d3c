"""How decoded features become a distribution of expression."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import torch
from torch import Tensor, nn

from gtexgen.models.noise import standard_normal

if TYPE_CHECKING:
    from gtexgen.data.training_part import TrainingPart

__all__ = ["Likelihood", "Output", "Support"]

Output: TypeAlias = tuple[Tensor, ...]
"""What a likelihood's forward gives and its other methods take: the parameters of its distribution."""

Support: TypeAlias = Literal["real", "unit_interval", "counts"]
"""The values that a likelihood can explain: any real number, those from 0 to 1, or whole numbers of 0 or more."""


class Likelihood(nn.Module, ABC):
    """The distribution p(x | z, c) of expression on the model's scale.

    A likelihood owns the layers that lead from the decoder's last features to its parameters, may look at the
    condition, and says which values it can explain. Its constructor is given, by name, whichever of
    ``n_features``, ``n_genes`` and ``n_conditions`` it asks for; the rest of its arguments are its config.

    Every gene of every sample has a noise that is standard normal: `push` turns it into expression, as a quantile
    function turns a uniform number into a value, and `pull` finds it again. What correlates the noise of several
    genes or of several samples thus need not know the distribution.
    """

    support: ClassVar[Support]
    """The values it can explain; a scaling that leaves them is refused before training."""

    def prepare(self, part: TrainingPart) -> None:
        """Look at the training part once before training; most likelihoods have no need to."""

    def encoder_input(self, expression: Tensor) -> Tensor:
        """Give what the encoder is to see of ``(batch, genes)`` expression: the same shape."""
        return expression

    @abstractmethod
    def forward(self, features: Tensor, condition: Tensor) -> Output:
        """Give the distribution's parameters for ``(batch, features)`` and ``(batch, conditions)``."""

    @abstractmethod
    def log_prob(self, output: Output, expression: Tensor) -> Tensor:
        """Give log p(x | z, c) in nats, summed over genes: ``(batch, genes)`` to ``(batch,)``."""

    @abstractmethod
    def mean(self, output: Output) -> Tensor:
        """Give the mean of every gene, ``(batch, genes)``."""

    def reconstruct(self, output: Output, expression: Tensor) -> Tensor:
        """Give the mean of every gene given what is not modelled of ``(batch, genes)`` expression, its depth say."""
        return self.mean(output)

    def noise(self, output: Output, generator: torch.Generator | None = None) -> Tensor:
        """Draw the noise of every gene, each standard normal, ``(batch, genes)``."""
        mean = self.mean(output)
        return standard_normal(mean.shape, like=mean, generator=generator)

    @abstractmethod
    def push(self, output: Output, noise: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Turn ``(batch, genes)`` noise into expression, rising with it, ``(batch, genes)``."""

    @abstractmethod
    def pull(self, output: Output, expression: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Find the noise behind ``(batch, genes)`` expression.

        Where several values of the noise give the same expression, one of them is drawn: these are the randomised
        quantile residuals of Dunn and Smyth 1996.
        """

    def sample(self, output: Output, generator: torch.Generator | None = None) -> Tensor:
        """Draw every gene, ``(batch, genes)``."""
        return self.push(output, self.noise(output, generator), generator)
