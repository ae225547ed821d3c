"""Which of Optuna's figures the page of a study has, and why one is missing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from gtexgen.evaluation.scores import Undefined
from gtexgen.report.interactive.study import dressed
from gtexgen.report.plots import Plot
from gtexgen.report.study_words import complete_trials, objective_names

if TYPE_CHECKING:
    import optuna
    import plotly.graph_objects as go
    from optuna.trial import FrozenTrial

__all__ = ["Drawing", "study_plots"]

ObjectivePlot: TypeAlias = Callable[..., "go.Figure"]


@dataclass(frozen=True)
class Drawing:
    """What the page shows of one of Optuna's plots.

    Attributes
    ----------
    title
        What it is called.
    text
        How it is read.
    plots
        Its figures, or why there is none.
    """

    title: str
    text: str
    plots: list[Plot] | Undefined


def study_plots(study: optuna.Study) -> dict[str, Drawing]:
    """Draw a study with `optuna.visualization`.

    Returns
    -------
    dict
        By the id of each drawing, in the order of the page. Only several objectives have a Pareto front, and only
        a single one has values by epoch.
    """
    with _without_news():
        study = _in_memory(study)
    omitted = "intermediate" if len(study.directions) > 1 else "pareto"
    return {name: Drawing(*WORDS[name], _plots(name, study)) for name in WORDS if name != omitted}


def _in_memory(study: optuna.Study) -> optuna.Study:
    """Copy a study without the attributes that we gave its trials: Optuna would show them wherever one points."""
    import optuna

    storage = optuna.storages.InMemoryStorage()
    copied = storage.create_new_study(study.directions, study.study_name)
    for trial in study.get_trials(deepcopy=False):
        bare = copy(trial)
        bare.user_attrs = {}
        storage.create_new_trial(copied, template_trial=bare)
    loaded = optuna.load_study(study_name=study.study_name, storage=storage)
    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        loaded.set_metric_names(objective_names(study))
    return loaded


@contextmanager
def _without_news() -> Iterator[None]:
    """Keep Optuna from telling the user of a study that is only for drawing."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(verbosity, optuna.logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def _plots(name: str, study: optuna.Study) -> list[Plot] | Undefined:
    if why := _missing(name, study):
        return Undefined(why)
    try:
        return DRAW[name](study)
    except Exception as error:  # whatever one plot lacks, the page of a study that took days is written
        return Undefined(f"Optuna says: {error}")


def _missing(name: str, study: optuna.Study) -> str:
    """Say what a plot needs and the study lacks; nothing where it has all."""
    trials, complete = study.get_trials(deepcopy=False), complete_trials(study)
    different = {str(trial.params) for trial in complete}
    reported = any(trial.intermediate_values for trial in trials)
    met = {
        "there are no trials": bool(trials),
        "no trial reported a value before its end": reported or name != "intermediate",
        "no trial has finished": bool(complete) or name in {"intermediate", "timeline"},
        "no parameter was varied": bool(_parameters(study)) or name not in {"importances", "parallel", "slice"},
        "it takes two finished trials with different parameters": len(different) > 1 or name != "importances",
    }
    return next((why for why, is_met in met.items() if not is_met), "")


def _pareto(study: optuna.Study) -> list[Plot]:
    from optuna.visualization import plot_pareto_front

    figure = dressed(plot_pareto_front(study), 420)
    return [Plot("pareto", "Objectives", f"Scatter of {' and '.join(objective_names(study))}", {"all": figure})]


def _history(study: optuna.Study) -> list[Plot]:
    from optuna.visualization import plot_optimization_history

    figures = _by_objective(study, plot_optimization_history, 340)
    return [_with_choice("history", "By number of the trial", "Scatter of the objective by trial", figures)]


def _intermediate(study: optuna.Study) -> list[Plot]:
    from optuna.visualization import plot_intermediate_values

    figure = dressed(plot_intermediate_values(study), 340)
    figure.update_layout(xaxis_title="epoch", yaxis_title=objective_names(study)[0])
    return [Plot("intermediate", "By epoch", "Lines of the objective by epoch, one a trial", {"all": figure})]


def _timeline(study: optuna.Study) -> list[Plot]:
    from optuna.visualization import plot_timeline

    height = min(140 + 12 * len(study.get_trials(deepcopy=False)), 700)
    figure = dressed(plot_timeline(study), height)
    figure.update_layout(xaxis_title=None)
    return [Plot("timeline", "By time", "Bars from the start to the end of each trial", {"all": figure})]


def _importances(study: optuna.Study) -> list[Plot]:
    from optuna.visualization import plot_param_importances

    height = 120 + 40 * len(_parameters(study))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PedAnova.* low `target` values")
        figures = _by_objective(study, plot_param_importances, height, low_is_good=True)
    for figure in figures.values():
        most = max(value for bars in figure.data for value in bars.x)
        figure.update_layout(xaxis={"title": "share", "range": [0, 1.15 * most]}, yaxis_title=None)
    return [_with_choice("importances", "By parameter", "Bars of the importance of each parameter", figures)]


def _parallel(study: optuna.Study) -> list[Plot]:
    from optuna.visualization import plot_parallel_coordinate

    figure = dressed(plot_parallel_coordinate(study, target_name=objective_names(study)[0]), 440)
    label = "Lines through the objective and the parameters of each trial"
    return [Plot("parallel", "Objective and parameters", label, {"all": figure})]


def _slice(study: optuna.Study) -> list[Plot]:
    """Draw each parameter on its own, so that a phone can show it."""
    from optuna.visualization import plot_slice

    plots = []
    for place, name in enumerate(_parameters(study)):
        figures = _by_objective(study, plot_slice, 300, params=[name])
        for figure in figures.values():
            figure.update_layout(xaxis_title=None)
            figure.update_traces(marker={"showscale": False})
        plots.append(_with_choice(f"slice-{place}", name, f"Scatter of the objective by {name}", figures))
    return plots


def _by_objective(
    study: optuna.Study, plot: ObjectivePlot, height: int, *, low_is_good: bool = False, **options: Any
) -> dict[str, go.Figure]:
    """Draw a plot of one objective for each of them.

    Where there are several, Optuna does not ask which way each is to go: `low_is_good` says that `plot` takes for
    granted that it is down.
    """
    from optuna.study import StudyDirection

    names = objective_names(study)
    if len(names) == 1:
        return {names[0]: dressed(plot(study, target_name=names[0], **options), height)}
    figures = {}
    for place, (name, direction) in enumerate(zip(names, study.directions, strict=True)):
        sign = -1 if low_is_good and direction == StudyDirection.MAXIMIZE else 1
        target = partial(_signed, place=place, sign=sign)
        figures[name] = dressed(plot(study, target=target, target_name=name, **options), height)
    return figures


def _signed(trial: FrozenTrial, *, place: int, sign: int) -> float:
    return float(sign * trial.values[place])


def _with_choice(name: str, title: str, label: str, figures: dict[str, go.Figure]) -> Plot:
    return Plot(name, title, label, figures, choice="Objective" if len(figures) > 1 else "")


def _parameters(study: optuna.Study) -> list[str]:
    """Name the parameters of the finished trials."""
    return list(dict.fromkeys(name for trial in complete_trials(study) for name in trial.params))


WORDS = {
    "pareto": ("Pareto front", "A mark a finished trial. None beats one of the front in all objectives at once."),
    "history": ("Optimization history", "A mark a finished trial; the line of a single objective is the best so far."),
    "intermediate": (
        "Intermediate values",
        "A line a trial. Those that end early were pruned or stopped by themselves.",
    ),
    "timeline": ("Timeline", "A bar a trial, from its start to its end."),
    "importances": (
        "Parameter importances",
        "How much each parameter tells the best tenth of the trials from the others (PED-ANOVA, Watanabe 2023): rough "
        "where trials are few.",
    ),
    "parallel": ("Parallel coordinates", "A line a finished trial, the more orange the better."),
    "slice": ("Slices", "A mark a finished trial, the more orange the later; one figure a parameter."),
}
"""The title of each drawing and how it is read, in the order of the page."""

DRAW: dict[str, Callable[[optuna.Study], list[Plot]]] = {
    "pareto": _pareto,
    "history": _history,
    "intermediate": _intermediate,
    "timeline": _timeline,
    "importances": _importances,
    "parallel": _parallel,
    "slice": _slice,
}
