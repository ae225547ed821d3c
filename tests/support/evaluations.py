"""A made-up evaluation with every metric, and what its figures show."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gtexgen.evaluation.catalogue import METRICS, Metric
from gtexgen.evaluation.results import REAL, SUBJECT, Evaluation
from gtexgen.evaluation.scores import Score, Undefined
from gtexgen.report.graphics import Correlations, Graphics
from gtexgen.report.gtex_colours import TISSUES

__all__ = ["CANDIDATES", "NO_DONORS", "make_evaluation", "make_graphics", "make_scores", "small_evaluation"]

CANDIDATES = {
    SUBJECT: "cvae",
    REAL: "Real samples",
    "class_gaussian": "Class Gaussian",
    "gaussian_copula": "Gaussian copula",
}
NO_DONORS = "the table does not say which samples belong to one donor"
NO_LATENTS = "only a generator of ours has latents"
SHORTFALL = {SUBJECT: 0.35, REAL: 0.06, "class_gaussian": 0.6, "gaussian_copula": 0.5}
RARE = {"Bladder", "Cervix Uteri"}
KINDS = {"synthetic": 0.82, "reconstructed": 0.7, "class_gaussian": 0.98, "gaussian_copula": 0.95}


def make_scores(rng: np.random.Generator, tissues: list[str]) -> dict[str, dict[str, Score]]:
    """Scores of which real samples are best and baselines mostly worst; donors and baselines' latents are undefined."""
    return {
        key: {
            candidate: _score(metric, candidate, shortfall, rng, tissues) for candidate, shortfall in SHORTFALL.items()
        }
        for key, metric in METRICS.items()
    }


def _score(metric: Metric, candidate: str, shortfall: float, rng: np.random.Generator, tissues: list[str]) -> Score:
    if metric.question == "donors" and candidate in {SUBJECT, "class_gaussian"}:
        return Score(None, why=NO_DONORS)
    if metric.question == "latents" and candidate != SUBJECT:
        return Score(None, why=NO_LATENTS)
    if metric.question == "privacy":
        shortfall *= 0.1

    def value() -> float:
        missed = shortfall * rng.uniform(0.5, 1.1) * (0.5 if metric.better == "near" and metric.ideal == 0.5 else 1)
        upwards = metric.better == "low" or metric.ideal == 0.5
        return metric.ideal + missed if upwards else metric.ideal - missed

    overall, half = value(), rng.uniform(0.004, 0.03)
    of_tissues = {tissue: value() for tissue in tissues} if metric.question in {"genes", "samples"} else {}
    return Score(overall, overall - half, overall + half, of_tissues, tables=3)


def make_evaluation(n_genes: int = 523, seed: int = 0) -> Evaluation:
    """An evaluation of a generator on all organs of GTEx but two rare ones."""
    rng = np.random.default_rng(seed)
    tissues = sorted(TISSUES.keys() - RARE)
    mean, sd = rng.gamma(4, 1.1, n_genes), rng.gamma(6, 0.11, n_genes)
    genes = pd.DataFrame({"gene": [f"GENE{number}" for number in range(n_genes)], "mean_real": mean, "sd_real": sd})
    for kind, kept in KINDS.items():
        genes[f"mean_{kind}"] = (mean + rng.normal(0, 0.12, n_genes)).clip(0)
        genes[f"sd_{kind}"] = sd * kept * rng.lognormal(0, 0.08, n_genes)
    sizes = rng.integers(20, 600, len(tissues))
    counts = pd.DataFrame({"condition": tissues, "train": sizes, "test": sizes // 5, "table": sizes // 5})
    return Evaluation(
        title="cvae on GTEx v6, landmark genes",
        candidates=CANDIDATES,
        scores=make_scores(rng, tissues),
        condition="tissue",
        counts=counts,
        genes=genes,
        tables={"nearest_tissues": pd.DataFrame({"tissue": tissues, "nearest": tissues[::-1], "distance": sizes / 97})},
        notes=[
            "Bladder and Cervix Uteri have fewer than 5 held-out samples and are left out of what is by tissue.",
            "All distances are Euclidean on log2(x + 1), genes unstandardised, k = 5.",
        ],
        provenance={
            "command": "gtexgen-evaluate generator=outputs/cvae/generator store=data/gtex output=outputs/report",
            "seeds": {"generation": [1, 2, 3], "bootstrap": 7},
            "fingerprints": {"store": "455485a45732a48dba2c8759f0cbdb7d2b08b6540cc9606699b08756840c7410"},
            "versions": {"python": "3.11.7", "gtexgen": "0.1.0", "numpy": "2.4.6", "torch": "2.13.0"},
        },
    )


def small_evaluation(scores: dict[str, dict[str, Score]], candidates: dict[str, str] | None = None) -> Evaluation:
    """An evaluation of which only the scores matter."""
    genes = pd.DataFrame({"gene": ["A"], "mean_real": [1.0], "sd_real": [1.0]})
    counts = pd.DataFrame({"condition": ["Lung"], "test": [7]})
    return Evaluation("made up", candidates or CANDIDATES, scores, "tissue", counts, genes)


def make_graphics(n_samples: int = 900, seed: int = 0) -> Graphics:
    """Clouds of real and synthetic samples around the same centres, two blocks of genes, a run of ninety epochs."""
    rng = np.random.default_rng(seed)
    tissues = np.array(sorted(TISSUES.keys() - RARE))
    centres = rng.normal(0, 3, (len(tissues), 3))
    number = rng.integers(0, len(tissues), 2 * n_samples)
    kind = np.repeat([REAL, SUBJECT], n_samples)
    spread = np.where(kind == REAL, 0.6, 0.45)[:, None]
    points = pd.DataFrame(centres[number] + spread * rng.standard_normal((len(number), 3)), columns=["x", "y", "z"])
    points.insert(0, "sample_id", [f"{name}-{row}" for row, name in enumerate(kind)])
    points["kind"], points["tissue"] = kind, tissues[number]
    points["age"] = rng.choice(["20-29", "30-39", "40-49", "50-59", "60-69", "70-79"], len(number))
    points["sex"] = rng.choice(np.array(["female", "male", None], dtype=object), len(number), p=[0.4, 0.55, 0.05])
    return Graphics(points, _correlations(rng), _curves(), _traversals(rng))


def _correlations(rng: np.random.Generator) -> Correlations:
    block = np.repeat(np.arange(6), 20)
    real = np.where(block[:, None] == block, 0.6, 0.1 * np.sin(block[:, None] + block))
    real = np.clip(real + rng.normal(0, 0.08, real.shape), -1, 1)
    np.fill_diagonal(real, 1)
    subject = np.clip(0.8 * real + rng.normal(0, 0.05, real.shape), -1, 1)
    return Correlations([f"GENE{gene}" for gene in range(len(block))], real, subject)


def _curves() -> pd.DataFrame:
    epoch = np.arange(1, 91)
    shapes = {"elbo": -150 - 600 / epoch, "kl": 36 + 30 / epoch, "mse": 0.1 + 0.5 / epoch}
    parts = {"train": 0.97, "val": 1.0}
    return pd.concat(
        pd.DataFrame({"epoch": epoch, "metric": f"{part}/{name}", "value": share * values})
        for name, values in shapes.items()
        for part, share in parts.items()
    ).reset_index(drop=True)


def _traversals(rng: np.random.Generator) -> pd.DataFrame:
    slopes = rng.normal(0, 0.5, (4, 40))
    return pd.DataFrame(
        [
            (latent, value, f"GENE{gene}", slopes[latent, gene] * value)
            for latent in range(len(slopes))
            for gene in range(slopes.shape[1])
            for value in np.linspace(-3, 3, 7)
        ],
        columns=["latent", "value", "gene", "change"],
    )


NOTHING = Graphics(
    embedding=Undefined("no embedding was given"),
    correlations=Undefined("no correlations was given"),
    curves=Undefined("no curves was given"),
    traversals=Undefined("no traversals was given"),
)
