"""The types and ranges of every setting; ``conf/`` holds their values and their meaning.

A class here is what a command receives once its configuration has been checked. The fields have no defaults:
a default stands in ``conf/`` only, beside the comment that explains it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from gtexgen.config.ranges import above, at_least, between, one_of

__all__ = [
    "BASELINE_SCHEMAS",
    "DATA_SCHEMAS",
    "BaselineTrainSettings",
    "CalibrationSettings",
    "ClassGaussianSettings",
    "ColumnSettings",
    "DemoSettings",
    "EmbedSettings",
    "EvaluateSettings",
    "FieldSettings",
    "FilesSettings",
    "GaussianCopulaSettings",
    "GenerateSettings",
    "GtexSettings",
    "KLSettings",
    "LabelSettings",
    "LoaderSettings",
    "LoggerSettings",
    "ModelSettings",
    "NoisyBootstrapSettings",
    "PrepareSettings",
    "RunSettings",
    "ScalingSettings",
    "SelectSettings",
    "SplitSettings",
    "TrainSettings",
    "TrainerSettings",
]


@dataclass
class SelectSettings:
    """Which genes and samples go into the expression store."""

    genes: str | None
    top_variance: Annotated[int | None, at_least(1)]
    min_expression: Annotated[float | None, at_least(0)]
    tissues: list[str] | None
    where: dict[str, Any] | None
    min_samples: Annotated[int, at_least(1)]
    incomplete: Annotated[str, one_of("error", "drop")]


@dataclass
class DemoSettings:
    """The built-in simulated cohort."""

    source: str
    name: str
    donors: Annotated[int, at_least(10)]
    samples: Annotated[int, at_least(108)]
    genes: Annotated[int, at_least(20)]
    units: Annotated[str, one_of("TPM", "counts")]
    seed: Annotated[int, at_least(0)]
    select: SelectSettings


@dataclass
class GtexSettings:
    """A release of the GTEx portal, downloaded once."""

    source: str
    name: str
    release: Annotated[str, one_of("v8", "v10")]
    folder: str
    base_url: str | None
    retries: Annotated[int, at_least(0)]
    select: SelectSettings


@dataclass
class ColumnSettings:
    """The names of the columns of the user's sample and subject tables."""

    sample: str
    donor: str | None
    tissue: str
    subtissue: str | None
    subject: str
    sex: str | None
    age: str | None


@dataclass
class FilesSettings:
    """Files of the user's own."""

    source: str
    name: str
    expression: str
    samples: str | None
    subjects: str | None
    orientation: Annotated[str, one_of("auto", "genes_in_rows", "samples_in_rows")]
    units: str
    columns: ColumnSettings
    select: SelectSettings


DATA_SCHEMAS: dict[str, type] = {"demo": DemoSettings, "gtex": GtexSettings, "files": FilesSettings}


@dataclass
class FieldSettings:
    """How one column of the samples table becomes part of the condition."""

    encoding: Annotated[str, one_of("one_hot", "ordinal", "midpoint")]


@dataclass
class SplitSettings:
    """How samples are divided into training, validation and test parts."""

    by: Annotated[str, one_of("donor", "sample")]
    validation: Annotated[float, between(0.01, 0.5)]
    test: Annotated[float, between(0.0, 0.5)]
    min_donors: Annotated[int, at_least(1)]


@dataclass
class ScalingSettings:
    """How expression is put on the model's scale."""

    transform: Annotated[str, one_of("log2", "none")]
    method: Annotated[str, one_of("standard", "min_max", "normal_scores", "none")]


@dataclass
class CalibrationSettings:
    """How the distribution of each gene is put right after training."""

    levels: Annotated[int | None, at_least(2)]
    min_samples: Annotated[int, at_least(2)]


@dataclass
class LoaderSettings:
    """How batches are read from the expression store."""

    batch_size: Annotated[int | None, at_least(1)]
    memory_budget_gib: Annotated[float, at_least(0)]
    shuffle_row_groups: Annotated[int, at_least(1)]
    workers: Annotated[int, at_least(0)]


@dataclass
class KLSettings:
    """What the KL costs from epoch to epoch."""

    schedule: Annotated[str, one_of("constant", "linear", "cyclical")]
    epochs: Annotated[int, at_least(0)]
    cycles: Annotated[int, at_least(1)]
    free_bits: Annotated[float, at_least(0)]


@dataclass
class ModelSettings:
    """The networks and the head."""

    name: str
    latent: Annotated[int, at_least(1)]
    hidden: Annotated[list[int], at_least(1)]
    activation: str
    dropout: Annotated[float, between(0.0, 1.0)]
    normalisation: str
    residual_factors: Annotated[int | None, at_least(0)]
    kl: KLSettings
    head: dict[str, Any]


@dataclass
class ClassGaussianSettings:
    """The class Gaussian."""

    name: str
    baseline: str
    min_samples: Annotated[int, at_least(2)]


@dataclass
class GaussianCopulaSettings:
    """The Gaussian copula."""

    name: str
    baseline: str
    min_samples: Annotated[int, at_least(2)]
    levels: Annotated[int, at_least(2)]


@dataclass
class NoisyBootstrapSettings:
    """The bootstrap with noise."""

    name: str
    baseline: str
    min_samples: Annotated[int, at_least(2)]
    noise: Annotated[float, at_least(0)]


BASELINE_SCHEMAS: dict[str, type] = {
    "class_gaussian": ClassGaussianSettings,
    "gaussian_copula": GaussianCopulaSettings,
    "noisy_bootstrap": NoisyBootstrapSettings,
}


@dataclass
class TrainerSettings:
    """How long, how fast and on what the model is trained."""

    max_epochs: Annotated[int, at_least(1)]
    patience: Annotated[int, at_least(1)]
    min_delta: Annotated[float, at_least(0)]
    learning_rate: Annotated[float, above(0)]
    weight_decay: Annotated[float, at_least(0)]
    gradient_clip: Annotated[float | None, above(0)]
    schedule: Annotated[str, one_of("constant", "cosine")]
    accelerator: str
    devices: Any
    strategy: str
    precision: str
    progress_bar: bool


@dataclass
class LoggerSettings:
    """Where training curves and figures go."""

    tensorboard: bool
    figures_every_epochs: Annotated[int | None, at_least(0)]


@dataclass
class PrepareSettings:
    """Everything that ``gtexgen-prepare`` is told."""

    store: str | None
    overwrite: bool
    outputs: str
    data: Any


@dataclass
class RunSettings:
    """What ``gtexgen-train`` is told, whatever the model."""

    store: str | None
    outputs: str
    seed: Annotated[int, between(0, 2**32)]
    data: Any
    condition: dict[str, FieldSettings]
    split: SplitSettings
    logger: LoggerSettings


@dataclass
class TrainSettings(RunSettings):
    """Everything that ``gtexgen-train`` is told of networks."""

    resume: str | None
    scaling: ScalingSettings
    loader: LoaderSettings
    model: ModelSettings
    likelihood: dict[str, Any]
    prior: dict[str, Any]
    calibration: CalibrationSettings
    trainer: TrainerSettings


@dataclass
class BaselineTrainSettings(RunSettings):
    """Everything that ``gtexgen-train`` is told of a baseline; ``model`` is one of `BASELINE_SCHEMAS`."""

    model: Any


@dataclass
class GenerateSettings:
    """Everything that ``gtexgen-generate`` is told."""

    generator: str
    counts: Any
    donors: Annotated[int | None, at_least(1)]
    given: str | None
    tissues: Any
    draws: Annotated[int, at_least(1)]
    output: str
    seed: Annotated[int, between(0, 2**63)]
    noise: bool
    allow_unseen: bool
    device: str


@dataclass
class LabelSettings:
    """What a table to judge calls its labels."""

    tissue: str | None
    subtissue: str | None
    sex: str | None
    age: str | None
    donor_id: str | None


@dataclass
class EvaluateSettings:
    """Everything that ``gtexgen-evaluate`` is told."""

    synthetic: str | None
    generator: str | None
    store: str | None
    output: str
    overwrite: bool
    part: Annotated[str, one_of("test", "validation")]
    trained_on: str | None
    split: SplitSettings
    baselines: Annotated[list[str], one_of("class_gaussian", "gaussian_copula", "noisy_bootstrap")]
    seeds: Annotated[int, at_least(1)]
    embedding: Annotated[str, one_of("pca", "tsne", "umap")]
    resamples: Annotated[int, at_least(0)]
    seed: Annotated[int, between(0, 2**31)]
    scale: Annotated[str, one_of("auto", "linear", "log2", "log1p")]
    genes: Annotated[str, one_of("all", "shared")]
    negative: Annotated[str, one_of("error", "zero")]
    columns: LabelSettings
    device: str
    condition: dict[str, FieldSettings] | None = None


@dataclass
class EmbedSettings:
    """Everything that ``gtexgen-embed`` is told."""

    store: str
    generator: str | None
    synthetic: str | None
    kinds: Annotated[list[str] | None, one_of("real", "reconstructed", "generated", "synthetic")]
    part: Annotated[str | None, one_of("all", "train", "validation", "test")]
    space: Annotated[str, one_of("expression", "latent")]
    method: Annotated[str, one_of("pca", "tsne", "umap")]
    dimensions: Annotated[int, between(2, 4)]
    colour: str
    output: str
    overwrite: bool
    seed: Annotated[int, between(0, 2**32)]
    device: str
