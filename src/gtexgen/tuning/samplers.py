"""How the values of a trial are drawn: Optuna's samplers by the names of ``sweep.sampler``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gtexgen.config.validation import did_you_mean
from gtexgen.errors import ConfigError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

__all__ = ["build_sampler", "check_options", "grid"]

CLASSES = {
    "tpe": "TPESampler",
    "nsga2": "NSGAIISampler",
    "qmc": "QMCSampler",
    "random": "RandomSampler",
    "grid": "GridSampler",
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "tpe": {"multivariate": True, "group": True, "constant_liar": True},
    "qmc": {"scramble": True, "warn_independent_sampling": False},
}
OURS = ("seed", "search_space", "constraints_func", "independent_sampler")


def build_sampler(
    name: str, options: Mapping[str, Any] | None, distributions: Mapping[str, BaseDistribution], *, seed: int, draw: int
) -> BaseSampler:
    """Build the sampler of one trial.

    Parameters
    ----------
    name, options
        ``sweep.sampler`` and ``sweep.sampler_options``.
    distributions
        How each setting is searched, which a grid is made of.
    seed
        ``sweep.seed``.
    draw
        The number of trials before: each draw has a seed of its own, so that processes which share a study do not
        repeat each other, and a study that goes on does not repeat itself. A quasi-random sequence and a grid are one
        for all.

    Raises
    ------
    ConfigError
        If an option is unknown or not what Optuna takes, or a grid cannot be made.
    """
    import optuna

    options = dict(options or {})
    cls = getattr(optuna.samplers, CLASSES[name])
    known = [parameter for parameter in inspect.signature(cls).parameters if parameter not in OURS]
    check_options("sweep.sampler_options", options, known)
    own: dict[str, Any] = {"seed": int(np.random.SeedSequence([seed, draw]).generate_state(1)[0])}
    if name == "qmc":
        own = {"seed": seed, "independent_sampler": optuna.samplers.RandomSampler(**own)}
    if name == "grid":
        own = {"seed": seed, "search_space": grid(distributions)}
    try:
        sampler: BaseSampler = cls(**(DEFAULTS.get(name, {}) | options | own))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"sweep.sampler_options: {options}: {error}") from error
    return sampler


def grid(distributions: Mapping[str, BaseDistribution]) -> dict[str, list[Any]]:
    """List the values of each setting.

    Raises
    ------
    ConfigError
        If a setting has no end of values.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    values: dict[str, list[Any]] = {}
    for name, distribution in distributions.items():
        if isinstance(distribution, CategoricalDistribution):
            values[name] = list(distribution.choices)
        elif isinstance(distribution, IntDistribution) and not distribution.log:
            values[name] = list(range(distribution.low, distribution.high + 1, distribution.step))
        elif isinstance(distribution, FloatDistribution) and distribution.step is not None:
            steps = round((distribution.high - distribution.low) / distribution.step)
            values[name] = [distribution.low + step * distribution.step for step in range(steps + 1)]
        else:
            raise ConfigError(
                f"sweep.sampler=grid tries each combination once, and {name} has no end of values.\n"
                "  Remedy: choice(...) or range(...) for it, or another sampler."
            )
    return values


def check_options(where: str, options: Mapping[str, Any], known: list[str]) -> None:
    """Refuse options that there are not.

    Raises
    ------
    ConfigError
        It lists those that there are.
    """
    for name in options:
        if name not in known:
            raise ConfigError(f"{where}: there is no option '{name}'.{did_you_mean(name, known)}")
