"""Heads, likelihoods and priors side by side on one store: what each keeps of held-out donors.

Each row is a run of ``gtexgen-train`` with the options named, in a folder of its own, and is not trained again if it is
already there. The figures are of donors that no run was trained on: the validation part for the ELBO and the variance
kept, the part named by ``--part`` for the donors.

usage: python benchmarks/family.py STORE OUTPUT [--rows cvae low_rank ...] [--part validation] [--jobs 1]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.data.loaders import RowGroupReader
from gtexgen.data.store import ExpressionStore
from gtexgen.evaluation.donors import completion_r2, correlation_agreement, within_donor_correlation
from gtexgen.generator import Generator

ROWS = {
    "cvae": [],
    "beta 4": ["model=beta_vae"],
    "capacity 25": ["model=beta_vae", "model/objective=capacity"],
    "total correlation": ["model=beta_vae", "model/objective=total_correlation"],
    "correlated": ["model=correlated_vae"],
    "correlated posteriors": ["model=correlated_vae", "model.head.posterior=correlated"],
    "by condition": ["likelihood.by_condition=true"],
    "optimal gaussian": ["likelihood=optimal_gaussian"],
    "computed gamma": ["likelihood=computed_gamma"],
    "low rank": ["likelihood=low_rank"],
    "hurdle": ["likelihood=hurdle_gaussian"],
    "hurdle low rank": ["likelihood=hurdle_low_rank"],
    "correlated, hurdle low rank": ["model=correlated_vae", "likelihood=hurdle_low_rank"],
    "standard normal": ["prior=standard_normal"],
    "conditional gaussian": ["prior=conditional_gaussian"],
    "fitted mixture": ["prior=fitted_mixture"],
    "fitted flow": ["prior=fitted_flow"],
    "original project": ["experiment=original_project", "prior=standard_normal"],
}
LEAST_DONORS = 5
Table = npt.NDArray[np.float64]


def main() -> None:
    """Train what is missing and print the table."""
    arguments = parse_arguments()
    with ThreadPoolExecutor(arguments.jobs) as executor:
        list(executor.map(lambda row: train(row, arguments), arguments.rows))
    store = ExpressionStore.open(arguments.store)
    figures = pd.DataFrame({row: judge(folder_of(row, arguments), store, arguments.part) for row in arguments.rows}).T
    print(figures.to_string(float_format="{:.3f}".format))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--part", choices=["validation", "test"], default="validation")
    parser.add_argument("--jobs", type=int, default=1)
    return parser.parse_args()


def folder_of(row: str, arguments: argparse.Namespace) -> Path:
    """Give the run folder of a row."""
    output: Path = arguments.output
    return output.resolve() / row.replace(",", "").replace(" ", "_")


def train(row: str, arguments: argparse.Namespace) -> None:
    """Train a row that is not there yet."""
    folder = folder_of(row, arguments)
    if (folder / "generator").exists():
        return
    script = Path(sys.executable).with_name("gtexgen-train")
    settings = [f"store={arguments.store}", "seed=1", "trainer.progress_bar=false", f"hydra.run.dir='{folder}'"]
    environment = os.environ | ({"OMP_NUM_THREADS": "1"} if arguments.jobs > 1 else {})
    subprocess.run([script, *ROWS[row], *settings], env=environment, check=True, stdout=subprocess.DEVNULL)
    print(f"trained: {row}", file=sys.stderr, flush=True)


def judge(run: Path, store: ExpressionStore, part: str) -> dict[str, float]:
    """Give a row's figures."""
    generator = Generator.load(run)
    names = {"elbo": "val/elbo", "variance kept": "val/variance_kept", "within": "val/variance_kept_within"}
    figures = {name: generator.metrics[key] for name, key in names.items()}
    rows = generator.split.indices(part)  # type: ignore[arg-type]
    samples = store.samples.iloc[rows].reset_index(drop=True)
    real = np.log2(RowGroupReader(store, rows).read_all().double().numpy() + 1)
    drawn = generator.sample_donors(300, seed=1)
    synthetic = np.log2(drawn[generator.labels].to_numpy(np.float64) + 1)
    figures["zeros"] = float((synthetic == 0).mean())
    of_real = within_donor_correlation(real, samples["donor_id"], samples["tissue"])
    of_drawn = within_donor_correlation(synthetic, drawn["donor_id"], drawn["tissue"])
    figures["zeros, real"] = float((real == 0).mean())
    figures["donor r"] = float(np.nanmean(of_drawn))
    figures["donor r, real"] = float(np.nanmean(of_real))
    figures["agreement"] = correlation_agreement(of_real, of_drawn)
    by_tissue = complete(generator, store, samples, real)
    figures["completion R2"] = float(np.median(list(by_tissue.values())))
    print(run.name, {tissue: round(value, 3) for tissue, value in by_tissue.items()}, file=sys.stderr, flush=True)
    return figures


def complete(generator: Generator, store: ExpressionStore, samples: pd.DataFrame, real: Table) -> dict[str, float]:
    """Hide one tissue after another of the donors who have it, complete it, and give R^2 over the tissue mean."""
    donors = samples.groupby("tissue")["donor_id"].nunique()
    means = training_means(generator, store)
    table = pd.DataFrame(np.exp2(real) - 1, columns=generator.labels).astype(np.float32)
    table.insert(0, "tissue", samples["tissue"])
    table.insert(0, "donor_id", samples["donor_id"])
    table.insert(0, "sample_id", samples["sample_id"])
    scores: dict[str, float] = {}
    for tissue in donors.index[donors >= LEAST_DONORS]:
        hidden = samples["tissue"] == tissue
        known = table[~hidden & samples["donor_id"].isin(samples["donor_id"][hidden])]
        drawn = generator.complete(known, [tissue], draws=20, seed=1)
        guess = pd.DataFrame(np.log2(drawn[generator.labels] + 1)).groupby(drawn["donor_id"]).mean()
        asked = hidden & samples["donor_id"].isin(guess.index)
        truth, best = real[asked], guess.loc[samples["donor_id"][asked]].to_numpy()
        mean = np.broadcast_to(means.loc[tissue].to_numpy(), truth.shape)
        scores |= completion_r2(truth, best, mean, samples["tissue"][asked])
    return scores


def training_means(generator: Generator, store: ExpressionStore) -> pd.DataFrame:
    """Give the mean of log2(x + 1) of each tissue among the training samples."""
    rows = generator.split.indices("train")
    expression = pd.DataFrame(np.log2(RowGroupReader(store, rows).read_all().numpy() + 1))
    return expression.groupby(store.samples["tissue"].to_numpy()[rows]).mean()


if __name__ == "__main__":
    main()
