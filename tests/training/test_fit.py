from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from gtexgen.errors import ConfigError, TrainingError
from gtexgen.models.heads.base import LossTerms
from gtexgen.models.heads.beta_vae import Capacity
from gtexgen.models.heads.cvae import CVAE
from gtexgen.models.schedules import CyclicalWarmup, LinearWarmup
from gtexgen.training.checkpoints import load_checkpoint
from gtexgen.training.fit import FitOptions, fit
from support.training_cohort import Cohort, Train, cohort_model

CONF = Path(__file__).parents[2] / "conf"


def test_defaults_are_those_of_conf() -> None:
    shipped = yaml.safe_load((CONF / "trainer" / "default.yaml").read_text())
    assert shipped == dataclasses.asdict(FitOptions())


def test_validation_elbo_rises_and_the_result_says_so(train: Train) -> None:
    first = train("short", max_epochs=1, learning_rate=0.01)
    last = train("long", max_epochs=8, learning_rate=0.01, schedule="constant")
    assert last.metrics["val/elbo"] > first.metrics["val/elbo"] + 1
    assert last.epochs == 8
    assert last.stopped_by == "max_epochs"
    assert last.samples_per_second > 0
    elbo = -(last.metrics["val/reconstruction"] + last.metrics["val/kl"])
    assert last.metrics["val/elbo"] == pytest.approx(elbo, rel=1e-6)


def test_best_weights_are_left_in_the_model(tmp_path: Path) -> None:
    model = cohort_model()
    options = FitOptions(max_epochs=200, patience=3, learning_rate=0.05, accelerator="cpu", progress_bar=False)
    result = fit(model, Cohort().data(), tmp_path, options=options)
    assert result.best_epoch == result.epochs - 3
    best = load_checkpoint(result.best_checkpoint)["state_dict"]
    last = load_checkpoint(result.last_checkpoint)["state_dict"]
    weights = {f"model.{name}": value for name, value in model.state_dict().items()}
    assert all(torch.equal(weights[name], best[name]) for name in best)
    assert not all(torch.equal(weights[name], last[name]) for name in last)


def test_early_stopping_ends_training_patience_epochs_after_the_best(train: Train) -> None:
    result = train(max_epochs=200, learning_rate=0.05, patience=3)
    assert result.stopped_by == "early_stopping"
    assert result.epochs == result.best_epoch + 3


def test_no_epoch_of_the_warmup_counts_for_early_stopping(train: Train) -> None:
    result = train(max_epochs=30, learning_rate=0.05, patience=1, min_delta=1e6, kl_schedule=LinearWarmup(10))
    assert result.stopped_by == "early_stopping"
    assert result.epochs == 11  # epoch 10 is the first of full weight, and sets the mark


def test_no_epoch_between_two_cycles_counts_for_early_stopping(train: Train) -> None:
    result = train(max_epochs=30, learning_rate=0.05, patience=1, min_delta=1e6, kl_schedule=CyclicalWarmup(12, 2))
    assert result.epochs == 13


def test_no_epoch_counts_while_the_heads_own_schedule_runs(tmp_path: Path) -> None:
    model = cohort_model()
    model.head.warmup_epochs = 4
    options = FitOptions(patience=1, min_delta=1e6, accelerator="cpu", progress_bar=False)
    assert fit(model, Cohort().data(), tmp_path, options=options).epochs == 5


def test_the_best_epoch_is_that_of_the_heads_own_objective(tmp_path: Path) -> None:
    class Contrary(CVAE):
        """Drives the ELBO down, so that the first epoch has the best one."""

        def forward(self, *arguments: Any, **options: Any) -> LossTerms:
            terms = super().forward(*arguments, **options)
            return terms._replace(objective=-terms.objective)

    model = cohort_model()
    model.head = Contrary()
    options = FitOptions(max_epochs=3, accelerator="cpu", progress_bar=False)
    result = fit(model, Cohort().data(), tmp_path, options=options)
    assert result.best_epoch == 3
    assert result.metrics["val/loss"] == pytest.approx(result.metrics["val/elbo"])


def test_the_terms_of_a_head_are_logged_under_their_names(tmp_path: Path) -> None:
    model = cohort_model()
    model.head = Capacity(capacity=6.0, capacity_epochs=3)
    options = FitOptions(max_epochs=1, accelerator="cpu", progress_bar=False)
    metrics = fit(model, Cohort().data(), tmp_path, options=options).metrics
    assert (metrics["train/capacity"], metrics["val/capacity"]) == (2.0, 6.0)


def test_validation_spares_the_free_bits_that_training_spares(train: Train) -> None:
    metrics = train(max_epochs=1, free_bits=1e6).metrics
    assert metrics["val/loss"] == pytest.approx(metrics["val/reconstruction"] + 4e6, rel=1e-6)
    assert metrics["val/elbo"] == pytest.approx(-metrics["val/reconstruction"] - metrics["val/kl"], rel=1e-6)


def test_same_seed_gives_the_same_result(train: Train) -> None:
    assert train("a").metrics == train("b").metrics


def test_a_resumed_run_equals_one_that_was_never_stopped(train: Train) -> None:
    # Both runs do the same operations in the same order; the tolerance is for sums that threads split up differently.
    straight = train("straight", max_epochs=6, schedule="constant")
    stopped = train("stopped", max_epochs=2, schedule="constant")
    assert stopped.epochs == 2
    resumed = train("stopped", max_epochs=6, schedule="constant", resume=stopped.last_checkpoint)
    assert (resumed.epochs, resumed.best_epoch) == (6, straight.best_epoch)
    assert resumed.metrics == pytest.approx(straight.metrics, rel=1e-5)
    ours, theirs = (load_checkpoint(result.last_checkpoint) for result in (resumed, straight))
    for name, value in theirs["state_dict"].items():
        torch.testing.assert_close(ours["state_dict"][name], value, rtol=1e-4, atol=1e-6)
    for key, state in theirs["optimizer_states"][0]["state"].items():
        assert ours["optimizer_states"][0]["state"][key]["step"] == state["step"]


def test_a_run_that_was_killed_meets_the_same_epochs_again(train: Train) -> None:
    early = train(max_epochs=2).last_checkpoint
    kept = early.with_name("kept.ckpt")
    kept.write_bytes(early.read_bytes())
    straight = train(max_epochs=5, resume=early)
    again = train(max_epochs=5, resume=kept)
    assert (again.epochs, again.best_epoch) == (5, straight.best_epoch)
    assert again.metrics == pytest.approx(straight.metrics, rel=1e-5)


def test_a_resumed_run_keeps_the_count_of_early_stopping(train: Train) -> None:
    options: dict[str, Any] = {"learning_rate": 0.05, "patience": 4, "schedule": "constant"}
    straight = train("straight", max_epochs=200, **options)
    assert straight.stopped_by == "early_stopping"
    stopped = train("stopped", max_epochs=straight.best_epoch + 2, **options)
    resumed = train("stopped", max_epochs=200, resume=stopped.last_checkpoint, **options)
    assert (resumed.epochs, resumed.stopped_by) == (straight.epochs, "early_stopping")
    assert resumed.best_epoch == straight.best_epoch
    patient = train(
        "stopped", max_epochs=straight.epochs + 2, resume=resumed.last_checkpoint, **options | {"patience": 50}
    )
    assert patient.epochs == straight.epochs + 2


def test_a_cosine_schedule_goes_on_where_it_stopped(train: Train) -> None:
    folder = train("run", max_epochs=4, schedule="cosine").last_checkpoint
    resumed = train("run", max_epochs=8, schedule="cosine", resume=folder)
    rate = load_checkpoint(resumed.last_checkpoint)["optimizer_states"][0]["param_groups"][0]["lr"]
    assert rate == pytest.approx(1e-3 * 0.5 * (1 + torch.cos(torch.tensor(7 / 8 * torch.pi)).item()))


@pytest.mark.parametrize(("content", "message"), [(None, "there is no checkpoint"), (b"text", "not a checkpoint")])
def test_resuming_from_nothing_says_so(train: Train, tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "last.ckpt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        train(resume=path)


def test_resuming_from_weights_alone_or_from_another_model_says_so(train: Train, tmp_path: Path) -> None:
    result = train(max_epochs=1)
    with pytest.raises(ConfigError, match="weights only"):
        train(resume=result.best_checkpoint)
    checkpoint = load_checkpoint(result.last_checkpoint)
    name = "model.networks.encoder.posterior.bias"
    checkpoint["state_dict"][name] = torch.zeros(2)
    torch.save(checkpoint, tmp_path / "other.ckpt")
    with pytest.raises(ConfigError, match=rf"another model: {name} is \(2,\) there and \(8,\) here"):
        train(resume=tmp_path / "other.ckpt")


def test_an_unknown_accelerator_says_so(train: Train) -> None:
    with pytest.raises(ConfigError, match="abacus"):
        train(accelerator="abacus")


def test_a_loss_that_is_not_finite_stops_with_a_remedy_and_the_last_good_checkpoint(train: Train) -> None:
    good = train(max_epochs=2)
    before = load_checkpoint(good.last_checkpoint)
    with pytest.raises(TrainingError, match=r"(?s)epoch 3.*trainer.learning_rate.*last.ckpt"):
        train(max_epochs=4, resume=good.last_checkpoint, learning_rate=1e38)
    after = load_checkpoint(good.last_checkpoint)
    assert after["epoch"] == before["epoch"]
    assert all(torch.isfinite(value).all() for value in after["state_dict"].values())


def test_nothing_is_printed_but_what_was_asked_for(train: Train, capfd: pytest.CaptureFixture[str]) -> None:
    train()
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
