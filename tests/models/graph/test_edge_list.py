"""Edges from a file of the user's own."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
import pytest

from gtexgen.data.splits import Part
from gtexgen.data.training_part import SamplePart
from gtexgen.errors import DataError
from gtexgen.models.graph.edge_list import EdgeList

Parts = dict[Part, SamplePart]

EDGES = [("S4", "S0"), ("S1", "S2"), ("S0", "S6"), ("S8", "S7")]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz", ".parquet"])
def test_edges_stay_within_a_part(parts: Parts, tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / f"edges{suffix}"
    frame = pd.DataFrame(EDGES, columns=["first", "second"]).assign(why="kin")
    if suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    with caplog.at_level(logging.INFO):
        graphs = EdgeList(str(path)).build(parts)
    assert graphs["train"].edges.tolist() == [[0, 4], [1, 2]]
    assert graphs["validation"].edges.tolist() == [[1, 2]]
    assert "4 edges, 2 in the train part, 1 in the validation part; 1 between parts are left out" in caplog.text


def test_the_columns_may_have_any_name(parts: Parts, tmp_path: Path) -> None:
    path = tmp_path / "kin.tsv"
    path.write_text("b\ta\nS0\tS4\n")
    assert EdgeList(str(path), first="a", second="b").build(parts)["train"].edges.tolist() == [[0, 4]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "S0,S1\nS2,S99\n",
            r"line 3, column 'second': no sample 'S99' in the store\n  Remedy: mend or remove the 1 edge",
        ),
        ("S0,\n", r"line 2, column 'second': the cell is empty\n  Remedy"),
        ("S0,S1\nS2,S2\n", r"line 3, column 'first and second': the edge joins a sample to itself\n  Remedy: remove"),
        ("S0,S1\nS2,S4\nS1,S0\n", r"line 4, .*: these two samples are joined twice\n  Remedy: remove"),
    ],
    ids=["unknown", "empty", "loop", "twice"],
)
def test_a_bad_edge_is_an_error_that_says_where(parts: Parts, tmp_path: Path, rows: str, message: str) -> None:
    path = tmp_path / "edges.csv"
    path.write_text(f"first,second\n{rows}")
    with pytest.raises(DataError, match=rf"edges\.csv, {message}"):
        EdgeList(str(path)).build(parts)


def test_a_missing_column_is_an_error_that_lists_those_there_are(parts: Parts, tmp_path: Path) -> None:
    path = tmp_path / "edges.csv"
    path.write_text("from,second\nS0,S1\n")
    with pytest.raises(DataError, match=r"column 'first': there is no such column\n  Remedy: .*: from, second"):
        EdgeList(str(path)).build(parts)


def test_a_missing_file_is_an_error_when_the_graph_is_built(parts: Parts) -> None:
    builder = EdgeList("nowhere.csv")
    with pytest.raises(DataError, match="there is no such file"):
        builder.build(parts)
