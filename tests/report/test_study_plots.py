from __future__ import annotations

import json

import pytest
from optuna.trial import FrozenTrial, TrialState

from gtexgen.evaluation.scores import Undefined
from gtexgen.report.study_plots import study_plots
from support.studies import Direction, make_study, make_trial

TWO: tuple[list[Direction], list[str]] = (["maximize", "minimize"], ["val/elbo", "val/spread"])
COMPLETE = [make_trial(-9.0, model__latent=8), make_trial(-5.0, model__latent=64)]


def reasons(trials: list[FrozenTrial]) -> dict[str, str]:
    drawings = study_plots(make_study(trials))
    return {name: drawing.plots.why for name, drawing in drawings.items() if isinstance(drawing.plots, Undefined)}


def test_each_plot_that_is_not_there_says_why() -> None:
    everything = {"history", "intermediate", "timeline", "importances", "parallel", "slice"}
    assert reasons([]) == dict.fromkeys(everything, "there are no trials")
    failed = reasons([make_trial(state=TrialState.FAIL)])
    assert failed.pop("intermediate") == "no trial reported a value before its end"
    assert failed == dict.fromkeys(everything - {"intermediate", "timeline"}, "no trial has finished")
    alike = reasons([make_trial(-9.0, model__latent=8, reported=[-9.0])] * 2)
    assert alike == {"importances": "it takes two finished trials with different parameters"}
    assert reasons([make_trial(-9.0)])["slice"] == "no parameter was varied"
    assert set(reasons(COMPLETE)) == {"intermediate"}


def test_what_optuna_cannot_draw_has_optunas_reason() -> None:
    trials = [make_trial(1.0, 2.0, 3.0, 4.0), make_trial(1.0, 2.0, 4.0, 3.0)]
    pareto = study_plots(make_study(trials, ["minimize"] * 4, list("abcd")))["pareto"].plots
    assert isinstance(pareto, Undefined)
    assert pareto.why.startswith("Optuna says: ")


def test_several_objectives_have_a_front_and_a_choice() -> None:
    trials = [make_trial(1.0, 0.1, model__latent=8), make_trial(3.0, 0.5, model__latent=16)]
    drawings = study_plots(make_study(trials, *TWO))
    assert "pareto" in drawings
    assert "intermediate" not in drawings
    for name in ("history", "importances", "slice"):
        plots = drawings[name].plots
        assert not isinstance(plots, Undefined)
        assert all((plot.choice, list(plot.variants)) == ("Objective", TWO[1]) for plot in plots)


def importances(
    trials: list[FrozenTrial], directions: list[Direction], names: list[str]
) -> dict[str, dict[str, float]]:
    plots = study_plots(make_study(trials, directions, names))["importances"].plots
    assert not isinstance(plots, Undefined)
    bars = {name: figure.data[0] for name, figure in plots[0].variants.items()}
    return {name: dict(zip(shown.y, shown.x, strict=True)) for name, shown in bars.items()}


def test_each_of_several_objectives_has_the_importances_that_it_has_alone() -> None:
    places = [(latent, rate) for latent in range(2, 8) for rate in range(1, 5)]
    values = [(-((latent - 6.0) ** 2) - rate, latent + (rate - 3.0) ** 2) for latent, rate in places]
    params = [{"model__latent": 2**latent, "trainer__learning_rate": 10.0**-rate} for latent, rate in places]
    together = importances([make_trial(*pair, **chosen) for pair, chosen in zip(values, params, strict=True)], *TWO)
    assert together["val/elbo"] != pytest.approx(together["val/spread"])
    for index, (direction, name) in enumerate(zip(*TWO, strict=True)):
        trials = [make_trial(pair[index], **chosen) for pair, chosen in zip(values, params, strict=True)]
        assert importances(trials, [direction], [name])[name] == pytest.approx(together[name])


@pytest.mark.parametrize("name", ["history", "timeline", "importances", "parallel", "slice"])
def test_figures_leave_their_theme_to_the_page(name: str) -> None:
    plots = study_plots(make_study(COMPLETE))[name].plots
    assert not isinstance(plots, Undefined)
    for plot in plots:
        (figure,) = json.loads(plot.content)
        assert figure["layout"]["paper_bgcolor"] == figure["layout"]["plot_bgcolor"] == "rgba(0,0,0,0)"
        assert "text" not in figure["layout"].get("title", {})
        assert "rgb(8,48,107)" not in plot.content.replace(" ", "")


def test_what_is_shown_of_a_trial_is_short() -> None:
    plots = study_plots(make_study([make_trial(-9.0, model__latent=8, attributes={"error": "long story"})]))
    timeline = plots["timeline"].plots
    assert not isinstance(timeline, Undefined)
    assert "model.latent" in timeline[0].content
    assert "long story" not in timeline[0].content
    assert "overrides" not in timeline[0].content


def test_drawing_leaves_the_study_as_it_was_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    study = make_study(COMPLETE)
    capsys.readouterr()
    study_plots(study)
    assert study.trials[0].user_attrs == COMPLETE[0].user_attrs
    assert capsys.readouterr() == ("", "")
