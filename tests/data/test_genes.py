"""Versions stand apart and labels are unique."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtexgen.data.genes import gene_labels, gene_table, is_ensembl, split_version


@pytest.mark.parametrize(
    ("given", "gene_id", "version"),
    [
        ("ENSG00000223972.5", "ENSG00000223972", "5"),
        ("ENSG00000002586.18_PAR_Y", "ENSG00000002586_PAR_Y", "18"),
        ("ENSG00000002586", "ENSG00000002586", ""),
        ("ENSMUSG00000000001.4", "ENSMUSG00000000001", "4"),
        ("RP11-34P13.7", "RP11-34P13.7", ""),
        ("XIST", "XIST", ""),
    ],
)
def test_only_ensembl_versions_are_split(given: str, gene_id: str, version: str) -> None:
    assert split_version(given) == (gene_id, version)


def test_is_ensembl() -> None:
    assert is_ensembl("ENSG00000223972.5")
    assert not is_ensembl("ENSA")


def test_every_gene_that_shares_a_symbol_is_labelled_by_its_id() -> None:
    assert gene_labels(["E1", "E2", "E3"], ["A", "B", "A"]) == ["A_E1", "B", "A_E3"]


def test_a_made_label_that_is_another_genes_symbol_is_made_unique() -> None:
    labels = gene_labels(["E1", "E2", "E3"], ["A", "A", "A_E1"])
    assert labels == ["A_E1_E1", "A_E2", "A_E1_E3"]


def test_labels_need_distinct_ids() -> None:
    with pytest.raises(ValueError, match="once"):
        gene_labels(["E1", "E1"], ["A", "B"])


@given(st.lists(st.tuples(st.text("EA_", max_size=4), st.text("EA_", max_size=4)), unique_by=lambda pair: pair[0]))
def test_labels_are_unique_and_begin_with_the_symbol(genes: list[tuple[str, str]]) -> None:
    symbols = [symbol for _, symbol in genes]
    labels = gene_labels([gene for gene, _ in genes], symbols)
    assert len(set(labels)) == len(labels)
    assert all(label.startswith(symbol) for label, symbol in zip(labels, symbols, strict=True))


@given(st.lists(st.sampled_from("ABCDEF"), max_size=12))
def test_a_symbol_of_one_gene_is_its_label(symbols: list[str]) -> None:
    labels = gene_labels([f"E{place}" for place in range(len(symbols))], symbols)
    for place, (label, symbol) in enumerate(zip(labels, symbols, strict=True)):
        assert label == (symbol if symbols.count(symbol) == 1 else f"{symbol}_E{place}")


def test_gene_table_of_gtex_names() -> None:
    table = gene_table(
        ["ENSG00000182378.14", "ENSG00000182378.14_PAR_Y", "ENSG00000229807.11", "ENSG00000280000.1"],
        ["PLCXD1", "PLCXD1", "XIST", ""],
    )
    assert table.to_dict("list") == {
        "label": [
            "PLCXD1_ENSG00000182378",
            "PLCXD1_ENSG00000182378_PAR_Y",
            "XIST",
            "ENSG00000280000",
        ],
        "gene_id": ["ENSG00000182378", "ENSG00000182378_PAR_Y", "ENSG00000229807", "ENSG00000280000"],
        "version": ["14", "14", "11", "1"],
        "symbol": ["PLCXD1", "PLCXD1", "XIST", "ENSG00000280000"],
    }
