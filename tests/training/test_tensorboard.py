from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import plugin_data_pb2

from gtexgen.training.fit import FitResult
from gtexgen.training.tensorboard import LAYOUT
from support.training_cohort import Train

PER_PART = ["elbo", "kl", "reconstruction", "mse", "loss"]
TAGS = {f"{part}/{name}" for part in ("train", "val") for name in PER_PART} | {
    "learning_rate",
    "active_latents",
    "variance_law",
    "kl_weight",
}
BEST = {"best/elbo", "best/kl", "best/reconstruction", "best/mse", "best/epoch"}


def read(result: FitResult) -> EventAccumulator:
    accumulator = EventAccumulator(str(result.best_checkpoint.parents[1] / "tensorboard"))
    accumulator.Reload()
    return accumulator


def steps(events: EventAccumulator, tag: str) -> list[int]:
    return [event.step for event in events.Scalars(tag)]


def hparams(events: EventAccumulator, tag: str) -> Any:
    content = events.SummaryMetadata(tag).plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content)


def test_scalars_are_by_epoch_from_the_first(train: Train) -> None:
    result = train(max_epochs=3, kl_warmup_epochs=2)
    events = read(result)
    assert set(events.Tags()["scalars"]) == TAGS | BEST
    assert {tag: steps(events, tag) for tag in TAGS} == {tag: [1, 2, 3] for tag in TAGS}
    assert [event.value for event in events.Scalars("kl_weight")] == [0.5, 1.0, 1.0]
    logged = {tag: events.Scalars(tag)[result.best_epoch - 1].value for tag in TAGS}
    assert logged == pytest.approx(result.metrics, rel=1e-6)


def test_training_elbo_weighs_the_kl_by_one_and_the_loss_by_the_warmup(train: Train) -> None:
    events = read(train(max_epochs=2, kl_warmup_epochs=4))
    for epoch, weight in enumerate([0.25, 0.5]):
        kl, reconstruction, elbo, loss = (
            events.Scalars(f"train/{name}")[epoch].value for name in ("kl", "reconstruction", "elbo", "loss")
        )
        assert elbo == pytest.approx(-(reconstruction + kl), rel=1e-5)
        assert loss == pytest.approx(reconstruction + weight * kl, rel=1e-5)


def test_hparams_tab_holds_the_configuration_and_the_best_epochs_metrics(train: Train) -> None:
    result = train(max_epochs=3)
    events = read(result)
    start = hparams(events, "_hparams_/session_start_info").session_start_info.hparams
    assert start["model.latent"].number_value == 4
    assert start["model.hidden"].string_value == "[16, 8]"
    assert start["seed"].number_value == 0
    experiment = hparams(events, "_hparams_/experiment").experiment
    assert {info.name.tag for info in experiment.metric_infos} == BEST
    assert hparams(events, "_hparams_/session_end_info").session_end_info.status == 1  # STATUS_SUCCESS
    final = {tag: events.Scalars(tag)[-1].value for tag in BEST}
    assert final["best/elbo"] == pytest.approx(result.metrics["val/elbo"])
    assert final["best/epoch"] == result.best_epoch


def test_custom_scalars_open_on_elbo_kl_and_mse_of_both_parts(train: Train) -> None:
    events = read(train(max_epochs=1))
    layout = layout_pb2.Layout.FromString(events.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0])
    first = layout.category[0]
    assert not first.closed
    assert [list(chart.multiline.tag) for chart in first.chart] == [
        ["train/elbo", "val/elbo"],
        ["train/kl", "val/kl"],
        ["train/mse", "val/mse"],
    ]
    shown = {tag for category in LAYOUT.values() for _, tags in category.values() for tag in tags}
    assert shown <= TAGS


def test_a_resumed_run_continues_the_same_curves(train: Train) -> None:
    stopped = train(max_epochs=2)
    events = read(train(max_epochs=4, resume=stopped.last_checkpoint))
    assert steps(events, "val/elbo") == [1, 2, 3, 4]


def test_epochs_that_are_trained_again_replace_those_of_the_attempt_before(train: Train) -> None:
    early = train(max_epochs=2).last_checkpoint
    kept = early.with_name("kept.ckpt")
    kept.write_bytes(early.read_bytes())
    train(max_epochs=5, resume=early)
    events = read(train(max_epochs=4, resume=kept))
    assert steps(events, "val/elbo") == steps(events, "train/elbo") == [1, 2, 3, 4]


def test_without_a_logger_no_event_file_is_written(train: Train, tmp_path: Path) -> None:
    result = train(max_epochs=1, tensorboard=False)
    assert result.metrics["val/elbo"] < 0
    assert not (tmp_path / "run" / "tensorboard").exists()
