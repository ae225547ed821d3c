"""Heads, baselines and what each part adds, side by side: how real, useful and private they are on held-out donors.

Each row is trained with each seed by ``gtexgen-train`` (the seed also divides the donors) and judged by
``gtexgen-evaluate``; what is already in OUTPUT is not done again. The table has the mean over seeds and half the range;
``figures.csv`` in OUTPUT has all of it.

usage: python benchmarks/realism.py STORE OUTPUT [--rows cvae "class Gaussian" ...] [--seeds 0 1 2] [--jobs 2]

On a machine with a GPU use --jobs 1, so that runs do not share it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

BASELINES = {
    "class Gaussian": ["model=class_gaussian"],
    "class Gaussian by subtissue": ["model=class_gaussian", "condition=subtissue"],
    "Gaussian copula": ["model=gaussian_copula"],
    "Gaussian copula by subtissue": ["model=gaussian_copula", "condition=subtissue"],
    "bootstrap with noise": ["model=noisy_bootstrap"],
}
HEADS = {
    "cvae": [],
    "beta_vae": ["model=beta_vae"],
    "correlated_vae": ["model=correlated_vae"],
    "cvae, original project": ["experiment=original_project"],
}
ABLATIONS = {
    "cvae, normal scores": ["scaling=normal_scores"],
    "cvae, no calibration": ["calibration=none"],
    "cvae, one Gaussian a tissue": ["prior=fitted_gaussian"],
    "cvae, one scale a gene": ["likelihood.by_condition=false"],
    "cvae, 20 latents": ["model.latent=20"],
    "cvae, constant rate": ["trainer.schedule=constant", "trainer.max_epochs=500", "trainer.weight_decay=0"],
}
ROWS = BASELINES | HEADS | ABLATIONS
METRICS = [
    "coverage",
    "precision",
    "recall",
    "adversarial_accuracy",
    "detection_auc",
    "frechet_distance",
    "correlation_score",
    "variance_ratio",
    "wasserstein",
    "tissue_transfer",
    "membership_auc",
    "domias_auc",
    "copies",
]
REAL = "real samples of other donors"


def main() -> None:
    """Do what is missing and print the table."""
    arguments = parse_arguments()
    todo = list(product(arguments.seeds, arguments.rows))
    with ThreadPoolExecutor(arguments.jobs) as executor:
        list(executor.map(lambda each: run(each[1], each[0], arguments), todo))
    figures = pd.DataFrame([row for seed, name in todo for row in judged(name, seed, arguments)])
    figures.to_csv(arguments.output / "figures.csv", index=False)
    print(table(figures).to_string())


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=2)
    return parser.parse_args()


def folder_of(name: str, seed: int, arguments: argparse.Namespace) -> Path:
    """Give the folder of a row and seed."""
    output: Path = arguments.output
    return output.resolve() / name.replace(",", "").replace(" ", "_") / str(seed)


def run(name: str, seed: int, arguments: argparse.Namespace) -> None:
    """Train and judge a row with a seed, unless it is there."""
    folder = folder_of(name, seed, arguments)
    if (folder / "report" / "metrics.json").exists():
        return
    if not (folder / "run" / "generator").exists():
        quiet = [] if name in BASELINES else ["trainer.progress_bar=false"]
        settings = [f"store={arguments.store}", f"seed={seed}", "logger=none", f"hydra.run.dir='{folder / 'run'}'"]
        call("gtexgen-train", *ROWS[name], *quiet, *settings, jobs=arguments.jobs)
    judge = [f"generator='{folder / 'run'}'", f"output='{folder / 'report'}'", "condition=tissue", "baselines=[]"]
    call("gtexgen-evaluate", *judge, "seeds=1", "resamples=0", "overwrite=true", jobs=arguments.jobs)
    print(f"done: {name}, seed {seed}", file=sys.stderr, flush=True)


def call(script: str, *arguments: str, jobs: int) -> None:
    """Run a console script, with one thread where several run at a time."""
    environment = os.environ | ({"OMP_NUM_THREADS": "1"} if jobs > 1 else {})
    path = Path(sys.executable).with_name(script)
    subprocess.run([path, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)


def judged(name: str, seed: int, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Give the figures of a row and seed and, from the same run, those of real samples of other donors."""
    found = json.loads((folder_of(name, seed, arguments) / "report" / "metrics.json").read_text(encoding="utf-8"))
    subject, real, *_ = found["candidates"]
    names = {subject: name, real: REAL}
    return [
        {"row": row, "seed": seed, **{metric: found["scores"][metric][key].get("value") for metric in METRICS}}
        for key, row in names.items()
    ]


def table(figures: pd.DataFrame) -> pd.DataFrame:
    """Give the mean over seeds of each figure, and half its range."""
    by_row = figures.drop_duplicates(["row", "seed"]).groupby("row", sort=False)[METRICS]
    mean, half = by_row.mean(), (by_row.max() - by_row.min()) / 2
    return mean.map("{:.3f}".format) + " ± " + half.map("{:.3f}".format)


if __name__ == "__main__":
    main()
