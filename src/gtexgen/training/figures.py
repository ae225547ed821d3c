"""The figures of a report in TensorBoard, while a model is trained and at the end."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from gtexgen.data.datamodule import ExpressionDataModule
from gtexgen.data.scaling import Scaling
from gtexgen.data.training_part import SamplePart
from gtexgen.generator import NetworkGenerator
from gtexgen.models.module import GenerativeModule
from gtexgen.models.networks import Networks
from gtexgen.training.prior import fit_prior
from gtexgen.training.tensorboard import EpochTensorBoardLogger

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ComparisonFigures", "log_figures"]

FloatArray: TypeAlias = npt.NDArray[np.float32]

log = logging.getLogger(__name__)

SAMPLES = 500
GENES = 1000
SEED = 0x6669_6775
LEAST_SAMPLES, LEAST_GENES = 4, 2


class ComparisonFigures(Callback):
    """Draws validation samples beside those that the model reconstructs and generates, every N epochs.

    A prior that is known only after training is fitted to a copy. The state of training, the global source of random
    numbers among it, is left as it is.

    Parameters
    ----------
    logger
        Where to.
    every_epochs
        How often; 0 is never.
    """

    def __init__(self, logger: EpochTensorBoardLogger, every_epochs: int) -> None:
        self._logger = logger
        self._every_epochs = every_epochs

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw them, where they are due, on the first rank."""
        epoch = trainer.current_epoch + 1
        data = getattr(trainer, "datamodule", None)
        due = self._every_epochs > 0 and epoch % self._every_epochs == 0
        if not (due and trainer.is_global_zero and isinstance(data, ExpressionDataModule)):
            return
        if isinstance(pl_module, GenerativeModule):
            with torch.random.fork_rng():
                networks = copy.deepcopy(pl_module.model.networks).cpu().eval()
                try:
                    fit_prior(networks, data.training_part())
                    figures = _figures(networks, data.scaling, data.parts()["validation"])
                except RuntimeError as error:  # a figure is no reason to end training
                    log.warning("Epoch %d has no figures: %s", epoch, error)
                    return
            self._logger.log_figures(figures, epoch)


def log_figures(folder: Path, generator: NetworkGenerator, part: SamplePart, epochs: int) -> None:
    """Add the figures of the finished generator to the event files of its run.

    Parameters
    ----------
    folder
        The folder of the event files.
    generator
        As it is saved.
    part
        The samples that it is compared with: the validation part.
    epochs
        The number of epochs trained.
    """
    from torch.utils.tensorboard import SummaryWriter

    networks = copy.deepcopy(generator.networks).cpu().eval()
    with SummaryWriter(str(folder)) as writer:
        for name, figure in _figures(networks, generator.scaling, part).items():
            writer.add_figure(f"final/{name}", figure, epochs, close=False)


def _figures(networks: Networks, scaling: Scaling, part: SamplePart) -> dict[str, Figure]:
    """Draw all figures, of a choice of samples and genes that is the same every time; of too few, none."""
    from gtexgen.evaluation.correlations import within_condition_correlation
    from gtexgen.evaluation.embedding import embed
    from gtexgen.report.figures.correlations import correlation_figure
    from gtexgen.report.figures.embedding import embedding_figure
    from gtexgen.report.figures.genes import gene_differences_figure, gene_moments, gene_moments_figure

    shown = _compare(networks, scaling, part)
    n_samples, n_genes = shown.expression["real"].shape
    if n_samples < LEAST_SAMPLES or n_genes < LEAST_GENES:
        return {}
    kinds = {kind: values for kind, values in shown.expression.items() if kind != "reconstructed"}
    embedding = embed(kinds["real"], {"generated": kinds["generated"]}, "pca", 2)
    condition = shown.labels[shown.colour].astype(str).to_numpy(np.str_)
    moments = gene_moments(shown.expression, list(map(str, range(n_genes))))
    return {
        "embedding": embedding_figure(
            np.concatenate(list(embedding.coordinates.values())),
            pd.concat([shown.labels] * len(kinds), ignore_index=True),
            [kind for kind, values in kinds.items() for _ in values],
            shown.colour,
            axes=embedding.axes,
            title="Validation samples and generated ones of the same conditions",
        ),
        "gene_moments": gene_moments_figure(moments, {"generated": "generated"}),
        "original_and_model": gene_differences_figure(
            moments, {"reconstructed": "reconstructed", "generated": "generated"}
        ),
        "correlations": correlation_figure(
            {kind: within_condition_correlation(values, condition) for kind, values in kinds.items()}
        ),
    }


@dataclass(frozen=True, eq=False)
class _Shown:
    """Samples that figures compare: ``(samples, genes)`` of each kind on log2(x + 1), row by row of one condition."""

    expression: dict[str, FloatArray]
    labels: pd.DataFrame
    colour: str


@torch.inference_mode()
def _compare(networks: Networks, scaling: Scaling, part: SamplePart) -> _Shown:
    rng = np.random.default_rng(SEED)
    rows = np.sort(rng.permutation(len(part.samples))[:SAMPLES])
    condition = part.condition[torch.from_numpy(rows)]
    noise = torch.Generator().manual_seed(SEED)
    real = _read(part, rows)
    output = networks.decode(networks.infer(real, condition).sample(noise), condition)
    kinds = {
        "real": real,
        "reconstructed": networks.likelihood.reconstruct(output, real),
        "generated": networks.sample(condition, noise),
    }
    genes = np.sort(rng.permutation(real.shape[1])[:GENES])
    expression = {kind: _log2(scaling, values)[:, genes] for kind, values in kinds.items()}
    labels = part.samples.iloc[rows].reset_index(drop=True)
    return _Shown(expression, labels, _first_label(labels, ("tissue", "subtissue")))


def _first_label(labels: pd.DataFrame, wanted: Sequence[str]) -> str:
    return next(str(name) for name in (*wanted, *labels) if name in labels)


def _read(part: SamplePart, rows: npt.NDArray[np.int64]) -> Tensor:
    """Read some samples of a part on the model's scale, ``(samples, genes)``, by ascending position."""
    chosen, start = [], 0
    for block in part.blocks():
        inside = rows[(rows >= start) & (rows < start + len(block))] - start
        chosen.append(block[torch.from_numpy(inside)].cpu())
        start += len(block)
    return torch.cat(chosen)


def _log2(scaling: Scaling, scaled: Tensor) -> FloatArray:
    """Bring values from the model's scale to log2(x + 1), kept between 0 and the largest of training as tables are."""
    with np.errstate(over="ignore", invalid="ignore"):
        expression = scaling.unscale(scaled.cpu().numpy())
    largest = None if scaling.largest is None else scaling.largest.astype(np.float32)
    limited: FloatArray = np.log2(np.clip(np.nan_to_num(expression), 0, largest) + np.float32(1))
    return limited
