from __future__ import annotations

from optuna.trial import TrialState

from gtexgen.tuning.trial_table import trial_table
from support.studies import make_study, make_trial


def test_a_trial_is_a_row_with_what_became_of_it() -> None:
    failed = make_trial(
        state=TrialState.FAIL, model__latent=8, attributes={"error": "out of memory", "folder": "trials/0"}
    )
    pruned = make_trial(-9.0, state=TrialState.PRUNED, reported=[-12.0, -9.0], model__latent=16)
    table = trial_table(make_study([failed, pruned, make_trial(-5.0, violation=-2.0, retries=[0], model__latent=8)]))
    assert table["state"].tolist() == ["FAIL", "PRUNED", "COMPLETE"]
    assert table["retried"].tolist() == [True, False, False]
    assert table["epochs"].tolist() == [0, 2, 0]
    assert table["duration_seconds"].tolist() == [60.0] * 3
    assert table["error"].tolist()[0] == "out of memory"
    assert table["folder"].tolist()[0] == "trials/0"
    assert table["val/elbo"].isna().tolist() == [True, False, False]
    assert table["val/elbo"].dropna().tolist() == [-9.0, -5.0]
    assert table["violation.active_latents"].dropna().tolist() == [-2.0]


def test_columns_have_types_that_files_keep() -> None:
    whole = make_trial(-5.0, model__latent=8, likelihood=5)
    table = trial_table(make_study([whole, make_trial(-6.0, trainer__learning_rate=1e-3, likelihood="gaussian")]))
    types = table.dtypes.astype(str)
    assert types["params.model.latent"] == "Int64"
    assert types["params.trainer.learning_rate"] == types["val/elbo"] == "Float64"
    assert table["params.likelihood"].tolist() == ["5", "gaussian"]


def test_a_study_without_trials_has_the_columns_and_no_row() -> None:
    table = trial_table(make_study([], ["maximize", "minimize"], ["val/elbo", "val/spread"]))
    assert table.columns[:4].tolist() == ["number", "state", "val/elbo", "val/spread"]
    assert table.empty


def test_what_is_not_known_yet_is_missing() -> None:
    running = make_trial(state=TrialState.RUNNING)
    running.user_attrs = {}
    row = trial_table(make_study([running])).loc[0]
    assert row[["ended", "duration_seconds", "val/elbo", "error", "folder"]].isna().all()
    assert row["started"] == running.datetime_start
