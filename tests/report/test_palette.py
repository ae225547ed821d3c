from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from gtexgen.report.gtex_colours import SUBTISSUES, TISSUES
from gtexgen.report.palette import (
    MISSING,
    OKABE_ITO,
    OUTLINE,
    STYLES,
    TOL_MUTED,
    VIRIDIS,
    candidate_styles,
    category_colours,
    outline,
)

Array = npt.NDArray[np.float64]

DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
"""Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB."""
RGB_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = RGB_TO_XYZ.sum(axis=1)
CLEARLY_DIFFERENT = 10  # in CIELAB; about 2 can be told apart side by side


def linear(colour: str) -> Array:
    rgb = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: Array) -> Array:
    ratio = RGB_TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def seen(colour: str, vision: Array | None = None) -> Array:
    return lab((np.eye(3) if vision is None else vision) @ linear(colour))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2."""
    light, dark = sorted((float(RGB_TO_XYZ[1] @ linear(colour)) for colour in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("one", "other"), list(combinations(sorted(set(STYLES) - {"generated"}), 2)))
def test_candidates_differ_for_readers_who_do_not_see_green_and_in_their_marker(one: str, other: str) -> None:
    distance = np.linalg.norm(seen(STYLES[one].colour, DEUTERANOPIA) - seen(STYLES[other].colour, DEUTERANOPIA))
    assert distance > CLEARLY_DIFFERENT
    if "real" in (one, other):
        assert STYLES[one].marker != STYLES[other].marker
        assert STYLES[one].symbol != STYLES[other].symbol


def test_the_distance_measure_knows_what_deuteranopia_confuses() -> None:
    red, green = "#C84B4B", "#7F7F3C"
    assert np.linalg.norm(seen(red) - seen(green)) > 3 * np.linalg.norm(
        seen(red, DEUTERANOPIA) - seen(green, DEUTERANOPIA)
    )


def test_the_outline_makes_any_marker_visible_on_white() -> None:
    assert contrast("#EEEE00", "#FFFFFF") < 1.5
    assert contrast(OUTLINE, "#FFFFFF") > 7


@pytest.mark.parametrize("page", ["#FFFFFF", "#171E26"])
@pytest.mark.parametrize("colour", sorted({*SUBTISSUES.values(), *VIRIDIS, *OKABE_ITO, *TOL_MUTED, MISSING}))
def test_a_marker_or_its_outline_stands_out_on_light_and_dark_pages(colour: str, page: str) -> None:
    assert max(contrast(colour, page), contrast(outline(colour), page)) > 2


def test_gtex_tissues_have_the_portals_colours() -> None:
    assert len(SUBTISSUES) == 54 + 1
    published = {"Adipose - Subcutaneous": "#FF6600", "Lung": "#99FF00", "Whole Blood": "#FF00BB", "Testis": "#A6A6A6"}
    assert category_colours("subtissue", published) == dict(sorted(published.items()))
    assert {colour for name, colour in SUBTISSUES.items() if name.startswith("Brain - ")} == {"#EEEE00"}


def test_each_organ_has_a_colour_of_its_own_that_is_one_of_its_parts() -> None:
    assert len(TISSUES) == len(set(TISSUES.values())) == 30
    assert set(TISSUES.values()) <= set(SUBTISSUES.values())
    assert TISSUES["Brain"] == "#EEEE00"


def test_a_tissue_keeps_its_colour_whatever_else_is_shown() -> None:
    alone = category_colours("tissue", ["Lung"])
    beside = category_colours("tissue", ["Organoid", "Lung", "Brain", "Lung"])
    assert beside["Lung"] == alone["Lung"] == TISSUES["Lung"]
    assert list(beside) == ["Brain", "Lung", "Organoid"]


def test_age_brackets_rise_in_lightness_from_young_to_old() -> None:
    brackets = ["60-69", "20-29", "70-79", "30-39", "50-59", "40-49"]
    colours = category_colours("age", brackets)
    assert list(colours) == sorted(brackets)
    for vision in (None, DEUTERANOPIA):
        assert (np.diff([seen(colour, vision)[0] for colour in colours.values()]) > 4).all()


def test_other_categories_take_safe_colours_by_name_and_start_again_when_they_run_out() -> None:
    names = [f"batch {chr(ord('a') + number)}" for number in range(20)]
    colours = category_colours("batch", reversed(names))
    assert list(colours) == names
    assert list(colours.values())[:16] == [*OKABE_ITO, *TOL_MUTED]
    assert colours[names[16]] == colours[names[0]]


def test_categories_that_begin_with_numbers_are_in_the_order_of_these() -> None:
    assert list(category_colours("DTHHRDY", ["10", "2", "1"])) == ["1", "2", "10"]


def test_a_candidate_looks_the_same_alone_and_beside_others() -> None:
    both = candidate_styles(["real", "synthetic", "diffusion", "gan"])
    assert list(both) == ["real", "synthetic", "diffusion", "gan"]
    assert candidate_styles(["synthetic"])["synthetic"] == both["synthetic"] == STYLES["synthetic"]
    assert both["diffusion"] != both["gan"]
    assert all(style.sign for style in both.values())
