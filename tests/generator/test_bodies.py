"""Which samples of which bodies are drawn."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtexgen.errors import GeneratorError
from gtexgen.generator.bodies import Bodies, missing_bodies, synthetic_bodies
from gtexgen.generator.tally import DonorTally, tissue_column

FIELDS = ["age", "tissue", "sex", "batch"]


def cohort(n_donors: int = 12) -> pd.DataFrame:
    """Donors of two sexes and four ages: all give lung, some liver, women ovary and men prostate; batches differ."""
    rng = np.random.default_rng(0)
    rows = []
    for donor in range(n_donors):
        sex, age = ("female", "male")[donor % 2], f"{2 + donor % 4}0-{2 + donor % 4}9"
        tissues = ["Lung", *(["Liver"] if donor % 3 else []), "Ovary" if sex == "female" else "Prostate"]
        rows += [(f"S-{donor}-{name}", f"S-{donor}", age, name, sex, f"b{rng.integers(3)}") for name in tissues]
    return pd.DataFrame(rows, columns=["sample_id", "donor_id", *FIELDS], dtype="str")


def tally_of(samples: pd.DataFrame | None = None, fields: list[str] | None = None) -> DonorTally:
    return DonorTally.of(cohort() if samples is None else samples, fields or FIELDS)


TALLY = tally_of()


def everything(bodies: Bodies) -> pd.DataFrame:
    return bodies.samples(slice(0, len(bodies.body)))


# ---- the tally


@pytest.mark.parametrize(
    ("fields", "expected"),
    [(["age", "tissue"], "tissue"), (["tissue", "subtissue"], "subtissue"), (["sex"], None), ([], None)],
)
def test_the_finest_tissue_column_counts(fields: list[str], expected: str | None) -> None:
    assert tissue_column(fields) == expected


def test_what_is_the_same_in_all_samples_of_every_donor_is_the_donor_s() -> None:
    assert tally_of().donor_fields == ["age", "sex"]
    one_each = cohort().drop_duplicates("donor_id")
    assert tally_of(one_each).donor_fields == ["age", "sex", "batch"]


def test_the_tally_holds_the_conditions_of_each_donor_and_no_names() -> None:
    samples, tally = cohort(), tally_of()
    content = json.dumps(tally.to_json())
    assert not any(name in content for name in [*samples["donor_id"], *samples["sample_id"]])
    counted = tally.samples.groupby("donor")[FIELDS].apply(lambda rows: sorted(map(tuple, rows.to_numpy())))
    real = samples.groupby("donor_id")[FIELDS].apply(lambda rows: sorted(map(tuple, rows.to_numpy())))
    assert sorted(counted) == sorted(real)


def test_the_order_of_donors_does_not_tell_who_they_are() -> None:
    samples = cohort()
    backwards = tally_of(samples[::-1])
    pd.testing.assert_frame_equal(tally_of(samples).samples, backwards.samples)


def test_a_tally_survives_json() -> None:
    samples = cohort()
    samples.loc[samples["donor_id"] == "S-1", ["age", "sex"]] = None
    tally = tally_of(samples)
    again = DonorTally.from_json(json.loads(json.dumps(tally.to_json())))
    pd.testing.assert_frame_equal(again.samples, tally.samples)
    assert (again.fields, again.donor_fields) == (tally.fields, tally.donor_fields)
    assert again.samples["age"].isna().sum() == (samples["age"].isna()).sum()


def test_sex_is_tallied_although_it_is_no_condition() -> None:
    tally = tally_of(fields=["tissue"])
    assert tally.sexes_of == {
        "Liver": {"female", "male"},
        "Lung": {"female", "male"},
        "Ovary": {"female"},
        "Prostate": {"male"},
    }
    assert tally_of(cohort().drop(columns="sex"), ["tissue"]).sexes_of["Ovary"] == set()


# ---- synthetic donors


def test_a_donor_has_the_tissues_and_conditions_of_a_training_donor() -> None:
    samples = cohort()
    table = everything(synthetic_bodies(tally_of(samples), 40, seed=1))
    real = {tuple(sorted(map(tuple, rows[FIELDS].to_numpy()))) for _, rows in samples.groupby("donor_id")}
    drawn = [tuple(sorted(map(tuple, rows[FIELDS].to_numpy()))) for _, rows in table.groupby("donor_id")]
    assert len(drawn) == 40
    assert set(drawn) <= real
    assert len(set(drawn)) > 8


def test_each_donor_gives_the_tissues_asked_for() -> None:
    table = everything(synthetic_bodies(tally_of(), 30, ["Lung", "Liver"], seed=1))
    assert table.columns.tolist() == ["sample_id", "donor_id", *FIELDS]
    assert table["sample_id"].is_unique
    assert table["donor_id"].nunique() == 30
    assert set(table.groupby("donor_id")["tissue"].apply(tuple)) == {("Liver", "Lung")}
    assert table["sample_id"].str.split("-").str[:2].str.join("-").tolist() == table["donor_id"].tolist()
    constant = table.groupby("donor_id")[["age", "sex"]].nunique()
    assert (constant == 1).all(axis=None)
    assert {"female", "male"} == set(table["sex"])


def test_only_donors_who_can_have_a_tissue_get_it() -> None:
    table = everything(synthetic_bodies(tally_of(), 30, ["Ovary", "Lung"], seed=1))
    assert set(table["sex"]) == {"female"}
    table = everything(synthetic_bodies(tally_of(), 60, "all", seed=1))
    of_sex = table.groupby("sex")["tissue"].unique().map(sorted).to_dict()
    assert of_sex == {"female": ["Liver", "Lung", "Ovary"], "male": ["Liver", "Lung", "Prostate"]}


def test_sex_rules_bodies_although_it_is_no_condition() -> None:
    table = everything(synthetic_bodies(tally_of(fields=["tissue"]), 60, "all", seed=1))
    assert table.columns.tolist() == ["sample_id", "donor_id", "tissue"]
    bodies = set(table.groupby("donor_id")["tissue"].apply(tuple))
    assert bodies == {("Liver", "Lung", "Ovary"), ("Liver", "Lung", "Prostate")}


def test_without_sexes_every_donor_can_have_everything() -> None:
    tally = tally_of(cohort().drop(columns="sex"), ["tissue"])
    assert len(everything(synthetic_bodies(tally, 5, "all"))) == 5 * 4


def test_other_conditions_of_a_sample_are_those_of_its_tissue() -> None:
    samples = cohort()
    samples.loc[samples["tissue"] == "Liver", "batch"] = "liver day"
    table = everything(synthetic_bodies(tally_of(samples), 50, ["Liver", "Lung"], seed=1))
    assert set(table.loc[table["tissue"] == "Liver", "batch"]) == {"liver day"}
    assert set(table.loc[table["tissue"] == "Lung", "batch"]) == {"b0", "b1", "b2"}


def test_a_seed_decides_the_donors() -> None:
    first, again, other = (everything(synthetic_bodies(tally_of(), 20, seed=seed)) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


@pytest.mark.parametrize(
    ("n", "tissues", "message"),
    [
        (0, None, "1 or more, not 0"),
        (True, None, "not True"),
        (2.5, None, "not 2.5"),
        (5, ["Moon"], "seen no tissue 'Moon'. Known: 'Liver', 'Lung', 'Ovary', 'Prostate'"),
        (5, "Moon", "seen no tissue 'Moon'"),
        (5, [], "must name one tissue or more"),
        (5, ["Lung", "Lung"], "each once"),
        (5, ["Ovary", "Prostate"], "No training donor can have all of Ovary, Prostate.*Ovary: female; Prostate: male"),
    ],
)
def test_impossible_donors_are_refused_with_the_reason(n: int, tissues: list[str], message: str) -> None:
    with pytest.raises(GeneratorError, match=message):
        synthetic_bodies(tally_of(), n, tissues)


# ---- missing tissues of real donors


def known(**tissues: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Donors by name, of the sex that their name begins with, and their samples."""
    sexes = {"f": "female", "m": "male", "u": None}
    donors = pd.DataFrame(
        {
            "donor_id": list(tissues),
            "sex": pd.Series([sexes[name[0]] for name in tissues], dtype="str"),
            "age": pd.Series(["20-29"] * len(tissues), dtype="str"),
        }
    )
    samples = [(number, name) for number, names in enumerate(tissues.values()) for name in names]
    return donors, pd.DataFrame(samples, columns=["donor", "tissue"])


def drawn(bodies: Bodies) -> dict[str, list[str]]:
    table = everything(bodies)
    return {str(name): sorted(set(rows["tissue"])) for name, rows in table.groupby("donor_id")}


def test_a_donor_gets_what_it_lacks_and_can_have() -> None:
    given_donors = known(f1=["Lung"], m1=["Lung", "Liver"], u1=["Liver", "Prostate"], u2=["Liver"])
    assert drawn(missing_bodies(tally_of(), *given_donors, draws=1)) == {
        "f1": ["Liver", "Ovary"],
        "m1": ["Prostate"],
        "u1": ["Lung"],  # a man, by his prostate
        "u2": ["Lung"],  # who may be either
    }


def test_the_tissues_asked_for_are_those_of_them_that_are_missing() -> None:
    given_donors = known(f1=["Lung"], m1=["Liver"])
    assert drawn(missing_bodies(tally_of(), *given_donors, ["Ovary", "Lung"], draws=1)) == {
        "f1": ["Ovary"],
        "m1": ["Lung"],
    }


def test_each_draw_is_a_body_of_its_own() -> None:
    bodies = missing_bodies(tally_of(), *known(f1=["Lung"], m1=["Lung", "Liver"]), draws=3)
    table = everything(bodies)
    assert table.columns.tolist() == ["sample_id", "donor_id", *FIELDS, "draw"]
    assert table["sample_id"].is_unique
    assert table[["donor_id", "tissue", "draw"]].apply(tuple, axis=1).tolist() == [
        *(("f1", tissue, draw) for draw in "123" for tissue in ("Liver", "Ovary")),
        *(("m1", "Prostate", draw) for draw in "123"),
    ]
    assert (np.diff(bodies.body) >= 0).all()
    assert len(set(bodies.body)) == 6


@pytest.mark.parametrize(
    ("donors", "tissues", "draws", "message"),
    [
        ({"f1": ["Lung"]}, ["Prostate"], 1, "none of the 1 donors lacks Prostate that its sex can have.$"),
        ({"f1": ["Lung", "Liver", "Ovary"]}, None, 1, "none of the 1 donors lacks a tissue"),
        ({"u1": ["Lung"]}, ["Ovary"], 1, "Remedy: a column sex; 1 of them have none"),
        ({"f1": ["Lung"]}, ["Moon"], 1, "seen no tissue 'Moon'"),
        ({"f1": ["Lung"]}, None, 0, "draws must be a whole number of 1 or more"),
    ],
)
def test_what_cannot_be_completed_is_refused(
    donors: dict[str, list[str]], tissues: list[str], draws: int, message: str
) -> None:
    with pytest.raises(GeneratorError, match=message):
        missing_bodies(tally_of(), *known(**donors), tissues, draws=draws)


# ---- chunks


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=30),
    most_rows=st.integers(1, 40),
    beside=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_chunks_hold_whole_bodies(sizes: list[int], most_rows: int, beside: int) -> None:
    body = np.repeat(np.arange(len(sizes)) * 2, sizes)  # every other donor lacks nothing
    donors = pd.DataFrame({"donor_id": [str(donor) for donor in range(2 * len(sizes))]})
    bodies = Bodies(TALLY, donors, None, body, np.zeros(len(body), dtype=np.int64))
    chunks = list(bodies.chunks(most_rows, np.full(len(donors), beside)))
    assert [chunks[0].start, chunks[-1].stop] == [0, len(body)]
    assert all(first.stop == second.start for first, second in pairwise(chunks))
    for rows in chunks:
        numbers = np.unique(body[rows])
        assert rows.stop - rows.start == sum(sizes[number // 2] for number in numbers)
        assert len(numbers) == 1 or rows.stop - rows.start + beside * len(numbers) <= most_rows
