from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtexgen.data.splits import PARTS, Split, split_donors
from gtexgen.errors import ConfigError, DataError, GtexgenWarning


def samples_table(donors: list[int], tissues: list[int], ages: list[int] | None = None) -> pd.DataFrame:
    n = len(donors)
    return pd.DataFrame(
        {
            "sample_id": [f"S{i}" for i in range(n)],
            "donor_id": [f"D{donor}" for donor in donors],
            "tissue": pd.Series([f"T{tissue}" for tissue in tissues], dtype="str"),
            "age": pd.Series([f"A{age}" for age in ages or [0] * n], dtype="str"),
        }
    )


def cohort(n_donors: int = 120, n_tissues: int = 12, seed: int = 0) -> pd.DataFrame:
    """Donors who each give about half of the tissues, some tissues more often than others."""
    rng = np.random.default_rng(seed)
    gives = rng.random((n_donors, n_tissues)) < np.linspace(0.1, 0.9, n_tissues)
    donors, tissues = np.nonzero(gives)
    return samples_table(donors.tolist(), tissues.tolist(), rng.integers(0, 6, n_donors)[donors].tolist())


def donors_of(samples: pd.DataFrame, split: Split, part: str) -> set[str]:
    return set(samples["donor_id"][split.parts == part])


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.tuples(*[st.integers(0, high) for high in (25, 4, 5)]), min_size=40, max_size=120),
    seed=st.integers(0, 2**32),
    min_donors=st.integers(1, 6),
)
def test_no_donor_is_in_two_parts_and_training_has_every_level(
    rows: list[tuple[int, int, int]], seed: int, min_donors: int
) -> None:
    samples = samples_table(*(list(column) for column in zip(*rows, strict=True)))
    try:
        split = split_donors(samples, columns=["age"], min_donors=min_donors, seed=seed)
    except DataError as error:
        assert "too few" in str(error)  # noqa: PT017
        return
    parts = [donors_of(samples, split, part) for part in PARTS]
    assert sum(map(len, parts)) == samples["donor_id"].nunique()
    train = samples[split.parts == "train"]
    held_out = samples[split.parts != "train"]
    for column in ("tissue", "age"):
        assert set(train[column]) == set(samples[column])
        donors = samples.groupby(column)["donor_id"].nunique()
        small = set(donors.index[donors < min_donors])
        assert set(split.unsplit.get(column, [])) == small
        assert not small & set(held_out[column])


@pytest.mark.parametrize("seed", range(5))
def test_every_tissue_is_balanced(seed: int) -> None:
    samples = cohort()
    split = split_donors(samples, validation=0.2, test=0.1, seed=seed)
    shares = pd.crosstab(samples["tissue"], split.parts, normalize="index")
    assert shares["validation"].sub(0.2).abs().max() < 0.07
    assert shares["test"].sub(0.1).abs().max() < 0.07
    assert abs((split.parts == "validation").mean() - 0.2) < 0.02
    assert abs((split.parts == "test").mean() - 0.1) < 0.02


def test_the_seed_decides() -> None:
    samples = cohort()
    one, again, other = (split_donors(samples, seed=seed) for seed in (1, 1, 2))
    assert (one.parts == again.parts).all()
    assert len(donors_of(samples, one, "test") & donors_of(samples, other, "test")) < len(one.donors["test"]) / 2


def test_missing_values_are_a_level_of_training() -> None:
    samples = cohort()
    someone = samples["donor_id"].iloc[0]
    samples["age"] = samples["age"].mask(samples["donor_id"] == someone)
    for seed in range(10):
        split = split_donors(samples, columns=["age"], min_donors=1, seed=seed)
        assert someone in split.donors["train"]


def test_json_restores_everything() -> None:
    samples = cohort()
    split = split_donors(samples, columns=["age"], min_donors=25, seed=3)
    restored = Split.from_json(json.loads(json.dumps(split.to_json())))
    assert (restored.parts == split.parts).all()
    assert restored.unsplit == split.unsplit != {}
    assert restored.donors == split.donors == {p: sorted(donors_of(samples, split, p)) for p in PARTS}
    assert (restored.sample_ids, restored.by, restored.seed) == (list(samples["sample_id"]), "donor", 3)
    assert (restored.indices("test") == np.flatnonzero(split.parts == "test")).all()


def test_json_with_an_unknown_part_is_refused() -> None:
    content = split_donors(cohort(), seed=0).to_json()
    content["samples"]["S0"] = "dev"
    with pytest.raises(DataError, match="dev"):
        Split.from_json(content)


def test_a_split_by_sample_warns_of_the_leak() -> None:
    samples = cohort()
    with pytest.warns(GtexgenWarning, match="one donor are on both sides"):
        split = split_donors(samples, by="sample", seed=0)
    assert donors_of(samples, split, "train") & donors_of(samples, split, "test")
    assert set(split.donors["test"]) == donors_of(samples, split, "test")


def test_no_test_part_where_none_is_asked_for() -> None:
    split = split_donors(cohort(), test=0, seed=0)
    assert split.donors["test"] == []
    assert len(split.indices("validation")) > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation": 0.6, "test": 0.4}, "below 1"),
        ({"validation": -0.1}, "negative"),
        ({"by": "person"}, "known: donor, sample"),
        ({"columns": ["sex"]}, "no column sex.*donor_id"),
    ],
)
def test_impossible_settings(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        split_donors(cohort(), seed=0, **arguments)  # type: ignore[arg-type]


def test_too_few_donors() -> None:
    with pytest.raises(DataError, match="2 donors are too few"):
        split_donors(samples_table([0, 0, 1, 1], [0, 1, 0, 1]), seed=0)


def test_a_sample_without_a_donor() -> None:
    samples = cohort().astype({"donor_id": "str"})
    samples.loc[5, "donor_id"] = None
    with pytest.raises(DataError, match="first 'S5'"):
        split_donors(samples, seed=0)


def test_real_cohort(real_data: Path) -> None:
    table = pd.read_csv(real_data / "gtex_v6" / "gtex_v6_SampleAttributesDS.txt", sep="\t", dtype="str")
    donors = table["SAMPID"].str.split("-").str[:2].str.join("-")
    samples = pd.DataFrame({"sample_id": table["SAMPID"], "donor_id": donors, "tissue": table["SMTS"]})
    split = split_donors(samples, seed=0)
    shares = pd.crosstab(samples["tissue"], split.parts, normalize="index")
    common = samples["tissue"].value_counts()
    common = common[common >= 50]
    assert shares.loc[common.index, ["validation", "test"]].sub(0.15).abs().to_numpy().max() < 0.03
    assert not set(split.donors["train"]) & set(split.donors["validation"] + split.donors["test"])
