from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gtexgen.report.page import write_report
from support.evaluations import NO_DONORS, NO_LATENTS, make_evaluation, make_graphics

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1100, "height": 800}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium, the browser, is not installed"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, make_evaluation(n_genes=60), make_graphics(n_samples=150))
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def page(browser: Browser, report: Path) -> Page:
    """The report on a desktop, in light colours, at rest.

    A figure gets its legend when it is drawn, which pushes down what follows, and a button that moves away between the
    press and the release of the mouse is not pressed.
    """
    page = open_report(browser, report, DESKTOP, "light")
    draw_all(page)
    return page


def open_report(browser: Browser, report: Path, size: dict[str, int], scheme: str) -> Page:
    page = browser.new_context(viewport=size, color_scheme=scheme).new_page()  # type: ignore[arg-type]
    page.goto(report.as_uri())
    return page


def draw_all(page: Page) -> None:
    """Scroll to every figure, as a reader does, until all are drawn."""
    for plot in page.locator("[data-plot]").all():
        plot.scroll_into_view_if_needed()
        plot.locator(".main-svg").first.wait_for()


def pixels(page: Page, selector: str) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(page.locator(selector).screenshot())).convert("RGB")).astype(int)


def background(page: Page) -> int:
    """Give the lightness of the page's background, 0 to 255."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")) // 3


def numbers(texts: list[str]) -> list[float]:
    return [float(text.split()[0].replace("\N{MINUS SIGN}", "-")) for text in texts]


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")], ids=["phone", "desktop"])
def test_all_figures_draw_without_an_error_and_without_a_network(
    browser: Browser, report: Path, size: dict[str, int], scheme: str
) -> None:
    errors: list[str] = []
    requests: list[str] = []
    page = browser.new_context(viewport=size, color_scheme=scheme).new_page()  # type: ignore[arg-type]
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(report.as_uri())
    draw_all(page)
    assert page.locator("[data-plot] .main-svg").count() >= page.locator("[data-plot]").count() >= 10
    assert errors == []
    assert {url for url in requests if not url.startswith(("data:", "blob:"))} == {report.as_uri()}
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    page.context.close()


def test_samples_are_drawn_in_three_dimensions_and_turn(page: Page) -> None:
    plot = "[data-plot=sample-map]"
    page.locator(plot).scroll_into_view_if_needed()
    page.locator(f"{plot} canvas").first.wait_for()
    page.wait_for_timeout(500)
    eye = f"document.querySelector('{plot}').layout.scene.camera.eye"
    camera = page.evaluate(eye)
    before = pixels(page, plot)
    colourful = np.ptp(before, axis=2) > 60
    assert colourful.mean() > 0.002
    box = page.locator(plot).bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 160, middle[1] + 40, steps=8)
    page.mouse.up()
    page.wait_for_function(f"{eye}.x !== {camera['x']}")
    camera = page.evaluate(eye)
    page.mouse.move(1, 1)
    page.wait_for_timeout(200)
    turned = pixels(page, plot)
    assert (np.abs(turned - before).max(axis=2) > 60).mean() > 0.002
    page.locator("select[data-for=sample-map]").select_option(label="sex")
    page.wait_for_timeout(300)
    assert page.evaluate(eye) == pytest.approx(camera)


def test_a_press_hides_real_samples_and_a_category(page: Page) -> None:
    shown = """document.querySelector('[data-plot=sample-map]').data
        .filter(({ visible, meta }) => visible !== false && meta)
        .map(({ meta, legendgroup }) => [meta.part, legendgroup])"""
    page.locator("[data-plot=sample-map]").scroll_into_view_if_needed()
    page.locator("[data-plot=sample-map] canvas").first.wait_for()
    page.locator("select[data-for=sample-map]").select_option(label="tissue")
    assert {part for part, _ in page.evaluate(shown)} == {"real", "synthetic"}
    page.locator("[data-part=real]").click()
    page.locator("[data-legend=sample-map] button", has_text="Lung").click()
    assert {part for part, _ in page.evaluate(shown)} == {"synthetic"}
    assert "Lung" not in {category for _, category in page.evaluate(shown)}
    page.locator("[data-part=real]").click()
    page.locator("[data-legend=sample-map] button", has_text="Lung").click()
    assert {part for part, category in page.evaluate(shown) if category == "Lung"} == {"real", "synthetic"}


@pytest.mark.parametrize(("table", "number"), [(".scores", 3), ("#conditions table >> nth=0", 2)])
def test_tables_sort_in_both_directions(page: Page, table: str, number: int) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    heading = page.locator(f"{table} >> thead th").nth(number - 1)
    rows = page.locator(table).locator("tbody").first.locator("tr:not(.group)")
    cells = rows.locator(f":scope > :nth-child({number})")
    unsorted = numbers(cells.all_inner_texts())
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert numbers(cells.all_inner_texts()) == sorted(unsorted)
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert numbers(cells.all_inner_texts()) == sorted(unsorted, reverse=True)
    page.locator(f"{table} >> thead th").first.locator("button").click()
    names = [name.split("\n")[0] for name in rows.locator(":scope > th").all_inner_texts()]
    assert names == sorted(names, key=str.lower)
    assert heading.get_attribute("aria-sort") == "none"


def test_what_is_undefined_comes_last_and_its_reason_is_seen(page: Page) -> None:
    heading = page.locator(".scores thead th").nth(4)
    donors = page.locator(".scores tbody", has_text="belong together").locator("tr:not(.group)")
    for _ in range(2):
        heading.locator("button").click()
        assert donors.locator(":scope > :nth-child(5)").all_inner_texts()[-1].startswith("\N{EN DASH}")
    for reason in (NO_DONORS, NO_LATENTS):
        assert page.locator(".reasons li", has_text=reason).is_visible()


def test_a_metric_says_what_it_means_when_it_is_pressed(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = false; })")
    metric = page.locator(".scores .meaning", has_text="Variance kept")
    assert not metric.locator("small").is_visible()
    metric.locator("summary").click()
    assert metric.locator("small").is_visible()


def test_the_page_takes_the_colours_of_the_system_until_the_reader_chooses(browser: Browser, report: Path) -> None:
    page = open_report(browser, report, DESKTOP, "dark")
    colour = "getComputedStyle(document.querySelector('[data-plot=gene-sd] .xtick text')).fill"
    page.locator("[data-plot=gene-sd]").scroll_into_view_if_needed()
    page.locator("[data-plot=gene-sd] .xtick text").first.wait_for()
    assert background(page) < 60
    in_dark = page.evaluate(colour)
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(300)
    assert background(page) > 200
    assert page.evaluate(colour) != in_dark
    page.locator("#theme").click()
    page.wait_for_timeout(300)
    assert background(page) < 60
    assert page.evaluate(colour) == in_dark
    page.reload()
    assert background(page) < 60
    page.context.close()
