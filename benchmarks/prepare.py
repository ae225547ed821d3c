"""Time and memory of `gtexgen-prepare` on a GCT of GTEx v8's width, against its bounds.

The bounds: (prepare - Parquet write) / (gzip -dc) at most 2.5, peak memory below 2 GiB whatever the number of
genes. Prepare is a process of its own, its start and imports included; each figure is the least of the repeats.

    python benchmarks/prepare.py --genes 1000 3000
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

N_SAMPLES = 17_382
BLOCK_GENES, ROW_GROUP_ROWS = 512, 2048
EXPONENTS = range(-3, 6)

PREPARE = """
import sys
import numpy as np, pandas as pd
from gtexgen.data.gene_selection import GeneSelector
from gtexgen.data.prepare import prepare_store
from gtexgen.data.selection import SampleChoice
from gtexgen.data.formats.sources import open_source

source = open_source(sys.argv[1])
names = source.sample_ids
columns = ["sample_id", "donor_id", "tissue", "subtissue", "sex", "age"]
table = pd.DataFrame(dict.fromkeys(columns, names))
choice = SampleChoice(np.arange(len(names)), table, [])
prepare_store(source, choice, GeneSelector(), sys.argv[2], units="TPM", overwrite=True)
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def simulate(n_genes: int) -> npt.NDArray[np.int64]:
    """Draw TPM-like values of four significant digits, as their places in `spellings`, ``(genes, samples)``."""
    rng = np.random.default_rng(0)
    places = np.zeros((n_genes, N_SAMPLES), dtype=np.int64)
    for row in places:
        level = rng.normal(1.5, 2.5)
        values = np.exp(rng.normal(level, 1, N_SAMPLES)).clip(1.1e-3, 9e5)
        exponent = np.floor(np.log10(values)).astype(np.int64)
        mantissa = np.clip(np.rint(values / 10.0 ** (exponent - 3)), 1000, 9999).astype(np.int64)
        expressed = rng.random(N_SAMPLES) > 1 / (1 + np.exp(level + 1))
        row[expressed] = 1 + ((exponent - EXPONENTS[0]) * 9000 + mantissa - 1000)[expressed]
    return places


def spellings() -> list[str]:
    """Every value that `simulate` can draw, as GTEx writes it."""
    return ["0", *(f"{m * 10.0 ** (e - 3):.4g}" for e in EXPONENTS for m in range(1000, 10_000))]


def write_gct(path: Path, places: npt.NDArray[np.int64]) -> None:
    words = np.array(spellings(), dtype=object)
    with path.open("w") as handle:
        handle.write(f"#1.2\n{len(places)}\t{N_SAMPLES}\nName\tDescription\t")
        handle.write("\t".join(f"GTEX-{s:05d}-0226-SM-{s:05X}" for s in range(N_SAMPLES)) + "\n")
        for gene, row in enumerate(places):
            handle.write(f"ENSG{gene:011d}.{gene % 20}\tGENE{gene}\t" + "\t".join(words[row]) + "\n")


def write_parquet(folder: Path, values: npt.NDArray[np.float32]) -> None:
    """Write the store's Parquet files and nothing else: no checksums, no flush to disk."""
    for start in range(0, len(values), BLOCK_GENES):
        block = values[start : start + BLOCK_GENES]
        table = pa.Table.from_arrays([pa.array(row) for row in block], names=[f"G{g}" for g in range(len(block))])
        pq.write_table(
            table,
            folder / f"{start}.parquet",
            row_group_size=ROW_GROUP_ROWS,
            compression="snappy",
            use_dictionary=False,
            write_statistics=False,
        )


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def prepare(expression: Path, store: Path) -> float:
    """Run prepare in a process of its own and return its peak memory in MiB.

    The process tells its own peak: what `os.wait4` reports starts from the memory of this one.
    """
    command = [sys.executable, "-c", PREPARE, str(expression), str(store)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return int(done.stdout) / 1024


def measure(n_genes: int, repeats: int, folder: Path) -> None:
    places = simulate(n_genes)
    expression = folder / "gene_tpm.gct"
    write_gct(expression, places)
    subprocess.run(["gzip", "-f", expression], check=True)
    expression = expression.with_name("gene_tpm.gct.gz")
    values = np.array(spellings(), dtype=np.float32)[places]
    del places
    peaks: list[float] = []
    times = []
    gzip = ["gzip", "-dc", str(expression)]
    for _ in range(repeats):
        unzip = seconds(lambda: subprocess.run(gzip, check=True, stdout=subprocess.DEVNULL))
        parquet = seconds(lambda: write_parquet(folder, values))
        prepared = seconds(lambda: peaks.append(prepare(expression, folder / "store")))
        times.append((unzip, parquet, prepared))
    unzip, parquet, prepared = np.min(times, axis=0).tolist()
    print(
        f"{n_genes:>6,} genes: gzip -dc {unzip:.2f} s, Parquet {parquet:.2f} s, prepare {prepared:.2f} s, "
        f"ratio {(prepared - parquet) / unzip:.2f} (at most 2.5), peak {max(peaks):,.0f} MiB (below 2,048)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genes", type=int, nargs="+", default=[1000, 3000])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    for n_genes in arguments.genes:
        with tempfile.TemporaryDirectory() as folder:
            measure(n_genes, arguments.repeats, Path(folder))


if __name__ == "__main__":
    main()
