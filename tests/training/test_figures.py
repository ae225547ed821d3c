from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gtexgen.data.training_part import SamplePart
from gtexgen.models.module import GenerativeModule
from gtexgen.training.figures import ComparisonFigures, log_figures
from gtexgen.training.lightning_defaults import make_trainer, quiet_lightning
from gtexgen.training.tensorboard import EpochTensorBoardLogger
from support.small_generator import make_expression, make_generator, make_samples
from support.training_cohort import Cohort, cohort_model

FIGURES = {"embedding", "gene_moments", "original_and_model", "correlations"}


def train(folder: Path, every_epochs: int) -> dict[str, torch.Tensor]:
    """Train for three epochs and return the weights."""
    logger = EpochTensorBoardLogger(folder, {})
    module = GenerativeModule(cohort_model())
    with quiet_lightning():
        trainer = make_trainer(
            max_epochs=3,
            accelerator="cpu",
            callbacks=[ComparisonFigures(logger, every_epochs)],
            logger=logger,
            default_root_dir=folder,
            enable_checkpointing=False,
        )
        trainer.fit(module, datamodule=Cohort().data())
    logger.finalize("success")
    return module.state_dict()


def images(folder: Path) -> dict[str, list[int]]:
    events = EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()
    found = {tag: events.Images(tag) for tag in events.Tags()["images"]}
    assert all(event.width > 500 and event.height > 300 for of_tag in found.values() for event in of_tag)
    return {tag: [event.step for event in of_tag] for tag, of_tag in found.items()}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, torch.Tensor]]:
    folder = tmp_path_factory.mktemp("drawn")
    return folder, train(folder, every_epochs=2)


def test_figures_come_every_so_many_epochs(drawn: tuple[Path, dict[str, torch.Tensor]]) -> None:
    assert images(drawn[0]) == {f"comparison/{name}": [2] for name in FIGURES}


def test_drawing_leaves_training_as_it_is(drawn: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path) -> None:
    undisturbed = train(tmp_path, every_epochs=0)
    assert images(tmp_path) == {}
    assert undisturbed.keys() == drawn[1].keys()
    for name, weights in undisturbed.items():
        assert torch.equal(weights, drawn[1][name]), name


def test_the_finished_generator_is_drawn_from_its_own_weights(tmp_path: Path) -> None:
    generator = make_generator()
    before = {name: weights.clone() for name, weights in generator.networks.state_dict().items()}
    samples = make_samples()
    scaled = torch.from_numpy(generator.scaling.scale(make_expression(len(samples))))
    part = SamplePart(samples, generator.encode_conditions(samples), lambda: iter(scaled.split(17)))
    log_figures(tmp_path, generator, part, 7)
    assert images(tmp_path) == {f"final/{name}": [7] for name in FIGURES}
    after = generator.networks.state_dict()
    assert all(torch.equal(weights, after[name]) for name, weights in before.items())


def test_too_few_samples_make_no_figure(tmp_path: Path) -> None:
    generator = make_generator()
    samples = make_samples()[:3]
    scaled = torch.from_numpy(generator.scaling.scale(make_expression(3)))
    part = SamplePart(samples, generator.encode_conditions(samples), lambda: iter([scaled]))
    log_figures(tmp_path, generator, part, 1)
    assert images(tmp_path) == {}
