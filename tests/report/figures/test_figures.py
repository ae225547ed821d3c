"""Every kind of figure becomes a PNG and an SVG that show something."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.image
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from gtexgen.report.figures.canvas import DPI, WIDTH, save_figure
from gtexgen.report.figures.correlations import clustered_order, correlation_figure
from gtexgen.report.figures.embedding import embedding_figure
from gtexgen.report.figures.genes import gene_differences_figure, gene_moments, gene_moments_figure
from gtexgen.report.figures.scores import condition_scores_figure, score_figure
from gtexgen.report.figures.traversals import traversal_figure
from gtexgen.report.gtex_colours import SUBTISSUES
from support.evaluations import make_evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = npt.NDArray[np.floating]

RNG = np.random.default_rng(0)
N = 80
LABELS = pd.DataFrame(
    {
        "tissue": ["Lung", "Brain", None, "Liver"] * (N // 4),
        "subtissue": [list(SUBTISSUES)[row % 54] for row in range(N)],
        "rin": np.linspace(5, 9, N),
    }
)
KINDS = ["real"] * (N // 2) + ["generated"] * (N // 2)
EXPRESSION: dict[str, Array] = {kind: RNG.normal(5, 2, (30, 12)) for kind in ("real", "reconstructed", "generated")}
MOMENTS = gene_moments(EXPRESSION, [f"G{gene}" for gene in range(12)])


def correlate(expression: Array) -> Array:
    correlation: Array = np.asarray(np.corrcoef(expression.T))
    return correlation


def draw_embedding(dimensions: int, colour: str) -> Figure:
    axes = [f"PC {axis + 1}" for axis in range(dimensions)]
    return embedding_figure(RNG.normal(size=(N, dimensions)), LABELS, KINDS, colour, axes=axes, title="Samples")


def walks(n_latents: int, changes: np.ndarray) -> pd.DataFrame:
    """Tabulate the same walk along every latent, ``(steps, genes)``."""
    walk = pd.DataFrame(changes, columns=[*"abcdefghijkl"[: changes.shape[1]]])
    walk["value"] = np.linspace(-2, 2, len(changes))
    long = walk.melt("value", var_name="gene", value_name="change")
    return pd.concat([long.assign(latent=latent) for latent in range(n_latents)])


DRAWN: dict[str, Callable[[], Figure]] = {
    "embedding_2d": lambda: draw_embedding(2, "tissue"),
    "embedding_3d": lambda: draw_embedding(3, "subtissue"),
    "embedding_of_numbers": lambda: draw_embedding(2, "rin"),
    "gene_moments": lambda: gene_moments_figure(MOMENTS, {"generated": "synthetic"}),
    "gene_differences": lambda: gene_differences_figure(MOMENTS, {"reconstructed": "decoded", "generated": "drawn"}),
    "correlations": lambda: correlation_figure({kind: correlate(x) for kind, x in EXPRESSION.items()}),
    "condition_scores": lambda: condition_scores_figure(make_evaluation(n_genes=5), ["coverage", "variance_ratio"]),
    "scores": lambda: score_figure(make_evaluation(n_genes=5), ["coverage", "variance_ratio", "detection_auc"]),
    "traversals": lambda: traversal_figure(walks(3, RNG.normal(size=(5, 12)))),
}


@cache
def drawn(name: str) -> Figure:
    return DRAWN[name]()


def texts(figure: Figure) -> set[str]:
    from matplotlib.text import Text

    return {found.get_text() for found in figure.findobj(Text) if isinstance(found, Text)}


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_becomes_files_that_are_not_blank(name: str, tmp_path: Path) -> None:
    save_figure(drawn(name), tmp_path, name)
    pixels = matplotlib.image.imread(tmp_path / f"{name}.png")
    assert pixels.shape[1] == WIDTH * DPI
    assert (pixels[..., :3].min(axis=2) < 0.9).mean() > 0.01
    svg = (tmp_path / f"{name}.svg").read_text()
    assert len(list(ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}path"))) > 10


def test_no_window_is_opened_and_nothing_is_kept_by_pyplot() -> None:
    from matplotlib import pyplot as plt

    before = plt.get_fignums()
    draw_embedding(2, "tissue")
    assert plt.get_fignums() == before


def test_the_same_figure_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        save_figure(DRAWN["gene_moments"](), tmp_path / name, "figure")
    for suffix in ("png", "svg"):
        one, two = ((tmp_path / name / f"figure.{suffix}").read_bytes() for name in ("one", "two"))
        assert one == two


@pytest.mark.parametrize("name", ["embedding_2d", "embedding_3d", "gene_moments"])
def test_legends_lie_outside_the_data(name: str) -> None:
    figure = drawn(name)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert all(box.y1 <= axes.get_window_extent().y0 for axes in figure.axes)


def test_kinds_are_told_apart_by_marker_and_tissues_by_colour() -> None:
    figure = drawn("embedding_2d")
    assert {"real", "generated", "Lung", "Brain", "Liver", "unknown", "tissue"} <= texts(figure)
    entries = {text.get_text(): line for text, line in zip(*_legend(figure), strict=True)}
    assert entries["real"].get_marker() != entries["generated"].get_marker()
    assert entries["Brain"].get_color() == "#EEEE00"


def _legend(figure: Figure) -> tuple[list, list]:  # type: ignore[type-arg]
    legend = figure.legends[0]
    return list(legend.get_texts()), list(legend.get_lines())


def test_gene_moments_are_those_of_the_columns() -> None:
    x = EXPRESSION["generated"]
    np.testing.assert_allclose(MOMENTS["mean_generated"], x.mean(axis=0))
    np.testing.assert_allclose(MOMENTS["sd_generated"] ** 2, x.var(axis=0, ddof=1))


def test_units_stand_on_the_axes() -> None:
    assert any("log2(x + 1)" in text for text in texts(drawn("gene_moments")))
    assert any("log2(x + 1)" in text for text in texts(drawn("gene_differences")))


def test_clustering_puts_together_what_correlates() -> None:
    block = np.repeat([0, 1, 2], 4)
    correlation = np.where(block[:, None] == block, 0.8, 0.0)
    np.fill_diagonal(correlation, 1)
    shuffled = RNG.permutation(12)
    order = clustered_order(correlation[np.ix_(shuffled, shuffled)])
    assert sorted(order) == list(range(12))
    assert (np.diff(block[shuffled][order]) != 0).sum() == 2


def test_all_matrices_are_in_the_order_of_the_first() -> None:
    real, other = (correlate(EXPRESSION[kind]) for kind in ("real", "generated"))
    figure = correlation_figure({"real": real, "generated": other})
    order = clustered_order(real)
    images = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    np.testing.assert_array_equal(images[0], real[np.ix_(order, order)])
    np.testing.assert_array_equal(images[1], other[np.ix_(order, order)])
    assert {image.get_clim() for axes in figure.axes for image in axes.images} == {(-1, 1)}


def test_a_condition_score_is_written_in_its_cell() -> None:
    evaluation = make_evaluation(n_genes=5)
    by_condition = evaluation.score("coverage").by_condition
    figure = condition_scores_figure(evaluation, ["coverage"])
    assert set(by_condition) <= texts(figure)
    assert {f"{value:.2f}" for value in by_condition.values()} <= texts(figure)


def test_traversals_show_the_genes_that_change_most() -> None:
    figure = traversal_figure(walks(1, np.outer(np.linspace(-1, 1, 5), [0.1, 3, 0, 5, 0.2, 4, 2, 1])))
    lines = {str(line.get_label()) for line in figure.axes[0].lines}
    assert lines == {"d", "f", "b", "g", "h"}
