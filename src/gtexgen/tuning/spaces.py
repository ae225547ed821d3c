"""Spaces whose settings depend on each other, for ``sweep.space_function``.

Each takes an Optuna trial and gives settings with their values, as ``key=value`` on the command line would. Write your
own in the same form; what is drawn before may decide what is drawn next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

__all__ = ["heads", "layers"]


def layers(trial: BaseTrial) -> dict[str, object]:
    """Search the hidden layers: their number, and the width of the first, which each next one halves."""
    width = trial.suggest_categorical("layers.width", [128, 256, 512, 1024])
    number = trial.suggest_int("layers.number", 1, 3)
    return {"model.hidden": [width // 2**depth for depth in range(number)]}


def heads(trial: BaseTrial) -> dict[str, object]:
    """Search the head, with the option that matters most of each; and the hidden layers."""
    head = trial.suggest_categorical("model", ["cvae", "beta_vae", "correlated_vae"])
    settings: dict[str, object] = {"model": head, **layers(trial)}
    if head == "beta_vae":
        settings["model.head.beta"] = trial.suggest_float("model.head.beta", 0.1, 10.0, log=True)
    if head == "correlated_vae":
        settings["model.head.tau"] = trial.suggest_float("model.head.tau", 0.1, 0.95)
    return settings
