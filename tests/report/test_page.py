from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gtexgen.errors import DataError
from gtexgen.evaluation.catalogue import METRICS
from gtexgen.evaluation.results import SUBJECT
from gtexgen.report.page import SECTIONS, render_report, write_report
from gtexgen.report.privacy import PROMISES
from support.evaluations import NO_DONORS, NO_LATENTS, NOTHING, make_evaluation, make_graphics

VOID = {"meta", "link", "line", "path", "circle", "rect", "br", "img", "input"}


class Outline(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if "href" in found else []
        self.sources += [found["src"] or ""] if "src" in found else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.words += data


@pytest.fixture(scope="module")
def text() -> str:
    return render_report(make_evaluation(n_genes=30), make_graphics(n_samples=60))


@pytest.fixture(scope="module")
def outline(text: str) -> Outline:
    return Outline(text)


def test_the_page_is_one_well_formed_file_that_fetches_nothing(text: str, outline: Outline) -> None:
    assert outline.open == []
    assert outline.sources == []
    assert all(link.startswith(("#", "data:")) for link in outline.links)
    assert "default-src 'none'" in text
    assert len(re.findall(r"plotly\.js v\d", text)) == 1


def test_every_link_leads_to_one_place(outline: Outline) -> None:
    assert len(outline.ids) == len(set(outline.ids))
    assert {link[1:] for link in outline.links if link.startswith("#")} <= set(outline.ids)
    assert set(SECTIONS) <= set(outline.ids)


def test_all_metrics_reasons_and_promises_are_there(outline: Outline) -> None:
    words = " ".join(outline.words.split())
    for said in (*(metric.meaning for metric in METRICS.values()), *PROMISES, NO_DONORS, NO_LATENTS):
        assert said in words
    for figure in ("gtexgen-evaluate generator=", "455485a45732a48dba2c8759f0cbdb7d", "Bladder and Cervix Uteri"):
        assert figure in words


def test_figures_are_json_without_a_template(text: str) -> None:
    contents = re.findall(r'data-content="([\w-]+)">(.*?)</script>', text)
    assert {"sample-map", "gene-mean", "gene-sd", "correlations-real", "correlations-synthetic"} <= {
        n for n, _ in contents
    }
    for _, content in contents:
        for figure in json.loads(content):
            assert figure["data"]
            assert "template" not in figure["layout"]


def test_figures_that_are_not_there_say_why() -> None:
    evaluation = make_evaluation(n_genes=30)
    words = Outline(render_report(evaluation, NOTHING)).words
    for what in ("embedding", "correlations", "curves", "traversals"):
        assert f"Not shown: no {what} was given" in words


def test_what_a_user_wrote_is_shown_and_not_run() -> None:
    attack = '</script><script>alert("x")</script>'
    evaluation = make_evaluation(n_genes=5)
    evaluation.genes["gene"] = attack
    renamed = replace(evaluation, title=attack, candidates={**evaluation.candidates, SUBJECT: attack}, notes=[attack])
    page = render_report(renamed, NOTHING)
    assert "<script>alert" not in page
    assert Outline(page).words.count('alert("x")') >= 3


def test_a_report_replaces_an_older_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(path, make_evaluation(n_genes=5), NOTHING)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [*tmp_path.iterdir()] == [path]
    with pytest.raises(DataError, match="a folder of this name exists"):
        write_report(tmp_path, make_evaluation(n_genes=5), NOTHING)
