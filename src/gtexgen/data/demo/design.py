"""Who gives which sample in the demo cohort: GTEx's tissues and sizes, donors with a sex and an age."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pandas as pd

from gtexgen.errors import ConfigError

__all__ = ["assign_samples", "draw_donors", "read_demo_table", "samples_per_subtissue"]

# Donors of GTEx v8 by sex (those with RNA-seq) and by age bracket (all 980 of its phenotype file).
MALES, FEMALES = 636, 312
AGE_BRACKETS = {"20-29": 84, "30-39": 78, "40-49": 153, "50-59": 315, "60-69": 317, "70-79": 33}

LEAST_SAMPLES = 3


def read_demo_table(name: str) -> pd.DataFrame:
    """Read one of the demo cohort's resource tables: ``"genes"`` or ``"tissues"``.

    Returns
    -------
    pandas.DataFrame
        For genes, ``symbol`` and ``expressed_in``: a tissue (SMTS) or subtissue (SMTSD) that the gene marks,
        ``all`` for a housekeeping gene, ``female`` or ``male`` for a gene that only one sex expresses, else
        empty. For tissues, one row a subtissue: ``tissue``, ``subtissue``, ``samples`` (how many GTEx v8
        has), ``system`` and ``region`` (who its relatives are) and ``sex`` (of its donors, empty for both).
    """
    with (files("gtexgen.data.demo") / f"{name}.tsv").open(encoding="utf-8") as handle:
        return pd.read_csv(handle, sep="\t", keep_default_na=False)


def draw_donors(donors: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw donors in GTEx's proportions of sex and age.

    Returns
    -------
    pandas.DataFrame
        One row a donor: ``donor_id``, ``sex``, ``age`` (bracket) and ``years`` (uniform within the bracket).
    """
    males = round(donors * MALES / (MALES + FEMALES))
    sex = rng.permutation(np.repeat(["male", "female"], [males, donors - males]))
    counts = _largest_remainder(np.array(list(AGE_BRACKETS.values()), dtype=float), donors)
    age = rng.permutation(np.repeat(list(AGE_BRACKETS), counts))
    decade = np.array([int(bracket[:2]) for bracket in age])
    return pd.DataFrame(
        {
            "donor_id": [f"DEMO-{number:04d}" for number in range(1, donors + 1)],
            "sex": sex,
            "age": age,
            "years": (decade + rng.uniform(0, 10, donors)).astype(np.float32),
        }
    )


def samples_per_subtissue(tissues: pd.DataFrame, samples: int) -> np.ndarray:
    """Share `samples` among the subtissues in proportion to GTEx v8.

    Each has at least three; in a cohort of fewer than six a subtissue, two or one.

    Raises
    ------
    ConfigError
        If there are fewer than two samples a subtissue.
    """
    least = min(samples // (2 * len(tissues)), LEAST_SAMPLES)
    if least == 0:
        raise ConfigError(
            f"the demo cohort needs at least {2 * len(tissues)} samples for its {len(tissues)} subtissues, "
            f"not {samples}"
        )
    share = tissues["samples"].to_numpy(dtype=float)
    above = np.maximum(share * samples / share.sum() - least, 0)
    return least + _largest_remainder(above, samples - least * len(tissues))


def assign_samples(
    donors: pd.DataFrame, tissues: pd.DataFrame, counts: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the donors of every subtissue.

    A donor gives a subtissue at most once, none of the other sex's, and at least one sample in all.
    Some donors give many and some few, and those who give one part of an organ system tend to give others of
    it (Efraimidis & Spirakis' weighted sampling without replacement: the largest log-weight + Gumbel).

    Returns
    -------
    donor_index, subtissue_index : numpy.ndarray
        Integers, shape ``(samples,)``, sorted by donor, then by subtissue.
    """
    system = pd.factorize(tissues["system"])[0]
    generosity = 0.7 * rng.standard_normal((len(donors), 1))
    by_system = 1.2 * rng.standard_normal((len(donors), system.max() + 1))
    keys = generosity + by_system[:, system] + rng.gumbel(size=(len(donors), len(tissues)))
    wanted = tissues["sex"].to_numpy(dtype=str)
    eligible = (wanted == "") | (wanted == donors["sex"].to_numpy(dtype=str)[:, None])
    for name, needed, able in zip(tissues["subtissue"], counts, eligible.sum(axis=0), strict=True):
        if needed > able:
            raise ConfigError(
                f"the demo cohort wants {needed} samples of {name!r} from {able} donors, who give one each: "
                f"ask for more donors or fewer samples"
            )
    keys[~eligible] = -np.inf
    ranks = (-keys).argsort(axis=0).argsort(axis=0)
    given = ranks < counts
    _leave_no_donor_out(given, eligible)
    donor_index, subtissue_index = given.nonzero()
    return donor_index, subtissue_index


def _leave_no_donor_out(given: np.ndarray, eligible: np.ndarray) -> None:
    """Hand a sample of the donor with the most to each donor without one."""
    for donor in np.flatnonzero(~given.any(axis=1)):
        lent = np.where(given & eligible[donor], given.sum(axis=1, keepdims=True), 0)
        giver, subtissue = np.unravel_index(lent.argmax(), lent.shape)
        if lent[giver, subtissue] < 2:
            raise ConfigError(f"the demo cohort has fewer samples than its {len(given)} donors: ask for more")
        given[giver, subtissue], given[donor, subtissue] = False, True


def _largest_remainder(weights: np.ndarray, total: int) -> np.ndarray:
    """Integers in proportion to `weights` that sum to `total`."""
    exact = weights / weights.sum() * total
    whole: np.ndarray = np.floor(exact).astype(int)
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: total - whole.sum()]] += 1
    return whole
