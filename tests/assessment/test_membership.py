"""Whose samples were trained on is known from a split, from a list or from a new split, and never guessed silently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gtexgen.assessment.membership import by_list, by_new_split, by_split
from gtexgen.data.splits import split_donors
from gtexgen.errors import DataError

SETTINGS = {"by": "donor", "validation": 0.2, "test": 0.2, "min_donors": 1}


@pytest.fixture
def samples() -> pd.DataFrame:
    """Twenty donors who give a lung and a liver each."""
    rows = [(f"D-{donor}-{tissue}", f"D-{donor}", tissue) for donor in range(20) for tissue in ("Lung", "Liver")]
    return pd.DataFrame(rows, columns=["sample_id", "donor_id", "tissue"], dtype="str")


def test_a_split_gives_its_own_parts(samples: pd.DataFrame) -> None:
    split = split_donors(samples, validation=0.2, test=0.2, seed=1)
    assert (by_split(samples, split, "it").parts == split.parts).all()


def test_donors_that_a_split_does_not_know_are_held_out(samples: pd.DataFrame) -> None:
    known = samples[samples["donor_id"] != "D-7"]
    membership = by_split(samples, split_donors(known, validation=0.2, test=0.2, seed=1), "it")
    assert (membership.parts[samples["donor_id"] == "D-7"] == "test").all()
    assert "2 samples" in membership.notes[0]


def test_new_samples_of_a_training_donor_do_not_become_held_out(samples: pd.DataFrame) -> None:
    known = samples[~((samples["tissue"] == "Liver") & (samples.index >= 2))]
    split = split_donors(known, validation=0.2, test=0.2, seed=1)
    parts = by_split(samples, split, "it").parts
    assert pd.Series(parts).groupby(samples["donor_id"]).nunique().max() == 1


def test_a_split_of_other_samples_is_refused(samples: pd.DataFrame) -> None:
    split = split_donors(samples, seed=1)
    with pytest.raises(DataError, match="none of the store's samples"):
        by_split(samples.assign(sample_id="other-" + samples["sample_id"]), split, "it")


@pytest.mark.parametrize("key", ["sample_id", "donor_id"])
def test_a_list_decides(samples: pd.DataFrame, tmp_path: Path, key: str) -> None:
    trained = samples[:24]
    trained[[key]].drop_duplicates().to_csv(tmp_path / "list.csv", index=False)
    membership = by_list(samples, tmp_path / "list.csv", seed=0)
    np.testing.assert_array_equal(membership.rows("train"), np.arange(24))
    donors = {part: set(samples["donor_id"].iloc[membership.rows(part)]) for part in ("test", "validation")}
    assert len(donors["test"]) + len(donors["validation"]) == 8
    assert not donors["test"] & donors["validation"]
    assert len(donors["test"]) > len(donors["validation"]) > 0


def test_other_samples_of_listed_donors_are_left_out_and_said(samples: pd.DataFrame, tmp_path: Path) -> None:
    samples[samples["tissue"] == "Lung"][:6][["sample_id"]].to_csv(tmp_path / "list.csv", index=False)
    membership = by_list(samples, tmp_path / "list.csv", seed=0)
    assert (membership.parts[(samples["tissue"] == "Liver") & (samples.index < 12)] == "").all()
    assert "6 samples" in membership.notes[0]


def test_a_list_of_strangers_or_of_everybody_is_refused(samples: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    pd.DataFrame({"donor_id": ["D-1", "X-1"]}).to_csv(path, index=False)
    with pytest.raises(DataError, match="1 of the 2 are not in the store, the first 'X-1'"):
        by_list(samples, path, seed=0)
    samples[["donor_id"]].drop_duplicates().to_csv(path, index=False)
    with pytest.raises(DataError, match="every donor of the store was trained on"):
        by_list(samples, path, seed=0)
    pd.DataFrame({"who": ["D-1"], "x": [1]}).to_csv(path, index=False)
    with pytest.raises(DataError, match="call it sample_id or donor_id; the table has: who, x"):
        by_list(samples, path, seed=0)


def test_of_few_other_donors_none_is_kept_as_independent(samples: pd.DataFrame, tmp_path: Path) -> None:
    samples[["donor_id"]].drop_duplicates()[2:].to_csv(tmp_path / "list.csv", index=False)
    membership = by_list(samples, tmp_path / "list.csv", seed=0)
    assert (membership.parts[:4] == "test").all()
    assert (membership.parts[4:] == "train").all()
    assert any("all are held out" in note for note in membership.notes)


def test_a_new_split_says_what_it_assumes(samples: pd.DataFrame) -> None:
    membership = by_new_split(samples, SETTINGS, seed=3)
    assert set(membership.parts) == {"train", "validation", "test"}
    assert "trained_on=LIST" in membership.notes[0]
