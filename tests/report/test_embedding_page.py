"""The page of an embedding in a browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gtexgen.report.embedding_page import embedding_page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
TRACES = "document.querySelector('.js-plotly-plot').data"
VISIBLE = f"{TRACES}.filter(t => t.meta && t.visible !== false).map(t => t.meta.part)"


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="chromium, the browser, is not installed")
@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_reader_recolours_and_hides_samples_without_network(tmp_path: Path, dimensions: int) -> None:
    n = 60
    labels = pd.DataFrame(
        {
            "sample_id": [f"S{row}" for row in range(n)],
            "tissue": ["Lung", "Liver"] * 30,
            "sex": ["male"] * 20 + ["female"] * 40,
        }
    )
    page = embedding_page(
        np.random.default_rng(0).normal(size=(n, dimensions)),
        labels,
        ["real"] * 30 + ["generated"] * 30,
        "tissue",
        axes=["A", "B", "C"][:dimensions],
        title="A </script> map",
        sentences=["Placed & drawn."],
        provenance={"seed": 1},
    )
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    with playwright.sync_playwright() as driver:
        tab = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS).new_page()
        said: list[str] = []
        asked: list[str] = []
        tab.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto((tmp_path / "page.html").as_uri())
        tab.locator(".main-svg").first.wait_for()
        assert tab.locator("h1").inner_text() == "A </script> map"
        assert set(tab.evaluate(VISIBLE)) == {"real", "generated"}
        tab.locator("[data-part=generated]").click()
        assert set(tab.evaluate(VISIBLE)) == {"real"}
        tab.locator("select").select_option(label="sex")
        names = tab.evaluate(f"{TRACES}.map(t => t.name)")
        assert {"female", "male"} <= set(names)
        assert said == []
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
