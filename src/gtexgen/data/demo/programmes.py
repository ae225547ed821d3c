"""What the genes of the demo cohort do: their level in each subtissue, and what moves them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gtexgen.data.demo.design import read_demo_table
from gtexgen.data.demo.truth import RIN_SD
from gtexgen.data.formats.sources import FloatArray
from gtexgen.errors import ConfigError

__all__ = ["GeneEffects", "choose_genes", "draw_effects", "draw_programmes"]

ALWAYS = ("XIST", "RPS4Y1", "DDX3Y")
# Base level (mean, sd in log2 TPM) and spread between tissues by kind of gene. These and the figures below
# were set against GTEx: the variance within and between subtissues, the correlation between genes and within
# donors, the tails, the zeros, and how well nearest neighbours tell tissues and subtissues apart.
KINDS = {
    "housekeeping": (6.5, 1.3, 0.25),
    "broad": (2.6, 2.0, 0.9),
    "marker": (-2.5, 2.2, 0.9),
    "sex": (-2.5, 0.3, 0.1),
}
LEVELS = {"system": 1.6, "tissue": 1.0, "region": 0.8, "subtissue": 0.28}  # sd of each level's programme
KINSHIP = {"region": 0.35, "system": 0.2}  # share of a marker's rise in the relatives of the tissue it marks
RANGE = (-10.0, 15.0)  # of a programme, in log2 TPM
SEX_EFFECT = 14.0  # of the genes of one sex
DONOR_DIMENSIONS = 5
DENSE_MODULES, MODULES = 2, 24
# Mean shares of a gene's variance within subtissues.
DONOR_SHARE, DENSE_SHARE, MODULE_SHARE, RIN_SHARE, BATCH_SHARE = 0.13, 0.2, 0.25, 0.05, 0.05


@dataclass(frozen=True)
class GeneEffects:
    """What moves each gene within a subtissue; shapes and units as in `DemoTruth`."""

    donor_loadings: FloatArray
    age_slopes: FloatArray
    sex_effects: FloatArray
    module_loadings: FloatArray
    rin_slopes: FloatArray
    batch_sd: FloatArray
    transcript_kb: FloatArray
    noise_sd: FloatArray


def choose_genes(genes: int) -> pd.DataFrame:
    """Choose genes evenly from the demo's symbols, the best known genes of one sex always among them.

    Raises
    ------
    ConfigError
        If there are not so many symbols, or fewer genes are asked for than are always included.
    """
    table = read_demo_table("genes")
    if not len(ALWAYS) <= genes <= len(table):
        raise ConfigError(f"the demo cohort can have {len(ALWAYS)} to {len(table)} genes, not {genes}")
    always = table["symbol"].isin(ALWAYS).to_numpy()
    others = np.flatnonzero(~always)
    evenly = others[np.arange(genes - len(ALWAYS)) * len(others) // max(genes - len(ALWAYS), 1)]
    return table.iloc[np.union1d(np.flatnonzero(always), evenly)].reset_index(drop=True)


def draw_programmes(
    genes: pd.DataFrame, tissues: pd.DataFrame, sex_effects: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Draw each subtissue's mean log2 TPM ``(subtissues, genes)``.

    A gene's base level, plus a Laplace effect of the organ system, of the tissue, of the region and of the
    subtissue, plus, for marker genes, a rise of five or more in the tissue that they mark.
    """
    base_mean, base_sd, spread = (np.array([KINDS[kind][i] for kind in _kinds(genes)]) for i in range(3))
    programmes = np.tile(rng.normal(base_mean, base_sd), (len(tissues), 1))
    spread = spread * rng.lognormal(-0.1, 0.45, len(genes))
    keys = {
        "system": tissues["system"],
        "tissue": tissues["system"] + "/" + tissues["tissue"],
        "region": tissues["system"] + "/" + tissues["region"],
        "subtissue": tissues["subtissue"],
    }
    for level, sd in LEVELS.items():
        group = pd.factorize(keys[level])[0]
        effects = rng.laplace(0, sd / np.sqrt(2), (group.max() + 1, len(genes)))
        programmes += spread * effects[group]
    programmes += _marking(genes, tissues) * (5 + rng.gamma(2, 1.5, len(genes)))
    one_sex = np.abs(sex_effects) == SEX_EFFECT
    programmes[:, one_sex] = np.clip(programmes[:, one_sex], -3.5, -1.5)
    return _float(np.clip(programmes, *RANGE))


def draw_effects(genes: pd.DataFrame, rng: np.random.Generator) -> GeneEffects:
    """Draw what moves each gene within a subtissue."""
    n = len(genes)
    calm = np.where(np.isin(_kinds(genes), ["housekeeping", "sex"]), 0.6, 1.0)
    total = np.square(0.8 * calm * rng.lognormal(0, 0.35, n))
    mean_shares = np.array([DONOR_SHARE, DENSE_SHARE, MODULE_SHARE, RIN_SHARE, BATCH_SHARE])
    alpha = 5 * np.append(mean_shares, 1 - mean_shares.sum())
    donor, dense, module, rin, batch, noise = (total[:, None] * rng.dirichlet(alpha, n)).T

    direction = rng.standard_normal((DONOR_DIMENSIONS, n))
    loadings = np.zeros((DENSE_MODULES + MODULES, n))
    loadings[:DENSE_MODULES] = rng.normal(0.5, 1, (DENSE_MODULES, n))
    loadings[:DENSE_MODULES] *= np.sqrt(dense / np.square(loadings[:DENSE_MODULES]).sum(axis=0))
    sign = np.where(rng.random(n) < 0.85, 1, -1)
    loadings[DENSE_MODULES + _modules(genes, rng), np.arange(n)] = sign * np.sqrt(module)
    return GeneEffects(
        donor_loadings=_float(direction * np.sqrt(donor / np.square(direction).sum(axis=0))),
        age_slopes=_float(np.where(rng.random(n) < 0.2, rng.laplace(0, 0.12, n), 0)),
        sex_effects=_float(_sex_effects(genes, rng)),
        module_loadings=_float(loadings),
        rin_slopes=_float(rng.choice([-1, 1], n) * np.sqrt(rin) / RIN_SD),
        batch_sd=_float(np.sqrt(batch)),
        transcript_kb=_float(rng.lognormal(np.log(1.8), 0.5, n)),
        noise_sd=_float(np.sqrt(noise)),
    )


def _kinds(genes: pd.DataFrame) -> np.ndarray:
    named = {"all": "housekeeping", "": "broad", "female": "sex", "male": "sex"}
    return np.array([named.get(where, "marker") for where in genes["expressed_in"]])


def _marking(genes: pd.DataFrame, tissues: pd.DataFrame) -> np.ndarray:
    """Say how far each subtissue shares in each marker's rise, ``(subtissues, genes)`` in [0, 1]."""
    weights = np.zeros((len(tissues), len(genes)))
    for where in set(genes["expressed_in"]):
        marked = (tissues["subtissue"] == where) | ((tissues["tissue"] == where) & (tissues["system"] != "culture"))
        share = np.zeros(len(tissues))
        for level in ("system", "region"):
            share[tissues[level].isin(tissues.loc[marked, level])] = KINSHIP[level]
        share[marked] = 1
        weights[:, (genes["expressed_in"] == where).to_numpy()] = share[:, None]
    return weights


def _modules(genes: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Draw each gene's module: markers of one tissue rise and fall together, as their cells do."""
    where = pd.factorize(genes["expressed_in"])[0]
    of_tissue = rng.integers(MODULES, size=where.max() + 1)[where]
    return np.where(_kinds(genes) == "marker", of_tissue, rng.integers(MODULES, size=len(genes)))


def _sex_effects(genes: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Women minus men: nearly all or nothing for the genes of one sex, slight for a few others."""
    slight = np.where(rng.random(len(genes)) < 0.06, rng.laplace(0, 0.25, len(genes)), 0)
    of_one = genes["expressed_in"].map({"female": SEX_EFFECT, "male": -SEX_EFFECT}).to_numpy(dtype=float)
    return np.where(np.isnan(of_one), slight, of_one)


def _float(values: np.ndarray) -> FloatArray:
    return values.astype(np.float32)
