from __future__ import annotations

import numpy as np
import pytest

from gtexgen.evaluation.catalogue import METRICS
from gtexgen.evaluation.results import REAL, SUBJECT
from gtexgen.evaluation.scores import Undefined
from gtexgen.report.interactive.conditions import condition_figure
from gtexgen.report.interactive.correlations import correlation_figure
from gtexgen.report.interactive.curves import curve_figure
from gtexgen.report.interactive.genes import MOST_DRAWN_AS_SVG, gene_figure
from gtexgen.report.interactive.traversals import MOST_GENES, traversal_figure
from gtexgen.report.palette import candidate_styles
from gtexgen.report.plots import plots
from gtexgen.report.standing import distance
from support.evaluations import CANDIDATES, NOTHING, make_evaluation, make_graphics


@pytest.mark.parametrize("statistic", ["mean", "sd"])
def test_genes_are_drawn_against_the_real_ones(statistic: str) -> None:
    genes = make_evaluation(n_genes=40).genes
    figure = gene_figure(genes, statistic, {"synthetic": "table", "class_gaussian": "Class Gaussian"})  # type: ignore[arg-type]
    subject, baseline = figure.data
    np.testing.assert_allclose(subject.x, genes[f"{statistic}_real"], rtol=1e-6)
    np.testing.assert_allclose(subject.y, genes[f"{statistic}_synthetic"], rtol=1e-6)
    assert list(subject.text) == genes["gene"].tolist()
    assert (subject.visible, baseline.visible) == (True, "legendonly")
    assert subject.marker.color == candidate_styles([SUBJECT])[SUBJECT].colour


def test_many_genes_are_drawn_by_webgl() -> None:
    few, many = make_evaluation(n_genes=10), make_evaluation(n_genes=MOST_DRAWN_AS_SVG + 1)
    kinds = [gene_figure(made.genes, "sd", {"synthetic": "table"}).data[0].type for made in (few, many)]
    assert kinds == ["scatter", "scattergl"]


@pytest.mark.parametrize("key", ["coverage", "mean_error", "detection_auc"])
def test_the_condition_in_which_the_subject_is_best_is_on_top(key: str) -> None:
    evaluation = make_evaluation(n_genes=5)
    metric = METRICS[key]
    figure = condition_figure(evaluation, metric)
    of_subject = evaluation.score(key).by_condition
    upwards = [distance(metric, of_subject[name]) for name in figure.layout.yaxis.categoryarray]
    assert upwards == sorted(upwards, reverse=True)
    drawn = {trace.legendgroup: dict(zip(trace.y, trace.x, strict=True)) for trace in figure.data}
    assert drawn == {candidate: dict(evaluation.score(key, candidate).by_condition) for candidate in CANDIDATES}


def test_correlations_share_their_scale() -> None:
    figure = correlation_figure(np.array([[1.0, -0.5], [-0.5, 1.0]]), ["A", "B"])
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (-1, 1)
    np.testing.assert_allclose(figure.data[0].z, [[1, -0.5], [-0.5, 1]])


def test_curves_show_most_of_the_run_and_not_its_first_steep_epochs() -> None:
    curves = make_graphics(n_samples=5).curves
    assert not isinstance(curves, Undefined)
    figure = curve_figure(curves, "elbo", "#000000")
    assert [trace.name for trace in figure.data] == ["training", "validation"]
    low, high = figure.layout.yaxis.range
    validation = curves.loc[curves["metric"] == "val/elbo", "value"]
    assert validation.between(low, high).mean() > 0.9
    assert validation.iloc[0] < low
    assert validation.iloc[-1] < high


def test_a_traversal_shows_the_genes_that_change_most() -> None:
    traversals = make_graphics(n_samples=5).traversals
    assert not isinstance(traversals, Undefined)
    figure = traversal_figure(traversals, latent=2)
    of_latent = traversals[traversals["latent"] == 2]
    changes = of_latent.groupby("gene")["change"].apply(lambda change: change.abs().max())
    assert set(figure.data[0].y) == set(changes.nlargest(MOST_GENES).index)
    assert np.abs(figure.data[0].z).max() == pytest.approx(changes.max())


def test_each_section_has_its_plots_or_its_reason() -> None:
    evaluation = make_evaluation(n_genes=10)
    drawn = plots(evaluation, make_graphics(n_samples=40))
    assert not any(isinstance(of_section, Undefined) for of_section in drawn.values())
    absent = plots(evaluation, NOTHING)
    reasons = {name: of_section.why for name, of_section in absent.items() if isinstance(of_section, Undefined)}
    assert reasons.keys() == {"map", "correlations", "training", "latents"}
    names = [plot.name for of_section in drawn.values() if not isinstance(of_section, Undefined) for plot in of_section]
    assert len(names) == len(set(names))


def test_samples_are_coloured_by_the_condition_first() -> None:
    of_map = plots(make_evaluation(n_genes=10), make_graphics(n_samples=40))["map"]
    assert not isinstance(of_map, Undefined)
    assert [*of_map[0].variants] == ["tissue", "age", "sex"]
    assert of_map[0].parts.keys() == {REAL, SUBJECT}
