"""GCT files are read right, and broken ones name the place."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gtexgen.data.formats import gct_rows
from gtexgen.data.formats.gct import GctSource
from gtexgen.data.formats.sources import FloatArray, open_source
from gtexgen.errors import DataError

SAMPLES = ["GTEX-A-1", "GTEX-A-2", "GTEX-B-1"]
LINES = [
    "#1.2",
    "4\t3",
    "Name\tDescription\t" + "\t".join(SAMPLES),
    "ENSG01.1\tXIST\t0\t1.5\t2e-05",
    "ENSG02.4\tTP53\t3.25\t100\t.5",
    "ENSG03.1\tMT-ND1\t12340\t7\t1E3",
    "ENSG04.2\tMT-ND2\t0\t0\t0.001234",
]
VALUES = [[0, 1.5, 2e-5], [3.25, 100, 0.5], [12340, 7, 1000], [0, 0, 0.001234]]


def write(path: Path, lines: list[str], *, end: str = "\n", last: str | None = None) -> Path:
    text = end.join(lines) + (end if last is None else last)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wb") as handle:
        handle.write(text.encode())
    return path


def read(path: Path, keep: list[int] | None = None, block_genes: int = 3) -> tuple[list[str], FloatArray]:
    source = GctSource(path)
    index = np.arange(len(source.sample_ids)) if keep is None else np.array(keep)
    blocks = list(source.blocks(index, block_genes))
    assert all(len(block.ids) == len(block.symbols) == len(block.values) for block in blocks)
    return [gene for block in blocks for gene in block.ids], np.concatenate([b.values for b in blocks])


@pytest.mark.parametrize("name", ["a.gct", "a.gct.gz"])
@pytest.mark.parametrize(("end", "last"), [("\n", "\n"), ("\n", ""), ("\n", "\n\n\n"), ("\r\n", "\r\n")])
def test_reads_names_and_values(tmp_path: Path, name: str, end: str, last: str) -> None:
    path = write(tmp_path / name, LINES, end=end, last=last)
    source = open_source(path)
    assert isinstance(source, GctSource)
    assert source.sample_ids == SAMPLES
    assert source.genes.ids == ["ENSG01.1", "ENSG02.4", "ENSG03.1", "ENSG04.2"]
    assert source.genes.symbols == ["XIST", "TP53", "MT-ND1", "MT-ND2"]
    ids, values = read(path)
    assert ids == source.genes.ids
    np.testing.assert_array_equal(values, np.array(VALUES, dtype=np.float32))


def test_gzip_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gct.gz", LINES).rename(tmp_path / "a.gct")
    assert read(path)[1].shape == (4, 3)
    path = write(tmp_path / "b.gct", LINES).rename(tmp_path / "b.gct.gz")
    assert read(path)[1].shape == (4, 3)


def test_several_gzip_members_are_one_file(tmp_path: Path) -> None:
    text = ("\n".join(LINES) + "\n").encode()
    path = tmp_path / "a.gct.gz"
    path.write_bytes(gzip.compress(text[:70]) + gzip.compress(text[70:]))
    np.testing.assert_array_equal(read(path)[1], np.array(VALUES, dtype=np.float32))


def test_keeps_samples_in_file_order(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gct", LINES)
    np.testing.assert_array_equal(read(path, keep=[2, 0])[1], np.array(VALUES, dtype=np.float32)[:, [0, 2]])


def test_id_column_before_name(tmp_path: Path) -> None:
    lines = [*LINES[:2], "id\t" + LINES[2], *(f"{row}\t{line}" for row, line in enumerate(LINES[3:]))]
    source = GctSource(write(tmp_path / "a.gct", lines))
    assert source.genes.ids[0] == "ENSG01.1"
    assert source.genes.symbols[0] == "XIST"
    np.testing.assert_array_equal(read(source.path)[1], np.array(VALUES, dtype=np.float32))


def test_version_1_3_carries_annotations(tmp_path: Path) -> None:
    lines = [
        "#1.3",
        "2\t3\t2\t2",
        "id\tpr_gene_symbol\tchromosome\ts1\ts2\ts3",
        "tissue\t\t\tLung\tLiver\tLung",
        "sex\tna\tna\t1\t2\t2",
        "ENSG01\tXIST\tX\t1\t2\t3",
        "ENSG02\tTP53\t17\t4\t5\t6",
    ]
    source = GctSource(write(tmp_path / "a.gct", lines))
    assert source.genes.symbols == ["XIST", "TP53"]
    assert source.embedded_samples is not None
    assert source.embedded_samples.loc["s2"].to_dict() == {"tissue": "Liver", "sex": "2"}
    np.testing.assert_array_equal(read(source.path)[1], [[1, 2, 3], [4, 5, 6]])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
        elements=st.floats(0, 2**100, width=32).map(abs),
    ),
    portion=st.integers(1, 200),
    block=st.integers(1, 5),
)
def test_any_matrix_survives_any_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: FloatArray, portion: int, block: int
) -> None:
    monkeypatch.setattr(gct_rows, "PORTION_BYTES", portion)
    genes, samples = values.shape
    rows = ["\t".join([f"E{g}", f"S{g}", *map(repr, row.tolist())]) for g, row in enumerate(values)]
    header = "\t".join(["Name", "Description", *(f"s{s}" for s in range(samples))])
    path = write(tmp_path / "a.gct.gz", ["#1.2", f"{genes}\t{samples}", header, *rows])
    ids, parsed = read(path, block_genes=block)
    assert ids == GctSource(path).genes.ids == [f"E{g}" for g in range(genes)]
    np.testing.assert_array_equal(parsed, values)


def changed(line: int, old: str, new: str) -> list[str]:
    assert old in LINES[line - 1]
    return [text.replace(old, new, 1) if row == line - 1 else text for row, text in enumerate(LINES)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (changed(1, "#1.2", "<html>"), r"line 1: .*#1\.2"),
        (changed(2, "4\t3", "four"), r"line 2: the dimension line must hold 2 whole numbers"),
        (changed(2, "4\t3", "4\t5"), r"line 2: .* declares 5 samples, the header \(line 3\) has 3"),
        (changed(2, "4\t3", "9\t3"), r"line 2: .* declares 9 genes, the file has 4"),
        (changed(2, "4\t3", "2\t3"), r"line 2: .* declares 2 genes, the file has 4"),
        (changed(3, "GTEX-A-2", "GTEX-A-1"), r"line 3, column 'GTEX-A-1': sample 'GTEX-A-1' occurs twice"),
        (changed(5, "\t100", ""), r"line 5: the row has 4 cells where the header has 5"),
        (changed(6, "\t7", "\t7\t8"), r"line 6: the row has 6 cells where the header has 5"),
        (changed(5, "100", "abc"), r"line 5, column 'GTEX-A-2': 'abc' is not an expression value"),
        (changed(5, "100", ""), r"line 5, column 'GTEX-A-2': '' is not"),
        (changed(5, "100", "NA"), r"line 5, column 'GTEX-A-2': 'NA' is not"),
        (changed(7, "0.001234", "nan"), r"line 7, column 'GTEX-B-1': 'nan' is not"),
        (changed(4, "1.5", "-1.5"), r"line 4, column 'GTEX-A-2': '-1.5' is not"),
        (changed(4, "1.5", "inf"), r"line 4, column 'GTEX-A-2': 'inf' is not"),
        (changed(4, "1.5", "1e60"), r"line 4, column 'GTEX-A-2': '1e60' is not"),
        (changed(4, "1.5", "1 5"), r"line 4, column 'GTEX-A-2': '1 5' is not"),
    ],
)
@pytest.mark.parametrize("name", ["a.gct", "a.gct.gz"])
@pytest.mark.parametrize("portion", [2**20, 30])
def test_broken_file_names_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, portion: int, lines: list[str], message: str
) -> None:
    monkeypatch.setattr(gct_rows, "PORTION_BYTES", portion)
    path = write(tmp_path / name, lines)
    with pytest.raises(DataError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "Remedy: " in str(caught.value)


def test_moved_line_end_is_ragged(tmp_path: Path) -> None:
    lines = [*LINES[:3], LINES[3] + "\t9", LINES[4].rsplit("\t", 1)[0], *LINES[5:]]
    with pytest.raises(DataError, match="line 4: the row has 6 cells"):
        read(write(tmp_path / "a.gct", lines))


def test_truncated_gzip(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [f"E{g}\tS{g}\t" + "\t".join(map(str, rng.random(300))) for g in range(50)]
    header = "\t".join(["Name", "Description", *(f"s{s}" for s in range(300))])
    path = write(tmp_path / "a.gct.gz", ["#1.2", "50\t300", header, *rows])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(DataError, match="the file is truncated"):
        read(path)
    with pytest.raises(DataError, match="the file is truncated"):
        _ = GctSource(path).genes
    damaged = bytearray(whole)
    damaged[len(whole) // 2 : len(whole) // 2 + 40] = bytes(40)
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"a\.gct\.gz"):
        read(path)


def test_truncated_text_is_ragged_or_short(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gct", LINES)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match="line 7: the row has 4 cells"):
        read(path)


def test_text_of_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.gct"
    path.write_bytes("\n".join(changed(5, "TP53", "TP\xb53")).encode("latin-1"))
    with pytest.raises(DataError, match="line 5: the text is not UTF-8"):
        read(path)
    with pytest.raises(DataError, match="line 5: the text is not UTF-8"):
        _ = GctSource(path).genes


def test_progress_counts_the_stored_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gct.gz", LINES)
    told: list[int] = []
    list(GctSource(path).blocks(np.arange(3), 2, told.append))
    assert sum(told) == path.stat().st_size


def test_real_file(real_data: Path) -> None:
    path = real_data / "gtex_v6_small" / "gtex_v6_small_gene_rpkm.gct.gz"
    source = GctSource(path)
    ids, values = read(path, block_genes=100)
    assert values.shape == (523, 872)
    assert ids == source.genes.ids
    with gzip.open(path, "rt") as handle:
        last = handle.read().splitlines()[-1].split("\t")
    assert [ids[-1], source.genes.symbols[-1]] == last[:2]
    np.testing.assert_array_equal(values[-1], np.array(last[2:], dtype=np.float32))
