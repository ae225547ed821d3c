"""CSV and TSV as people and R write them, and as they get damaged."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtexgen.data.formats import delimited
from gtexgen.data.formats.delimited import GenesInRows, SamplesInRows, open_delimited
from gtexgen.errors import DataError


def write(folder: Path, text: str, name: str = "expression.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def read_genes(path: Path) -> tuple[list[str], list[str], list[list[float]]]:
    source = open_delimited(path, orientation="genes_in_rows")
    assert isinstance(source, GenesInRows)
    blocks = list(source.blocks(np.ones(len(source.sample_ids), dtype=bool), 100))
    ids = [name for block in blocks for name in block.ids]
    symbols = [name for block in blocks for name in block.symbols]
    return ids, symbols, np.concatenate([block.values for block in blocks]).tolist()


def test_r_quotes_names_and_leaves_their_column_unnamed(tmp_path: Path) -> None:
    path = write(tmp_path, '"S1","S, 2"\n"A ""x""",1,2.5\n"B,b",0,1e3\n')
    ids, _, values = read_genes(path)
    assert open_delimited(path, orientation="genes_in_rows").sample_ids == ["S1", "S, 2"]
    assert ids == ['A "x"', "B,b"]
    assert values == [[1, 2.5], [0, 1000]]


def test_windows_line_ends_a_byte_order_mark_and_plus_signs_are_read(tmp_path: Path) -> None:
    path = tmp_path / "expression.tsv"
    path.write_bytes(b"\xef\xbb\xbfgene\tS1\tS2\r\nA\t+5\t 2\r\nB\t3.\t.5\r\n\r\n")
    assert read_genes(path) == (["A", "B"], ["A", "B"], [[5, 2], [3, 0.5]])


def test_symbols_and_ids_are_told_apart_in_either_order(tmp_path: Path) -> None:
    path = write(tmp_path, "Name,Description,S1\nENSG00000000003.1,TSPAN6,1\n")
    assert read_genes(path)[:2] == (["ENSG00000000003.1"], ["TSPAN6"])
    path = write(tmp_path, "symbol,gene_id,S1\nTSPAN6,ENSG00000000003.1,1\n")
    assert read_genes(path)[:2] == (["ENSG00000000003.1"], ["TSPAN6"])


def test_annotations_beside_the_sample_id_are_embedded(tmp_path: Path) -> None:
    path = write(tmp_path, "sample_id,tissue,sex,XIST,ACTB\nS1,Lung,male,0,3\nS2,Liver,female,9,4\n")
    source = open_delimited(path)
    assert isinstance(source, SamplesInRows)
    assert source.genes.ids == ["XIST", "ACTB"]
    assert source.embedded_samples is not None
    assert source.embedded_samples.loc["S2"].to_dict() == {"tissue": "Liver", "sex": "female"}


def test_annotations_among_the_genes_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, "sample_id,XIST,sex\nS1,0,1\n")
    with pytest.raises(DataError, match=r"expression\.csv, line 1, column 'sex': annotations stand among"):
        open_delimited(path)


# Orientation


@pytest.mark.parametrize(
    ("text", "major"),
    [
        (",S1,S2\nA,1,2\n", "genes"),
        (",A,B\nS1,1,2\nS2,1,2\n", "samples"),
    ],
)
def test_known_sample_ids_decide(tmp_path: Path, text: str, major: str) -> None:
    assert open_delimited(write(tmp_path, text), sample_ids=["S2", "S9"]).major == major


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ("x,y,z\nENSG00000000003.1,1,2\n", "genes"),
        ("x,GTEX-1-2,GTEX-1-3\nTP53,1,2\n", "genes"),
        ("gene,y,z\nTP53,1,2\n", "genes"),
        ("x,ENSG00000000003,ENSG00000000005\na,1,2\n", "samples"),
        ("SAMPID,TP53,XIST\na,1,2\n", "samples"),
    ],
)
def test_names_decide_where_no_sample_is_known(tmp_path: Path, text: str, major: str) -> None:
    assert open_delimited(write(tmp_path, text)).major == major


@pytest.mark.parametrize("text", ["x,y,z\na,1,2\n", "S1,S2,S3\nS1,1,2\n", "gene,ENSG00000000003,b\nGTEX-1,1,2\n"])
def test_an_ambiguous_table_asks_for_its_orientation(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"rows are genes or samples[\s\S]*data\.orientation=genes_in_rows"):
        open_delimited(write(tmp_path, text), sample_ids=["S1", "S2"])


# Malformed files


@pytest.mark.parametrize("bad", ["high", "NA", "", "-0.5", "nan", "inf", "1_0", "0x1"])
def test_a_bad_cell_is_named_by_line_and_column(tmp_path: Path, bad: str) -> None:
    path = write(tmp_path, f"gene,S1,S2\nA,1,2\n\nB,3,{bad}\nC,1,1\n")
    with pytest.raises(DataError, match=rf"expression\.csv, line 4, column 'S2': '{bad}' is not.*\n.*Remedy"):
        read_genes(path)


def test_a_bad_cell_of_a_sample_row_is_named_by_line_and_gene(tmp_path: Path) -> None:
    source = open_delimited(write(tmp_path, "sample_id,A,B\nS1,1,2\nS2,x,2\n"))
    assert np.concatenate(list(source.blocks(np.array([0]), 5))).tolist() == [[1, 2]]
    with pytest.raises(DataError, match="line 3, column 'A': 'x'"):
        list(source.blocks(np.array([0, 1]), 5))


@pytest.mark.parametrize("row", ["B,3", "B,3,4,5", "B"])
def test_a_ragged_row_is_named_by_line(tmp_path: Path, row: str) -> None:
    with pytest.raises(DataError, match=r"line 3: the row has"):
        read_genes(write(tmp_path, f"gene,S1,S2\nA,1,2\n{row}\n"))


def test_a_truncated_gzip_is_an_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = "".join(f"G{row},{','.join(map(str, rng.random(20)))}\n" for row in range(500))
    whole = gzip.compress(("gene," + ",".join(f"S{column}" for column in range(20)) + "\n" + rows).encode())
    path = tmp_path / "expression.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"expression\.csv\.gz: the gzip stream is damaged or cut off"):
        read_genes(path)


def test_duplicate_samples_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 1, column 'S1': sample 'S1' occurs twice"):
        open_delimited(write(tmp_path, "gene,S1,S2,S1\nA,1,2,3\n"))
    with pytest.raises(DataError, match=r"sample 'S1' occurs twice \(samples 1 and 3"):
        open_delimited(write(tmp_path, "sample_id,A\nS1,1\nS2,2\nS1,3\n"))


def test_a_file_without_rows_or_with_another_delimiter_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no rows"):
        open_delimited(write(tmp_path, "gene,S1\n"))
    with pytest.raises(DataError, match="line 1: the header has no comma"):
        open_delimited(write(tmp_path, "gene;S1\nA;1\n"))


# Blocks


@settings(deadline=None, max_examples=30)
@given(sizes=st.lists(st.integers(1, 7), max_size=8), rows=st.integers(1, 9))
def test_regrouping_keeps_every_row_in_order(sizes: list[int], rows: int) -> None:
    whole = np.arange(sum(sizes), dtype=np.float32)[:, None]
    pieces = np.split(whole, np.cumsum(sizes)[:-1]) if sizes else []
    blocks = list(delimited._regrouped(pieces, rows))
    assert [len(block) for block in blocks[:-1]] == [rows] * len(blocks[:-1])
    np.testing.assert_array_equal(np.concatenate([*blocks, whole[:0]]), whole)


def test_blocks_are_the_same_when_the_text_is_parsed_in_many_portions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"G{row},{row},{row / 8}\n" for row in range(40))
    path = write(tmp_path, "gene,S1,S2\n" + rows)
    whole = read_genes(path)
    monkeypatch.setattr(delimited, "PARSE_BYTES", 16)
    assert read_genes(path) == whole
