"""Studies without training: trials that have ended as the sweeper would have ended them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

__all__ = ["Direction", "make_study", "make_trial"]

Direction: TypeAlias = Literal["maximize", "minimize"]

START = datetime(2026, 11, 26, 9, 30)
SPACE: dict[str, BaseDistribution] = {
    "model.latent": IntDistribution(4, 256, log=True),
    "model.hidden": CategoricalDistribution(("[512,256]", "[256]")),
    "trainer.learning_rate": FloatDistribution(1e-5, 1e-1, log=True),
    "likelihood": CategoricalDistribution(("gaussian", 5, None)),
}


def make_study(
    trials: Sequence[FrozenTrial], directions: Sequence[Direction] = ("maximize",), names: Sequence[str] = ("val/elbo",)
) -> optuna.Study:
    """Make a study in memory that has these trials."""
    study = optuna.create_study(study_name="made", directions=list(directions))
    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        study.set_metric_names(list(names))
    study.add_trials(trials)
    return study


def make_trial(
    *values: float,
    state: TrialState = TrialState.COMPLETE,
    violation: float | None = None,
    reported: Sequence[float] = (),
    retries: Sequence[int] = (),
    attributes: Mapping[str, Any] | None = None,
    **params: Any,
) -> FrozenTrial:
    """Make a trial that took a minute; its parameters are those of `SPACE`, with ``__`` for a dot."""
    chosen = {name.replace("__", "."): value for name, value in params.items()}
    made = create_trial(
        state=state,
        values=list(values) or None,
        params=chosen,
        distributions={name: SPACE[name] for name in chosen},
        intermediate_values=dict(enumerate(reported, start=1)),
        user_attrs={**_command_line(chosen), **(attributes or {})},
        system_attrs={"retry_history": list(retries)} if retries else {},
    )
    if violation is not None:
        made.set_constraint("active_latents", violation)
    made.datetime_start = START
    made.datetime_complete = START + timedelta(minutes=1) if state.is_finished() else None
    return made


def _command_line(params: Mapping[str, Any]) -> dict[str, Any]:
    fixed = ["condition=[sex,tissue]", "store=stores/gtex", "model=beta_vae", "model/objective=capacity"]
    return {"overrides": [*fixed, *(f"{name}={value}" for name, value in params.items())]}
