"""From files to a store: the same values whatever the way, no half store, bounded memory."""

from __future__ import annotations

import gzip
import hashlib
import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from isal import igzip

from gtexgen.data import prepare
from gtexgen.data.annotations import read_samples
from gtexgen.data.formats.sources import FloatArray, open_source
from gtexgen.data.gene_selection import GeneSelector
from gtexgen.data.prepare import PreparedStore, prepare_store
from gtexgen.data.selection import Drop, SampleChoice, select_samples
from gtexgen.data.store import ExpressionStore
from gtexgen.errors import DataError, StoreError

N_GENES, N_SAMPLES = 40, 30
IDS = [f"ENSG{g:011d}.{g}" for g in range(N_GENES)]
SYMBOLS = [f"SYM{g}" for g in range(N_GENES)]
SAMPLES = [f"GTEX-{s % 9}-{s}" for s in range(N_SAMPLES)]


@pytest.fixture
def values() -> FloatArray:
    """Expression, ``(genes, samples)``."""
    rng = np.random.default_rng(3)
    scale = rng.uniform(0.2, 2, (N_GENES, 1))
    return np.round(np.exp(rng.normal(2, scale, (N_GENES, N_SAMPLES))), 3).astype(np.float32)


def write_gct(path: Path, values: FloatArray, ids: list[str] = IDS, symbols: list[str] = SYMBOLS) -> Path:
    rows = [
        "\t".join([gene, symbol, *(f"{value:.9g}" for value in row)])
        for gene, symbol, row in zip(ids, symbols, values, strict=True)
    ]
    header = "\t".join(["Name", "Description", *SAMPLES[: values.shape[1]]])
    text = "\n".join(["#1.2", f"{len(rows)}\t{values.shape[1]}", header, *rows]) + "\n"
    with gzip.open(path, "wb", compresslevel=1) as handle:
        handle.write(text.encode())
    return path


def write_csv(path: Path, values: FloatArray) -> Path:
    """Write the same with samples in rows."""
    pd.DataFrame(values.T, index=pd.Index(SAMPLES, name="sample_id"), columns=IDS).to_csv(path)
    return path


def samples_table() -> pd.DataFrame:
    columns: dict[str, Any] = {"sample_id": SAMPLES, "donor_id": [name[:6] for name in SAMPLES]}
    columns |= {"tissue": "Lung", "subtissue": None, "sex": "female", "age": "50-59"}
    return pd.DataFrame(columns).astype("str")


def choice(keep: list[int] | None = None, drops: list[Drop] | None = None) -> SampleChoice:
    index = np.arange(N_SAMPLES) if keep is None else np.array(keep)
    return SampleChoice(index, samples_table().iloc[index].reset_index(drop=True), drops or [])


def prepare_file(expression: Path, path: Path, *, keep: list[int] | None = None, **select: Any) -> PreparedStore:
    source = open_source(expression, sample_ids=SAMPLES)
    return prepare_store(source, choice(keep), GeneSelector(**select), path, units="TPM", row_group_rows=7)


@pytest.fixture(params=["gct", "large gct", "csv"])
def expression(
    request: pytest.FixtureRequest, tmp_path: Path, values: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Write an expression file; nothing of a large one may wait in memory."""
    if request.param == "large gct":
        monkeypatch.setattr(prepare, "SPOOL_BYTES", 1000)
    if "gct" in request.param:
        return write_gct(tmp_path / "gene_tpm.gct.gz", values)
    return write_csv(tmp_path / "table.csv", values)


def test_every_gene(tmp_path: Path, expression: Path, values: FloatArray) -> None:
    prepared = prepare_file(expression, tmp_path / "store")
    store = prepared.store
    assert prepared.dropped == []
    np.testing.assert_array_equal(store.read(), values.T)
    assert store.genes["gene_id"].tolist() == [gene.split(".")[0] for gene in IDS]
    assert store.genes["version"].tolist() == [str(g) for g in range(N_GENES)]
    assert store.samples["sample_id"].tolist() == SAMPLES


def test_chosen_samples_and_genes(tmp_path: Path, expression: Path, values: FloatArray) -> None:
    (tmp_path / "genes.txt").write_text("\n".join([*(gene.split(".")[0] for gene in IDS[5:15]), "NOTHERE"]))
    keep = [1, 4, 5, 20, 29]
    prepared = prepare_file(expression, tmp_path / "store", keep=keep, genes=tmp_path / "genes.txt")
    np.testing.assert_array_equal(prepared.store.read(), values[5:15][:, keep].T)
    assert [(drop.count, drop.why) for drop in prepared.dropped] == [
        (1, "asked for in genes.txt, not in the expression file"),
        (30, "not in genes.txt"),
    ]
    manifest = json.loads((prepared.store.path / "store.json").read_text())
    assert [drop["count"] for drop in manifest["dropped"]] == [1, 30]


@pytest.mark.parametrize("read_genes", [7, 512])
def test_top_variance_over_kept_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expression: Path, values: FloatArray, read_genes: int
) -> None:
    monkeypatch.setattr(prepare, "READ_GENES", read_genes)
    monkeypatch.setattr(prepare, "READ_VALUES", 5 * N_GENES)
    keep = list(range(0, N_SAMPLES, 2))
    kept = values[:, keep]
    store = prepare_file(expression, tmp_path / "store", keep=keep, top_variance=11, min_expression=5).store
    mean, variance = kept.mean(axis=1), np.log2(kept.astype(np.float64) + 1).var(axis=1)
    candidates = np.flatnonzero(mean >= 5)
    best = np.sort(candidates[np.argsort(-variance[candidates])][:11])
    np.testing.assert_array_equal(store.read(), kept[best].T)
    assert not list(tmp_path.glob(".*")), "the temporary file is gone"


def test_shared_symbols_and_repeated_ids(tmp_path: Path, values: FloatArray) -> None:
    ids, symbols = list(IDS), list(SYMBOLS)
    symbols[30] = symbols[2] = "Y_RNA"  # two genes of one symbol, far apart
    ids[35] = "ENSG00000000004.9"  # the gene of row 4 again, with a higher mean
    values[35] = values[4] + 1
    store = prepare_file(write_gct(tmp_path / "a.gct.gz", values, ids, symbols), tmp_path / "store").store
    assert [label for label in store.labels if "Y_RNA" in label] == [
        "Y_RNA_ENSG00000000002",
        "Y_RNA_ENSG00000000030",
    ]
    rows = [row for row in range(N_GENES) if row != 4]
    np.testing.assert_array_equal(store.read(), values[rows].T)


def test_par_y_is_another_gene(tmp_path: Path, values: FloatArray) -> None:
    ids = ["ENSG00000002586.18", "ENSG00000002586.18_PAR_Y", *IDS[2:]]
    symbols = ["CD99", "CD99", *SYMBOLS[2:]]
    store = prepare_file(write_gct(tmp_path / "a.gct.gz", values, ids, symbols), tmp_path / "store").store
    assert store.labels[:2] == ["CD99_ENSG00000002586", "CD99_ENSG00000002586_PAR_Y"]
    assert store.n_genes == N_GENES


def test_the_source_is_recorded(tmp_path: Path, values: FloatArray) -> None:
    path = write_gct(tmp_path / "gene_tpm.gct.gz", values)
    table = tmp_path / "samples.txt"
    table.write_text("SAMPID\n")
    prepare_store(
        open_source(path),
        choice(drops=[Drop("samples", "without a tissue", 2, ["a", "b"])]),
        GeneSelector(),
        tmp_path / "store",
        units="TPM",
        files=[table],
        origin={"release": "v8"},
    )
    manifest = json.loads((tmp_path / "store" / "store.json").read_text())
    assert manifest["source"]["release"] == "v8"
    assert manifest["source"]["files"] == {
        str(file): {
            "size": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        for file in (path, table)
    }
    assert manifest["dropped"][0]["why"] == "without a tissue"


def test_taken_folder_is_refused(tmp_path: Path, expression: Path) -> None:
    first = prepare_file(expression, tmp_path / "store").store.fingerprint
    with pytest.raises(StoreError, match="overwrite=true"):
        prepare_file(expression, tmp_path / "store", top_variance=3)
    assert ExpressionStore.open(tmp_path / "store").fingerprint == first


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("spool_bytes", [1000, 2**27])
@pytest.mark.parametrize("select", [{}, {"top_variance": 5}])
def test_malformed_file_leaves_no_store(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    values: FloatArray,
    select: dict[str, Any],
    spool_bytes: int,
) -> None:
    monkeypatch.setattr(prepare, "SPOOL_BYTES", spool_bytes)
    values[-1, 3] = -1
    path = write_gct(tmp_path / "a.gct.gz", values)
    with pytest.raises(DataError, match=rf"a\.gct\.gz, line 43, column '{SAMPLES[3]}': '-1' is not"):
        prepare_file(path, tmp_path / "store", **select)
    assert names(tmp_path) == ["a.gct.gz"]


def test_truncated_file_leaves_no_store(tmp_path: Path, values: FloatArray) -> None:
    path = write_gct(tmp_path / "a.gct.gz", values)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="truncated"):
        prepare_file(path, tmp_path / "store")
    assert names(tmp_path) == ["a.gct.gz"]


def test_no_gene_left(tmp_path: Path, expression: Path) -> None:
    with pytest.raises(DataError, match="no gene is left"):
        prepare_file(expression, tmp_path / "store", min_expression=1e9)
    assert names(tmp_path) == [expression.name]


PREPARE = """
import sys
import numpy as np, pandas as pd
from gtexgen.data import prepare
from gtexgen.data.gene_selection import GeneSelector
from gtexgen.data.selection import SampleChoice
from gtexgen.data.formats.sources import open_source
from gtexgen.errors import DataError

expression, store, select = sys.argv[1:4]
prepare.SPOOL_BYTES = int(sys.argv[4]) if len(sys.argv) > 4 else prepare.SPOOL_BYTES
source = open_source(expression)
names = source.sample_ids
table = pd.DataFrame({"sample_id": names, "donor_id": names, "tissue": "Lung"})
for column in ("subtissue", "sex", "age"):
    table[column] = pd.Series(None, index=table.index, dtype="str")
selector = GeneSelector(**eval(select))
try:
    choice = SampleChoice(np.arange(len(names)), table, [])
    prepare.prepare_store(source, choice, selector, store, units="TPM")
except DataError as error:
    sys.exit(str(error))
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def wide_gct(path: Path, n_genes: int, n_samples: int) -> Path:
    """Write a GCT of many values; a few distinct rows, repeated."""
    rng = np.random.default_rng(0)
    rows = ["\t".join(f"{value:.4g}" for value in rng.gamma(1, 50, n_samples)) for _ in range(20)]
    header = "\t".join(["Name", "Description", *(f"GTEX-{s}-{s}" for s in range(n_samples))])
    with igzip.open(path, "wt", compresslevel=0) as handle:  # type: ignore[no-untyped-call]  # faster than gzip
        handle.write(f"#1.2\n{n_genes}\t{n_samples}\n{header}\n")
        for gene in range(n_genes):
            handle.write(f"ENSG{gene:011d}.1\tSYM{gene}\t{rows[gene % 20]}\n")
    return path


@pytest.mark.parametrize("select", [{}, {"top_variance": 500}], ids=["in the store", "in the waiting genes"])
def test_full_disk_leaves_nothing(tmp_path: Path, select: dict[str, int]) -> None:
    expression = wide_gct(tmp_path / "a.gct.gz", 600, 600)
    done = subprocess.run(
        [sys.executable, "-c", PREPARE, str(expression), str(tmp_path / "store"), repr(select), "1000"],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000)),
    )
    assert done.returncode == 1
    assert f"{tmp_path / 'store'}: the disk is full" in done.stderr, done.stderr
    assert "Remedy: free some space" in done.stderr
    assert names(tmp_path) == ["a.gct.gz"]


def test_killed_prepare_leaves_no_store_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    expression = wide_gct(tmp_path / "a.gct.gz", 3000, 2000)
    command = [sys.executable, "-c", PREPARE, str(expression), str(tmp_path / "store")]
    with subprocess.Popen([*command, "{}"]) as process:
        while not list(tmp_path.glob(".store.partial-*/expression/*")):
            assert process.poll() is None, "it must be killed at work"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    (left,) = tmp_path.glob(".store.partial-*")
    assert names(tmp_path) == [left.name, "a.gct.gz"]
    subprocess.run([*command, "{'top_variance': 10}"], check=True)
    assert names(tmp_path) == ["a.gct.gz", "store"]
    assert ExpressionStore.open(tmp_path / "store").n_genes == 10


def test_real_files(tmp_path: Path, real_data: Path) -> None:
    folder = real_data / "gtex_v6_small"
    source = open_source(folder / "gtex_v6_small_gene_rpkm.gct.gz")
    table = read_samples(
        folder / "gtex_v6_small_SampleAttributesDS.txt",
        subjects=folder / "gtex_v6_small_SubjectPhenotypesDS.txt",
    )
    chosen = select_samples(table, source.sample_ids, tissues=["Lung", "Liver"])
    store = prepare_store(source, chosen, GeneSelector(), tmp_path / "store", units="RPKM").store
    assert set(store.samples["tissue"]) == {"Lung", "Liver"}
    assert (store.n_samples, store.n_genes) == (len(chosen.index), 523)
    everything = prepare_store(
        source, SampleChoice(np.arange(872), table, []), GeneSelector(), tmp_path / "all", units="RPKM"
    )
    np.testing.assert_array_equal(store.read(), everything.store.read(chosen.index))


@pytest.mark.slow
def test_memory_does_not_grow_with_genes(tmp_path: Path) -> None:
    peaks: list[float] = []
    few, many = (wide_gct(tmp_path / f"{n_genes}.gct.gz", n_genes, 17_382) for n_genes in (2000, 4400))
    for expression, select in [(few, "{}"), (many, "{}"), (many, "{'top_variance': 1000}")]:
        store = tmp_path / f"store{len(peaks)}"
        command = [sys.executable, "-c", PREPARE, str(expression), str(store), select]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        peaks.append(int(done.stdout) / 1024)
    assert max(peaks) < 1024, "MiB, of 2,048 allowed"
    assert peaks[1] < peaks[0] + 60, "the 2,400 genes more are 160 MiB of float32"
