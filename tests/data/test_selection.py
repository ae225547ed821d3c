"""Which samples and genes stay, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gtexgen.data.gene_selection import GeneSelector, GeneStatistics, gene_statistics, read_gene_list
from gtexgen.data.selection import select_samples
from gtexgen.errors import DataError


@pytest.fixture
def samples() -> pd.DataFrame:
    """Six samples of three tissues; one without a tissue."""
    return pd.DataFrame(
        {
            "sample_id": list("abcdef"),
            "donor_id": list("uuvvww"),
            "tissue": ["Lung", "Lung", "Liver", "Liver", "Heart", None],
            "sex": ["male", "female", "male", None, "male", "male"],
            "RIN": ["6", "7.5", "5.0", None, "8", "9"],
        },
        dtype="str",
    )


def whys(drops: list) -> dict[str, list[str]]:  # type: ignore[type-arg]
    return {drop.why: drop.examples for drop in drops}


# Samples


def test_order_is_the_files_and_spare_rows_are_counted(samples: pd.DataFrame) -> None:
    choice = select_samples(samples, ["e", "c", "a"])
    assert choice.index.tolist() == [0, 1, 2]
    assert choice.table["sample_id"].tolist() == ["e", "c", "a"]
    assert choice.table.index.tolist() == [0, 1, 2]
    (drop,) = choice.drops
    assert (drop.what, drop.count, drop.examples) == ("samples", 3, ["b", "d", "f"])
    assert drop.why == "in the sample table, not in the expression file"


def test_incomplete_samples_are_an_error_unless_dropped(samples: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "samples.txt"
    with pytest.raises(
        DataError,
        match=r"samples\.txt, column 'tissue'.*1 in the expression file, not in the sample table \(z\)"
        r"; 1 without a tissue \(f\)[\s\S]*incomplete=drop",
    ):
        select_samples(samples, ["z", "a", "f"], path=path)
    choice = select_samples(samples, ["z", "a", "f"], incomplete="drop")
    assert choice.index.tolist() == [1]
    assert whys(choice.drops)["in the expression file, not in the sample table"] == ["z"]
    assert whys(choice.drops)["without a tissue"] == ["f"]


def test_no_sample_in_common_is_an_error_either_way(samples: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"none of the expression file's samples \(x, y, \.\.\.\).*\(a, b, c"):
        select_samples(samples, ["x", "y"], incomplete="drop")


def test_tissues(samples: pd.DataFrame) -> None:
    choice = select_samples(samples, list("abcde"), tissues=["Liver", "Heart"])
    assert choice.table["sample_id"].tolist() == ["c", "d", "e"]
    assert whys(choice.drops)["of another tissue than those asked for"] == ["a", "b"]
    with pytest.raises(DataError, match=r"column 'tissue': no sample has 'Lungs'[\s\S]*Heart, Liver, Lung"):
        select_samples(samples, list("abcde"), tissues=["Lungs"])


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ({"sex": "male"}, "ace"),
        ({"sex": ["male", "female"]}, "abce"),
        ({"sex": "!=male"}, "bd"),
        ({"sex": "==female"}, "b"),
        ({"RIN": ">=6"}, "abe"),
        ({"RIN": "> 6"}, "be"),
        ({"RIN": "<7.5"}, "ac"),
        ({"RIN": "<=7.5"}, "abc"),
        ({"RIN": 5}, "c"),
        ({"RIN": [6.0, "8"]}, "ae"),
        ({"RIN": "!=6.0"}, "bcde"),
        ({"sex": "male", "RIN": ">5"}, "ae"),
        ({}, "abcde"),
    ],
)
def test_where(samples: pd.DataFrame, where: dict, kept: str) -> None:  # type: ignore[type-arg]
    choice = select_samples(samples, list("abcde"), where=where)
    assert "".join(choice.table["sample_id"]) == kept
    left_out = sum(drop.count for drop in choice.drops if "not in the expression" not in drop.why)
    assert left_out == 5 - len(kept)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"age": "20-29"}, r"column 'age'[\s\S]*the columns are sample_id"),
        ({"sex": "F"}, r"column 'sex': no sample has 'F'[\s\S]*female, male"),
        ({"tissue": ">=6"}, r"column 'tissue': 'Lung' is not a number"),
        ({"RIN": ">=good"}, r"column 'RIN': 'good' is not a number to compare with"),
    ],
)
def test_where_errors(samples: pd.DataFrame, where: dict, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(DataError, match=message):
        select_samples(samples, list("abcde"), where=where)


def test_min_samples_counts_what_is_left(samples: pd.DataFrame) -> None:
    choice = select_samples(samples, list("abcde"), where={"sex": ["male", "female"]}, min_samples=2)
    assert choice.table["sample_id"].tolist() == ["a", "b"]
    assert whys(choice.drops)["Liver has 1 samples, fewer than min_samples=2"] == ["c"]
    with pytest.raises(DataError, match=r"no sample is left \(.*min_samples=3.*\)"):
        select_samples(samples, list("abcde"), min_samples=3)


# Gene lists


def write(folder: Path, text: str) -> Path:
    path = folder / "genes.txt"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("XIST\n# comment\n\nENSG00000229807.11  # XIST\nXIST\n", [("XIST",), ("ENSG00000229807",)]),
        ("symbol\nXIST\n", [("XIST",)]),
        ("ensg\tsymbol\tlm\nENSG00000229807\tXIST\t1\n", [("XIST", "ENSG00000229807")]),
        ('"rank","Gene"\n1,"XIST"\n', [("XIST",)]),
        ("label\nPINX1_ENSG00000258724\nY_RNA\n", [("ENSG00000258724",), ("Y_RNA",)]),
    ],
)
def test_gene_lists(tmp_path: Path, text: str, asked: list[tuple[str, ...]]) -> None:
    assert read_gene_list(write(tmp_path, text)) == asked


def test_bad_gene_lists(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read the gene list"):
        read_gene_list(tmp_path / "none.txt")
    with pytest.raises(DataError, match="list is empty"):
        read_gene_list(write(tmp_path, "# nothing\n"))
    with pytest.raises(DataError, match=r"line 1: the header \(rank, score\) names no column"):
        read_gene_list(write(tmp_path, "rank,score\n1,2\n"))


IDS = [
    "ENSG00000000001.1",
    "ENSG00000000002.1",
    "ENSG00000000003.1",
    "ENSG00000000002.1_PAR_Y",
    "ENSG00000000005.2",
]
NAMES = ["A", "B", "C", "B", "E"]


def test_a_list_finds_genes_by_id_or_symbol_and_tells_what_is_missing(tmp_path: Path) -> None:
    selector = GeneSelector(genes=write(tmp_path, "B\nENSG00000000001\nENSG00000000005.9\nNOPE\n"))
    assert not selector.needs_statistics
    assert selector.wanted(IDS, NAMES).tolist() == [True, True, False, True, True]
    choice = selector.choose(IDS, NAMES)
    assert choice.index.tolist() == [0, 1, 3, 4]
    assert whys(choice.drops) == {
        "asked for in genes.txt, not in the expression file": ["NOPE"],
        "not in genes.txt": ["ENSG00000000003.1"],
    }


def test_a_list_without_a_gene_of_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none of the 1 genes of .*genes\.txt"):
        GeneSelector(genes=write(tmp_path, "NOPE\n")).choose(IDS, NAMES)


# Gene statistics


def test_of_rows_with_one_gene_id_the_highest_mean_stays() -> None:
    ids = ["ENSG00000000001.1", "X", "ENSG00000000001.2", "X", "Y"]
    mean = np.array([1.0, 5, 3, 5, 0])
    choice = GeneSelector().choose(ids, ids, mean)
    assert choice.index.tolist() == [1, 2, 4]
    (drop,) = choice.drops
    assert drop.examples == ["ENSG00000000001.1", "X"]
    with pytest.raises(ValueError, match="ENSG00000000001 occurs twice"):
        GeneSelector().choose(ids, ids)


def test_rules_apply_in_their_order(tmp_path: Path) -> None:
    mean = np.array([0.1, 2, 3, 4, 5])
    variance = np.array([9.0, 1, 8, 3, 3])
    selector = GeneSelector(genes=write(tmp_path, "A\nB\nE\n"), min_expression=2, top_variance=2)
    choice = selector.choose(IDS, NAMES, mean, variance)
    assert choice.index.tolist() == [3, 4]
    assert whys(choice.drops) == {
        "not in genes.txt": ["ENSG00000000003.1"],
        "mean below min_expression=2": ["ENSG00000000001.1"],
        "not among the top_variance=2 most variable genes": ["ENSG00000000002.1"],
    }
    with pytest.raises(DataError, match=r"no gene is left \(5 mean below min_expression=100\)"):
        GeneSelector(min_expression=100).choose(IDS, NAMES, mean)


def test_top_variance_keeps_all_of_fewer_genes() -> None:
    choice = GeneSelector(top_variance=100).choose(IDS, NAMES, np.ones(5), np.ones(5))
    assert choice.index.tolist() == [0, 1, 2, 3, 4]
    assert choice.drops == []


@settings(deadline=None, max_examples=50)
@given(
    values=arrays(np.float32, st.tuples(st.integers(1, 30), st.just(4)), elements=st.floats(0, 2**17, width=32)),
    cuts=st.lists(st.integers(0, 30), max_size=4),
)
def test_statistics_do_not_depend_on_the_blocks(values: np.ndarray, cuts: list[int]) -> None:
    statistics = GeneStatistics(4)
    for block in np.split(values, sorted(min(cut, len(values)) for cut in cuts)):
        statistics.add(block)
    mean, variance = gene_statistics(values.T)
    assert statistics.n_samples == len(values)
    np.testing.assert_allclose(statistics.mean, values.mean(axis=0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(statistics.mean, mean, rtol=1e-6)
    expected = np.log2(values + 1).astype(np.float64).var(axis=0)
    np.testing.assert_allclose(statistics.log_variance, expected, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(variance, expected, rtol=1e-5, atol=1e-9)
