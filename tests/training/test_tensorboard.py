from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import plugin_data_pb2

from gtexgen.models.schedules import LinearWarmup
from gtexgen.training.diagnostics import Diagnostics
from gtexgen.training.fit import FitResult
from gtexgen.training.tensorboard import LAYOUT, log_diagnostics
from support.training_cohort import Train

PER_PART = ["elbo", "kl", "reconstruction", "mse", "loss"]
TAGS = {f"{part}/{name}" for part in ("train", "val") for name in PER_PART} | {
    "learning_rate",
    "active_latents",
    "variance_law",
    "kl_weight",
}
BEST = {"best/elbo", "best/kl", "best/reconstruction", "best/mse", "best/epoch"}
MEASURED = {
    "best/coverage",
    "best/precision",
    "best/recall",
    "best/adversarial_accuracy",
    "best/variance_kept",
    "best/variance_kept_within",
    "best/variance_kept_within_without_noise",
    "best/variance_loss",
}
HISTOGRAMS = {"latents/kl", "latents/mean_variance", "latents/variance_law"}


def read(result: FitResult) -> EventAccumulator:
    """Read all event files of a run, the oldest first.

    Their names end in a number that counts up in the process without leading zeros: within a second, 10 is before 9.
    """
    folder = result.best_checkpoint.parents[1] / "tensorboard"
    for path in sorted(folder.iterdir(), key=lambda path: int(path.suffix[1:])):
        path.rename(path.with_name(f"events.out.tfevents.{int(path.suffix[1:]):06d}"))
    return EventAccumulator(str(folder), size_guidance={"histograms": 0}).Reload()


def steps(events: EventAccumulator, tag: str) -> list[int]:
    return [event.step for event in events.Scalars(tag)]


def hparams(events: EventAccumulator, tag: str) -> Any:
    content = events.SummaryMetadata(tag).plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content)


def test_scalars_are_by_epoch_from_the_first(train: Train) -> None:
    result = train(max_epochs=3, kl_schedule=LinearWarmup(2))
    events = read(result)
    assert set(events.Tags()["scalars"]) == TAGS | BEST
    assert {tag: steps(events, tag) for tag in TAGS} == {tag: [1, 2, 3] for tag in TAGS}
    assert [event.value for event in events.Scalars("kl_weight")] == [0.5, 1.0, 1.0]
    logged = {tag: events.Scalars(tag)[result.best_epoch - 1].value for tag in TAGS}
    assert logged == pytest.approx(result.metrics, rel=1e-6)


def test_training_elbo_weighs_the_kl_by_one_and_the_loss_by_the_warmup(train: Train) -> None:
    events = read(train(max_epochs=2, kl_schedule=LinearWarmup(4)))
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
    assert {info.name.tag for info in experiment.metric_infos} == BEST | MEASURED
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


def test_histograms_of_the_latents_come_every_fifth_epoch_and_go_on_after_resuming(train: Train) -> None:
    stopped = train(max_epochs=5)
    events = read(train(max_epochs=12, resume=stopped.last_checkpoint))
    assert set(events.Tags()["histograms"]) == HISTOGRAMS
    for tag in HISTOGRAMS:
        shown = events.Histograms(tag)
        assert [event.step for event in shown] == [1, 6, 11]
        assert {event.histogram_value.num for event in shown} == {4}
    for law, mean_variance in zip(
        events.Histograms("latents/variance_law"), events.Histograms("latents/mean_variance"), strict=True
    ):
        scalar = events.Scalars("variance_law")[law.step - 1].value
        assert law.histogram_value.sum / 4 == pytest.approx(scalar, rel=1e-5)
        assert mean_variance.histogram_value.sum <= law.histogram_value.sum


def test_what_the_finished_generator_is_measured_by_joins_the_final_metrics(train: Train, tmp_path: Path) -> None:
    result = train(max_epochs=1)
    variances = {"real": [1.0, 2.0, 1.0, 0.0], "generated": [0.5, 1.5, 9.0, 0.0], "generated_without_noise": [0.1] * 4}
    genes = pd.DataFrame({"label": list("abcd"), "scale": "log2"})
    genes = genes.assign(**variances, **{f"{kind}_within": values for kind, values in variances.items()})
    realism = {"val/coverage": 0.9, "val/precision": 0.8, "val/recall": 0.7, "val/adversarial_accuracy": 0.6}
    log_diagnostics(tmp_path / "run" / "tensorboard", Diagnostics(pd.DataFrame(), genes, [], realism), result.epochs)
    events = read(result)
    assert set(events.Tags()["scalars"]) == TAGS | BEST | MEASURED
    assert events.Scalars("best/variance_kept_within")[-1].value == pytest.approx(0.75)
    assert events.Scalars("best/adversarial_accuracy")[-1].value == pytest.approx(0.6)
    assert events.Scalars("best/variance_loss")[-1].value == pytest.approx((0.5 + 0.5 - 8.0) / 4)
    (kept,) = events.Histograms("genes/variance_kept_within")
    assert (kept.step, kept.histogram_value.num) == (1, 3)
    assert (kept.histogram_value.min, kept.histogram_value.max) == (0.5, 3.0)


def test_without_a_logger_no_event_file_is_written(train: Train, tmp_path: Path) -> None:
    result = train(max_epochs=1, tensorboard=False)
    assert result.metrics["val/elbo"] < 0
    assert not (tmp_path / "run" / "tensorboard").exists()
