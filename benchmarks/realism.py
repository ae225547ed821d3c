"""Heads, baselines and what each part adds, side by side: how real, useful and private they are on held-out donors.

Each row is trained with each seed by ``gtexgen-train`` (the seed also divides the donors) and scored by
``benchmarks/realism_scores.py``; what is already in OUTPUT is not done again, so another store, --draws or --others
wants another OUTPUT. The table has the mean over seeds and half the range, in Markdown; OUTPUT also gets
``figures.csv`` with every figure of every seed, and ``frontier.svg``.

usage: python benchmarks/realism.py STORE OUTPUT [--rows cvae "class Gaussian" ...] [--seeds 0 1 2]
       [--draws 3] [--jobs 2] [--others STORE]

On a machine with a GPU use --jobs 1, so that runs do not share it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
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
CONDITIONS = {"cvae, by subtissue, age and sex": ["condition=subtissue_age_sex"]}
ABLATIONS = {
    "cvae, no shared noise": ["model.residual_factors=0"],
    "cvae, no calibration": ["calibration=none"],
    "cvae, one Gaussian a tissue": ["prior=fitted_gaussian"],
    "cvae, N(0, I)": ["prior=standard_normal"],
    "cvae, one scale a gene": ["likelihood.by_condition=false"],
    "cvae, dropout .1": ["model.dropout=0.1"],
}
ROWS = BASELINES | HEADS | CONDITIONS | ABLATIONS
METRICS = {
    "coverage": "coverage",
    "precision": "precision",
    "recall": "recall",
    "adversarial_accuracy": "adversarial",
    "coverage_in_genes": "coverage, all genes",
    "adversarial_accuracy_in_genes": "adversarial, all genes",
    "detection_auc": "detection",
    "detection_mixed": "detection, donors mixed",
    "frechet_ratio": "Frechet / real's own",
    "correlation_score": "correlation",
    "sd_ratio": "SD ratio",
    "wasserstein": "W1",
    "tissue_transfer": "tissue TSTR",
    "subtissue_transfer": "subtissue TSTR",
    "sex_transfer": "sex TSTR",
    "age_transfer": "age TSTR",
    "membership_auc": "membership",
    "domias_auc": "DOMIAS",
    "copies": "copies",
    "within_donor_mean": "within donors",
}
REAL = "real samples of other donors"
MARKERS = {"*": [REAL], "s": [*BASELINES], "o": [*HEADS], "D": [*CONDITIONS], "^": [*ABLATIONS]}
OUTSIDE = ("bootstrap with noise", "cvae, original project")
"""Rows so far away that the others would lie on top of each other."""


def main() -> None:
    """Do what is missing and print the table."""
    arguments = parse_arguments()
    todo = list(product(arguments.seeds, arguments.rows))
    with ThreadPoolExecutor(arguments.jobs) as executor:
        list(executor.map(lambda each: run(each[1], each[0], arguments), todo))
    figures = pd.DataFrame([row for seed, name in todo for row in scored(name, seed, arguments)])
    figures = figures.drop_duplicates(["row", "seed"]).reindex(columns=["row", "seed", *METRICS])
    figures.to_csv(arguments.output / "figures.csv", index=False)
    draw_frontier(figures, arguments.output / "frontier.svg")
    print(markdown(table(figures)))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, help="what gtexgen-prepare wrote")
    parser.add_argument("output", type=Path, help="a folder for runs, scores, figures.csv and frontier.svg")
    rows = f"all by default: {'; '.join(ROWS)}"
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=rows)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="0 1 2 by default")
    parser.add_argument(
        "--draws", type=int, default=3, help="tables drawn of each generator, whose scores are averaged; 3 by default"
    )
    parser.add_argument("--jobs", type=int, default=2, help="how many run at a time; 2 by default")
    parser.add_argument(
        "--others", type=Path, help="a store whose donors judge instead, but those trained on or stopped by"
    )
    return parser.parse_args()


def folder_of(name: str, seed: int, arguments: argparse.Namespace) -> Path:
    """Give the folder of a row and seed."""
    output: Path = arguments.output
    return output.resolve() / name.replace(",", "").replace(" ", "_") / str(seed)


def run(name: str, seed: int, arguments: argparse.Namespace) -> None:
    """Train and score a row with a seed, unless it is there."""
    folder = folder_of(name, seed, arguments)
    if (folder / "scores.json").exists():
        return
    if not (folder / "run" / "generator").exists():
        shutil.rmtree(folder / "run", ignore_errors=True)
        quiet = [] if name in BASELINES else ["trainer.progress_bar=false"]
        settings = [f"store={arguments.store}", f"seed={seed}", "logger=none", f"hydra.run.dir='{folder / 'run'}'"]
        train = Path(sys.executable).with_name("gtexgen-train")
        call(train, *ROWS[name], *quiet, *settings, jobs=arguments.jobs)
    scoring = Path(__file__).with_name("realism_scores.py")
    files = folder / "run", folder / "scores.json"
    others = [] if arguments.others is None else ["--others", arguments.others]
    call(sys.executable, scoring, *files, "--draws", str(arguments.draws), *others, jobs=arguments.jobs)
    print(f"done: {name}, seed {seed}", file=sys.stderr, flush=True)


def call(*command: str | Path, jobs: int) -> None:
    """Run a command, with one thread where several run at a time."""
    environment = os.environ | ({"OMP_NUM_THREADS": "1"} if jobs > 1 else {})
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


def scored(name: str, seed: int, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Give the figures of a row and seed and, from the same run, those of real samples of other donors."""
    found = json.loads((folder_of(name, seed, arguments) / "scores.json").read_text(encoding="utf-8"))
    real = found["real"]["frechet_distance"]
    rows = ((name, found["generator"]), (REAL, found["real"]))
    return [{"row": row, "seed": seed, "frechet_ratio": of["frechet_distance"] / real, **of} for row, of in rows]


def table(figures: pd.DataFrame) -> pd.DataFrame:
    """Give the mean over seeds of each figure, and half its range."""
    by_row = figures.groupby("row", sort=False)[list(METRICS)]
    mean, half = by_row.mean(), (by_row.max() - by_row.min()) / 2
    spread = " ± " + half.map("{:.3f}".format) if by_row.size().max() > 1 else ""
    cells = mean.map("{:.3f}".format) + spread
    return cells.where(mean.notna(), "").rename(columns=METRICS)


def markdown(cells: pd.DataFrame) -> str:
    """Lay a table of text out in Markdown."""
    lines = [
        ["row", *cells.columns],
        ["---"] * (1 + cells.shape[1]),
        *([name, *row] for name, *row in cells.itertuples()),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def draw_frontier(figures: pd.DataFrame, path: Path) -> None:
    """Draw realism against privacy: coverage and detection of each row against membership inference."""
    from matplotlib.figure import Figure

    mean = figures.groupby("row")[list(METRICS)].mean().drop(index=[*OUTSIDE], errors="ignore")
    canvas = Figure(figsize=(12, 4.8), layout="constrained")
    left, right = canvas.subplots(1, 2)
    for axes, metric, good in ((left, "coverage", "high"), (right, "detection_mixed", "low")):
        for marker, rows in MARKERS.items():
            for number, row in enumerate(row for row in rows if row in mean.index):
                colour = "black" if row == REAL else f"C{number}"
                place = mean.loc[row, "membership_auc"], mean.loc[row, metric]
                axes.plot(*place, marker, color=colour, markersize=8, label=row)
        axes.set_xlabel("membership inference by distance, AUC (low is private)")
        axes.set_ylabel(f"{METRICS[metric]} ({good} is real)")
    canvas.legend(*left.get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    canvas.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
