from __future__ import annotations

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gtexgen.evaluation.catalogue import METRICS, QUESTIONS
from gtexgen.evaluation.results import REAL, SUBJECT
from gtexgen.evaluation.scores import Score
from gtexgen.report.gtex_colours import TISSUES
from gtexgen.report.plain_table import MOST_ROWS, condition_table, plain_table
from gtexgen.report.score_table import score_table
from gtexgen.report.strip import WIDTH, strip
from gtexgen.report.terminal import print_scores
from gtexgen.report.verdict import summary
from support.evaluations import CANDIDATES, NO_DONORS, NO_LATENTS, make_evaluation, small_evaluation

values = st.floats(-5, 5)


def test_every_score_has_a_cell_and_every_dash_a_reason() -> None:
    evaluation = make_evaluation(n_genes=5)
    table = score_table(evaluation)
    rows = [row for group in table.groups for row in group.rows]
    assert [group.question for group in table.groups] == [*QUESTIONS.values()]
    assert [row.metric.key for row in rows] == [*METRICS]
    for row in rows:
        assert [cell.candidate for cell in row.cells] == [*CANDIDATES]
        for cell in row.cells:
            score = evaluation.score(row.metric.key, cell.candidate)
            assert cell.value == score.value
            reason = None if cell.footnote is None else table.reasons[cell.footnote - 1]
            assert reason == score.why
    assert table.reasons == [NO_DONORS, NO_LATENTS]


@given(st.dictionaries(st.sampled_from([*CANDIDATES]), values, min_size=1), values)
def test_a_strip_keeps_the_order_and_stays_inside(found: dict[str, float], half: float) -> None:
    metric = METRICS["density"]
    scores = {
        candidate: Score(found[candidate], found[candidate] - abs(half), found[candidate] + abs(half))
        if candidate in found
        else Score(None, why="no")
        for candidate in CANDIDATES
    }
    drawn = strip(small_evaluation(dict.fromkeys(METRICS, scores)), metric)
    assert drawn is not None
    assert drawn.dots.keys() == found.keys()
    places = [(metric.ideal, drawn.ideal), *((found[candidate], x) for candidate, x in drawn.dots.items())]
    assert all(0 <= x <= WIDTH for _, x in places)
    for value, x in places:
        assert all(x <= other_x for other, other_x in places if value <= other)
    if SUBJECT in found:
        assert drawn.whisker is not None
        assert 0 <= drawn.whisker[0] <= drawn.dots[SUBJECT] <= drawn.whisker[1] <= WIDTH


def test_a_metric_of_nobody_has_no_strip() -> None:
    scores = {key: {candidate: Score(None, why="no") for candidate in CANDIDATES} for key in METRICS}
    assert strip(small_evaluation(scores), METRICS["density"]) is None


def test_conditions_have_their_metrics_and_their_colours() -> None:
    evaluation = make_evaluation(n_genes=5)
    table = condition_table(evaluation)
    of_coverage = evaluation.score("coverage").by_condition
    place = table.columns.index(METRICS["coverage"].title)
    assert {row[0].text: row[place].number for row in table.rows} == of_coverage
    assert table.colours == {name: TISSUES[name] for name in of_coverage}
    assert METRICS["sex_transfer"].title not in table.columns


def test_a_long_table_is_cut_and_says_so() -> None:
    table = plain_table(pd.DataFrame({"name": [f"row {n}" for n in range(500)], "share_of": [0.5, None] * 250}))
    assert table.columns == ["name", "share of"]
    assert table.numeric == [False, True]
    assert (len(table.rows), table.total) == (MOST_ROWS, 500)
    assert [cell.text for cell in table.rows[1]] == ["row 1", "\N{EN DASH}"]
    assert table.rows[0][1].number == 0.5


@pytest.mark.parametrize(("value", "text"), [(1234, "1,234"), (0.12345, "0.123"), (2.5e-7, "2.50e-07"), (0.0, "0.000")])
def test_numbers_are_written_as_people_read_them(value: float, text: str) -> None:
    assert plain_table(pd.DataFrame({"n": [value]})).rows[0][0].text == text


def test_the_terminal_shows_scores_intervals_and_reasons() -> None:
    evaluation = make_evaluation(n_genes=5)
    out = io.StringIO()
    print_scores(evaluation, Console(file=out, width=160))
    lines = out.getvalue().splitlines()
    coverage = next(line for line in lines if "Coverage" in line)
    score = evaluation.score("coverage")
    assert score.low is not None
    assert f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]" in coverage
    assert f"{evaluation.score('coverage', REAL).value:.3f}" in coverage
    assert "\N{EN DASH} [1]" in next(line for line in lines if "Within-donor correlation " in line)
    assert f"[1] {NO_DONORS}" in out.getvalue()
    assert all(question in out.getvalue() for question in QUESTIONS.values())
    said = " ".join(out.getvalue().split())
    assert all(sentence in said for sentence in summary(evaluation))
    assert "AUC of" in said
