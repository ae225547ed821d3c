"""From a spec of plain values to a model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from gtexgen.errors import ConfigError
from gtexgen.models.components import IMPORTABLE, build_component
from gtexgen.models.heads.base import Head, LossTerms, Stage
from gtexgen.models.likelihoods.base import Likelihood
from gtexgen.models.networks import ACTIVATIONS, NORMALISATIONS, Decoder, Encoder, Networks
from gtexgen.models.priors.base import Prior
from gtexgen.models.residual_factors import ResidualFactors, default_factors

if TYPE_CHECKING:
    from gtexgen.data.batches import ExpressionBatch
    from gtexgen.data.training_part import TrainingPart

__all__ = ["GenerativeModel", "ModelSpec", "build_model", "build_networks"]


def _component(target: str) -> Any:
    return field(default_factory=lambda: {"_target_": target})


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """All that decides a model besides its numbers of genes and conditions; saved with the generator.

    Parameters
    ----------
    latent
        Number of latents.
    hidden
        Widths of the encoder's hidden layers, from the expression inwards; the decoder mirrors them.
    activation, normalisation
        Keys of `gtexgen.models.networks.ACTIVATIONS` and `NORMALISATIONS`.
    dropout
        Share of hidden units left out while training, 0 or more and below 1.
    residual_factors
        The most factors of noise that genes share (`gtexgen.models.residual_factors`); None: as many as there are
        genes, within 128 MiB; 0 leaves the likelihood's own.
    head, likelihood, prior
        ``{"_target_": dotted path of a class, option: value, ...}``.

    Raises
    ------
    ConfigError
        Where a value is out of range or not among the choices.
    """

    latent: int = 20
    hidden: Sequence[int] = (512, 256)
    activation: str = "silu"
    dropout: float = 0.0
    normalisation: str = "none"
    residual_factors: int | None = 0
    head: Mapping[str, Any] = _component("gtexgen.models.heads.cvae.CVAE")
    likelihood: Mapping[str, Any] = _component("gtexgen.models.likelihoods.gaussian.GaussianLikelihood")
    prior: Mapping[str, Any] = _component("gtexgen.models.priors.standard_normal.StandardNormal")

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        _check_positive("model.latent", self.latent)
        for width in self.hidden:
            _check_positive("model.hidden", width)
        _check_choice("model.activation", self.activation, ACTIVATIONS)
        _check_choice("model.normalisation", self.normalisation, NORMALISATIONS)
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"model.dropout must be 0 or more and below 1, not {self.dropout}")
        if self.residual_factors is not None and self.residual_factors < 0:
            raise ConfigError(f"model.residual_factors must be 0 or more, not {self.residual_factors}")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelSpec:
        """Read what `to_dict` wrote.

        Raises
        ------
        ConfigError
            Where a key is unknown.
        """
        known = [entry.name for entry in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ConfigError(f"model: unknown option {unknown[0]!r}; the options are: {', '.join(known)}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Give the spec as plain values that JSON and YAML can hold."""
        return {**asdict(self), "hidden": list(self.hidden)}


class GenerativeModel(nn.Module):
    """Networks and the head that trains them.

    Parameters
    ----------
    networks
        Encoder, decoder, likelihood and prior.
    head
        The objective.
    """

    def __init__(self, networks: Networks, head: Head) -> None:
        super().__init__()
        self.networks = networks
        self.head = head

    def forward(
        self,
        batch: ExpressionBatch,
        *,
        stage: Stage = Stage(),  # noqa: B008 (immutable)
        generator: torch.Generator | None = None,
    ) -> LossTerms:
        """Weigh a batch; see `gtexgen.models.heads.base.Head.forward`."""
        terms: LossTerms = self.head(batch, self.networks, stage=stage, generator=generator)
        return terms

    def prepare(self, part: TrainingPart) -> None:
        """Let likelihood and head look at the training part, once and before training."""
        self.networks.likelihood.prepare(part)
        self.head.prepare(part)


def build_model(spec: ModelSpec, n_genes: int, n_conditions: int) -> GenerativeModel:
    """Build a model to train, with fresh weights drawn from Torch's default generator.

    Its head may be of any class that Python can import: whoever trains names it in their own settings, and no
    generator that someone else made is loaded this way (`build_networks`).

    Parameters
    ----------
    spec
        The model's shape and parts.
    n_genes
        Width of the expression.
    n_conditions
        Width of the encoded condition; 0 for none.

    Raises
    ------
    ConfigError
        Where a part cannot be built (the message lists its options), or the head refuses the others.
    """
    networks = build_networks(spec, n_genes, n_conditions)
    widths = {"n_genes": n_genes, "n_conditions": n_conditions, "n_latents": spec.latent}
    head = build_component(spec.head, Head, trusted=IMPORTABLE, **widths)  # type: ignore[type-abstract]
    head.check(networks)
    return GenerativeModel(networks, head)


def build_networks(spec: ModelSpec, n_genes: int, n_conditions: int) -> Networks:
    """Build all of a model but its head: what a generator is made of, from classes of gtexgen alone.

    Parameters
    ----------
    spec, n_genes, n_conditions
        As for `build_model`.

    Raises
    ------
    ConfigError
        Where a part is not gtexgen's or cannot be built; the message lists its options.
    """
    shape: dict[str, Any] = {
        "hidden": spec.hidden,
        "activation": spec.activation,
        "normalisation": spec.normalisation,
        "dropout": spec.dropout,
    }
    encoder = Encoder(n_genes, n_conditions, spec.latent, **shape)
    decoder = Decoder(spec.latent, n_conditions, **shape)
    given: dict[str, Any] = {
        "n_genes": n_genes,
        "n_conditions": n_conditions,
        "n_latents": spec.latent,
        "n_features": decoder.n_features,
    }
    likelihood = build_component(spec.likelihood, Likelihood, **given)  # type: ignore[type-abstract]
    prior = build_component(spec.prior, Prior, **given)  # type: ignore[type-abstract]
    most = default_factors(n_genes) if spec.residual_factors is None else spec.residual_factors
    return Networks(encoder, decoder, likelihood, prior, ResidualFactors(n_genes, most) if most else None)


def _check_positive(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} must be a whole number of 1 or more, not {value!r}")


def _check_choice(name: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        raise ConfigError(f"{name}: unknown choice {value!r}; the choices are: {', '.join(choices)}")
