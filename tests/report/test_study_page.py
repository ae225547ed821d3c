"""The page of a study in a browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from optuna.trial import TrialState

from gtexgen.report.study_page import study_page
from gtexgen.tuning.best_trials import best_trials
from gtexgen.tuning.trial_table import trial_table
from support.studies import make_study, make_trial

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
if TYPE_CHECKING:
    import optuna
    from playwright.sync_api import Browser, Page, ViewportSize

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox"]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1100, "height": 800}

VALUES = "#trials tbody td:nth-child(3)"

in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium, the browser, is not installed")


def single() -> optuna.Study:
    trials = [
        make_trial(
            -(9.0 + 7 * place % 5),
            model__latent=8 * place,
            trainer__learning_rate=10.0**-place,
            reported=[-30.0, -20.0],
        )
        for place in range(1, 5)
    ]
    failed = make_trial(state=TrialState.FAIL, attributes={"error": "<script>alert(1)</script>\nand more"})
    return make_study([*trials, failed, make_trial(-40.0, state=TrialState.PRUNED, reported=[-50.0, -40.0])])


def several() -> optuna.Study:
    trials = [
        make_trial(place, (place - 2) ** 2, violation=place - 3, model__latent=8 * place, model__hidden="[256]")
        for place in range(1, 5)
    ]
    return make_study(trials, ["maximize", "minimize"], ["val/elbo", "val/spread"])


def rendered(study: optuna.Study, title: str = "A study") -> str:
    return study_page(
        study, trial_table(study), best_trials(study), title=title, provenance={"study": study.study_name}
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


def test_the_page_holds_all_it_needs_and_runs_nothing_of_a_users() -> None:
    page = rendered(single(), title="A </script> study")
    assert "default-src 'none'" in page
    assert "A &lt;/script&gt; study" in page
    assert "<script>alert" not in page
    assert "and more" not in page


def test_a_study_without_trials_has_a_page() -> None:
    page = rendered(make_study([]))
    assert "There are no trials." in page
    assert page.count("Not shown: there are no trials") == 6
    assert "No rows." in page


def test_the_table_begins_with_the_best_and_ends_with_those_that_have_not_finished() -> None:
    study = single()
    rows = rendered(study).partition('id="trials"')[2].split('<th scope="row">')[1:]
    numbers = [int(row.partition("<")[0]) for row in rows]
    assert numbers[0] == best_trials(study)[0].number
    assert sorted(numbers[-2:]) == [4, 5]
    assert "0.0001" in rows[-3] + rows[-4] + rows[-5] + rows[0]


def draw_all(page: Page) -> None:
    for plot in page.locator("[data-plot]").all():
        plot.scroll_into_view_if_needed()
        plot.locator(".main-svg").first.wait_for()


@pytest.mark.slow
@in_a_browser
@pytest.mark.parametrize(("make", "size", "scheme"), [(single, DESKTOP, "light"), (several, PHONE, "dark")])
def test_all_plots_draw_and_the_table_sorts_without_an_error_or_a_network(
    browser: Browser,
    tmp_path: Path,
    make: Callable[[], optuna.Study],
    size: ViewportSize,
    scheme: Literal["light", "dark"],
) -> None:
    path = tmp_path / "study.html"
    path.write_text(rendered(make()), encoding="utf-8")
    said: list[str] = []
    asked: list[str] = []
    page = browser.new_context(viewport=size, color_scheme=scheme).new_page()
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    draw_all(page)
    assert page.locator("[data-plot]").count() == 7
    assert page.locator(".absent").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    heading = page.locator("#trials thead th").nth(2).locator("button")
    heading.click()
    heading.click()
    values = [float(text) for text in page.locator(VALUES).all_inner_texts() if text != "\N{EN DASH}"]
    assert values == sorted(values, reverse=True)
    ink = "getComputedStyle(document.querySelector('[data-plot=history] .xtick text')).fill"
    before = page.evaluate(ink)
    page.locator("#theme").click()
    page.wait_for_function(f"{ink} !== '{before}'")
    if make is several:
        page.locator("select[data-for=history]").select_option(label="val/spread")
        playwright.expect(page.locator("[data-plot=history] .ytitle")).to_have_text("val/spread")
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    page.context.close()
