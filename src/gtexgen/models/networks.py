"""The encoder and decoder that every head shares, tied to a likelihood and a prior."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from gtexgen.models.likelihoods.base import Likelihood, Output
from gtexgen.models.posterior import Posterior
from gtexgen.models.priors.base import Prior
from gtexgen.models.residual_factors import ResidualFactors

__all__ = ["ACTIVATIONS", "NORMALISATIONS", "Decoder", "Encoder", "Networks"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}
"""The activations by the name they have in a config."""

NORMALISATIONS: dict[str, Callable[[int], nn.Module] | None] = {
    "none": None,
    "batch": nn.BatchNorm1d,
    "layer": nn.LayerNorm,
}
"""The normalisations by the name they have in a config; each follows its linear layer."""

LOG_VARIANCE_BOUND = 10.0


class Encoder(nn.Module):
    r"""From expression and condition to the posterior of the latents.

    The log-variance is :math:`b \tanh(h / b)` with :math:`b = 10`: close to the raw output :math:`h` where
    posteriors live, yet never outside [-10, 10], so neither :math:`\sigma^2` nor :math:`1 / \sigma^2` can
    overflow. Unlike a clamp, it leaves a gradient that leads back from the bounds.

    Parameters
    ----------
    n_genes, n_conditions, n_latents
        Widths of the expression, the condition (0 for none) and the latent vector.
    hidden
        Widths of the hidden layers, from the expression inwards.
    activation, normalisation
        Keys of `ACTIVATIONS` and `NORMALISATIONS`.
    dropout
        Share of hidden units left out while training.
    """

    def __init__(
        self,
        n_genes: int,
        n_conditions: int,
        n_latents: int,
        *,
        hidden: Sequence[int],
        activation: str = "silu",
        normalisation: str = "none",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        widths = [n_genes + n_conditions, *hidden]
        self.layers = _hidden_layers(widths, activation, normalisation, dropout)
        self.posterior = nn.Linear(widths[-1], 2 * n_latents)

    def forward(self, expression: Tensor, condition: Tensor) -> Posterior:
        """Infer the posterior from ``(batch, genes)`` and ``(batch, conditions)``."""
        mean, raw = self.posterior(self.layers(_join(expression, condition))).chunk(2, dim=-1)
        return Posterior(mean, LOG_VARIANCE_BOUND * torch.tanh(raw / LOG_VARIANCE_BOUND))


class Decoder(nn.Module):
    """From latents and condition to the features that a likelihood reads; the mirror of `Encoder`.

    Parameters
    ----------
    n_latents, n_conditions
        Widths of the latent vector and the condition (0 for none).
    hidden
        Widths of the encoder's hidden layers, from the expression inwards; the decoder takes them backwards.
    activation, normalisation, dropout
        As for `Encoder`.

    Attributes
    ----------
    n_features
        Width of the output.
    """

    def __init__(
        self,
        n_latents: int,
        n_conditions: int,
        *,
        hidden: Sequence[int],
        activation: str = "silu",
        normalisation: str = "none",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        widths = [n_latents + n_conditions, *reversed(hidden)]
        self.layers = _hidden_layers(widths, activation, normalisation, dropout)
        self.n_features = widths[-1]

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Decode ``(batch, latents)`` and ``(batch, conditions)`` into ``(batch, features)``."""
        features: Tensor = self.layers(_join(latent, condition))
        return features


class Networks(nn.Module):
    """All that a head works with, and all that a generator needs once training is over.

    Parameters
    ----------
    encoder, decoder, likelihood, prior
        The parts, of widths that fit together (`gtexgen.models.build.build_model` sees to it).
    residual_factors
        What correlates the genes' noise; None leaves that to the likelihood.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        likelihood: Likelihood,
        prior: Prior,
        residual_factors: ResidualFactors | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood
        self.prior = prior
        self.residual_factors = residual_factors

    def infer(self, expression: Tensor, condition: Tensor) -> Posterior:
        """Infer the posterior of each sample from ``(batch, genes)`` and ``(batch, conditions)``."""
        posterior: Posterior = self.encoder(self.likelihood.encoder_input(expression), condition)
        return posterior

    def decode(self, latent: Tensor, condition: Tensor) -> Output:
        """Give the likelihood's output for ``(batch, latents)`` and ``(batch, conditions)``."""
        output: Output = self.likelihood(self.decoder(latent, condition), condition)
        return output

    def noise(self, output: Output, generator: torch.Generator | None = None) -> Tensor:
        """Draw the noise of every gene for what the decoder gave, ``(batch, genes)``."""
        if self.residual_factors is None:
            return self.likelihood.noise(output, generator)
        return self.residual_factors.draw(len(output[0]), generator)

    def sample(self, condition: Tensor, generator: torch.Generator | None = None, *, noise: bool = True) -> Tensor:
        """Draw one sample for each row of the condition.

        Parameters
        ----------
        condition
            ``(batch, conditions)``; a width of 0 is a model without condition.
        generator
            The source of randomness; None takes the default one of the device.
        noise
            Draw from the likelihood; otherwise return its mean, so that only the latents are random.

        Returns
        -------
        Tensor
            ``(batch, genes)`` on the model's scale.
        """
        output = self.decode(self.prior.sample(condition, generator), condition)
        if not noise:
            return self.likelihood.mean(output)
        return self.likelihood.push(output, self.noise(output, generator), generator)


def _hidden_layers(widths: Sequence[int], activation: str, normalisation: str, dropout: float) -> nn.Sequential:
    normalise = NORMALISATIONS[normalisation]
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers.append(nn.Linear(n_in, n_out))
        if normalise is not None:
            layers.append(normalise(n_out))
        layers.append(ACTIVATIONS[activation]())
        if dropout > 0:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)


def _join(values: Tensor, condition: Tensor) -> Tensor:
    return torch.cat([values, condition], dim=-1) if condition.shape[-1] else values
