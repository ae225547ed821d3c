"""``gtexgen-prepare`` end to end; the formats have their own tests in tests/data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gtexgen.data.store import ExpressionStore
from support.console import SMALL_COHORT, run_here, run_here_well, run_script, run_well

SAMPLES = "SAMPID\tSMTS\tSMTSD\nGTEX-A-1\tLung\tLung\nGTEX-A-2\tLiver\tLiver\nGTEX-B-1\tLung\tLung\n"
SUBJECTS = "SUBJID\tSEX\tAGE\nGTEX-A\t1\t50-59\nGTEX-B\t2\t60-69\n"
MATRIX = "#1.2\n2\t3\nName\tDescription\tGTEX-A-1\tGTEX-A-2\tGTEX-B-1\nENSG00000000001.4\tAAA\t1\t2.5\t0\nENSG00000000002.1\tBBB\t0\t7\t3\n"  # noqa: E501
GIVEN = ["data=files", "data.expression=gene_tpm.gct", "data.samples=samples.txt", "data.subjects=subjects.txt"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "gene_tpm.gct").write_text(MATRIX)
    (tmp_path / "samples.txt").write_text(SAMPLES)
    (tmp_path / "subjects.txt").write_text(SUBJECTS)
    return tmp_path


def test_portal_files_become_a_store(files: Path) -> None:
    output = run_well("prepare", [*GIVEN, "store=store"], files)
    assert output[0] == "Kept 3 samples of 2 donors and 2 tissues x 2 genes, in TPM"
    store = ExpressionStore.open(output[-1])
    assert store.labels == ["AAA", "BBB"]
    assert store.samples["sex"].tolist() == ["male", "male", "female"]
    np.testing.assert_array_equal(store.read(), np.array([[1, 0], [2.5, 7], [0, 3]], dtype=np.float32))


def test_what_is_dropped_is_said_and_kept(files: Path) -> None:
    output = run_here_well("prepare", [*GIVEN, "store=store", "data.select.tissues=[Lung]"], files)
    assert any("Dropped 1 samples" in line and "GTEX-A-2" in line for line in output)
    record = json.loads((files / "store" / "store.json").read_text())
    assert sum(drop["count"] for drop in record["dropped"] if drop["what"] == "samples") == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("samples.txt", "GTEX-B-1\tLung\tLung\n", ""), "GTEX-B-1"),
        (("samples.txt", "GTEX-B-1\tLung", "GTEX-B-1\t"), "data.select.incomplete=drop"),
        (("samples.txt", "SMTS\t", "ORGAN\t"), "data.columns.tissue"),
        (("gene_tpm.gct", "7\t3", "7\tx"), "line 5, column 'GTEX-B-1'"),
        (("gene_tpm.gct", "7\t3", "7\t-3"), "line 5, column 'GTEX-B-1'"),
        (("gene_tpm.gct", "7\t3", "7"), "line 5"),
        (("gene_tpm.gct", "2\t3\n", "3\t3\n"), "gene_tpm.gct"),
    ],
)
def test_malformed_files_are_named_with_the_remedy(files: Path, change: tuple[str, str, str], expected: str) -> None:
    name, old, new = change
    text = (files / name).read_text()
    assert old in text
    (files / name).write_text(text.replace(old, new))
    done = run_here("prepare", [*GIVEN, "store=store"], files)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Remedy" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (files / "store").exists()
    assert not [path for path in files.iterdir() if "partial" in path.name]


def test_a_malformed_file_is_told_of_on_standard_error_alone(files: Path) -> None:
    (files / "gene_tpm.gct").write_text(MATRIX.replace("7\t3", "7\tx"))
    done = run_script("prepare", [*GIVEN, "store=store"], files)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "line 5, column 'GTEX-B-1'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("suffix", [".csv", ".tsv.gz", ".parquet"])
@pytest.mark.parametrize("orientation", ["genes_in_rows", "samples_in_rows"])
def test_the_orientation_of_a_table_is_found_by_its_sample_ids(files: Path, suffix: str, orientation: str) -> None:
    table = pd.DataFrame(
        {"AAA": [1.0, 2.5, 0.0], "BBB": [0.0, 7.0, 3.0]},
        index=pd.Index(["GTEX-A-1", "GTEX-A-2", "GTEX-B-1"], name="id"),
    )
    table = table if orientation == "samples_in_rows" else table.T.rename_axis(index="gene", columns=None)
    path = files / f"tpm{suffix}"
    if suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, sep="," if suffix == ".csv" else "\t")
    store = ExpressionStore.open(
        run_here_well("prepare", [*GIVEN, f"data.expression={path.name}", "store=store"], files)[-1]
    )
    np.testing.assert_array_equal(
        store.read(labels=["AAA", "BBB"]), np.array([[1, 0], [2.5, 7], [0, 3]], dtype=np.float32)
    )


def test_samples_are_kept_by_any_column_under_its_own_name(files: Path) -> None:
    run_here_well("prepare", [*GIVEN, "store=store", "data.select.where={SMTSD:Lung,SEX:male}"], files)
    assert ExpressionStore.open(files / "store").samples["sample_id"].tolist() == ["GTEX-A-1"]


def test_a_store_is_not_replaced_unasked(files: Path) -> None:
    run_here_well("prepare", [*GIVEN, "store=store"], files)
    done = run_here("prepare", [*GIVEN, "store=store", "data.select.tissues=[Lung]"], files)
    assert done.returncode == 1
    assert "overwrite=true" in done.stderr
    assert ExpressionStore.open(files / "store").n_samples == 3
    run_here_well("prepare", [*GIVEN, "store=store", "data.select.tissues=[Lung]", "overwrite=true"], files)
    assert ExpressionStore.open(files / "store").n_samples == 2


def test_the_demo_cohort_is_ready_without_files(tmp_path: Path) -> None:
    store = ExpressionStore.open(run_here_well("prepare", [*SMALL_COHORT], tmp_path)[-1])
    assert (store.n_samples, store.n_genes) == (400, 60)
    assert store.samples["tissue"].nunique() == 30
    assert {"XIST", "RPS4Y1", "DDX3Y"} <= set(store.labels)


def test_real_files_are_read_whole(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "gtex_v6_small"
    arguments = [
        "data=files",
        f"data.expression={folder}/gtex_v6_small_gene_rpkm.gct.gz",
        f"data.samples={folder}/gtex_v6_small_SampleAttributesDS.txt",
        f"data.subjects={folder}/gtex_v6_small_SubjectPhenotypesDS.txt",
    ]
    store = ExpressionStore.open(run_here_well("prepare", arguments, tmp_path)[-1])
    assert (store.n_samples, store.n_genes, store.units) == (872, 523, "RPKM")
    table = (
        pd.read_csv(arguments[1].split("=", 1)[1], sep="\t", skiprows=2).set_index("Description").drop(columns="Name")
    )
    expected = table.loc[store.labels, store.samples["sample_id"]].to_numpy(dtype=np.float32).T
    np.testing.assert_array_equal(store.read(), expected)
