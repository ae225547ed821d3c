"""Time and memory of `gtexgen-evaluate` at GTEx v8's size, against its bounds: ten minutes and 4 GiB on two cores.

The store and the table are two simulated cohorts of 17,000 samples of 1,000 genes; the table's cohort has other donors.

    python benchmarks/evaluation.py
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from gtexgen.data.store import ExpressionStore


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=17_000)
    parser.add_argument("--genes", type=int, default=1_000)
    parser.add_argument("--donors", type=int, default=948)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for store, seed in {"real": 0, "synthetic": 1}.items():
            prepare(folder / store, arguments, seed)
        table = as_table(folder / "synthetic", folder / "synthetic.parquet")
        report(folder, table)


def prepare(store: Path, arguments: argparse.Namespace, seed: int) -> None:
    """Make a store of a simulated cohort."""
    sizes = [f"data.{key}={getattr(arguments, key)}" for key in ("samples", "genes", "donors")]
    subprocess.run(["gtexgen-prepare", "data=demo", *sizes, f"data.seed={seed}", f"store={store}"], check=True)


def as_table(store: Path, path: Path) -> Path:
    """Write the samples of a store as another tool would write them."""
    import pandas as pd

    opened = ExpressionStore.open(store)
    expression = pd.DataFrame(opened.read(), columns=opened.labels)
    pd.concat([opened.samples[["tissue", "subtissue", "sex", "age"]], expression], axis=1).to_parquet(path)
    return path


def report(folder: Path, table: Path) -> None:
    """Evaluate in a process of its own; print its time, and its peak memory if no child before it had more."""
    start = time.perf_counter()
    subprocess.run(
        ["gtexgen-evaluate", f"synthetic={table}", f"store={folder / 'real'}", f"output={folder / 'report'}"],
        check=True,
    )
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"{seconds:.0f} s (at most 600), peak {peak:.2f} GiB (below 4)")


if __name__ == "__main__":
    main()
