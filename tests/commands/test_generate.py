"""``gtexgen-generate`` end to end."""

from __future__ import annotations

import json
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from gtexgen import Generator
from gtexgen.commands.generate import generate
from gtexgen.config.locations import conf_folder
from gtexgen.data.store import ExpressionStore
from gtexgen.errors import GtexgenError
from support.console import run_here, run_here_well, run_script, run_well


def test_exact_counts_in_a_parquet_table(trained: Path) -> None:
    arguments = ["generator=outputs/latest", "counts={Lung:20,Liver:5}", "output=exact.parquet", "seed=1"]
    path = Path(run_well("generate", arguments, trained)[-1])
    table = pd.read_parquet(path)
    assert table["tissue"].value_counts().to_dict() == {"Lung": 20, "Liver": 5}
    assert list(table.columns[:4]) == ["sample_id", "tissue", "age", "sex"]
    assert (table.iloc[:, 4:] >= 0).all(axis=None)
    record = json.loads(path.with_name("exact.parquet.json").read_text())
    assert record["seed"] == 1


def test_training_counts_are_those_of_training(trained: Path) -> None:
    arguments = ["generator=outputs/latest/generator", "counts=training", "output=training.csv"]
    table = pd.read_csv(run_here_well("generate", arguments, trained)[-1])
    generator = Generator.load(trained / "outputs" / "latest")
    wanted = generator.training_counts.groupby("tissue")["n"].sum().to_dict()
    assert table["tissue"].value_counts().to_dict() == wanted


def test_the_seed_decides(trained: Path) -> None:
    def drawn(name: str, seed: int) -> pd.DataFrame:
        arguments = ["generator=outputs/latest", "counts=30", f"output={name}", f"seed={seed}"]
        return pd.read_parquet(run_here_well("generate", arguments, trained)[-1])

    one, again, two = drawn("one.parquet", 1), drawn("again.parquet", 1), drawn("two.parquet", 2)
    pd.testing.assert_frame_equal(one, again)
    assert not one.equals(two)


def test_whole_donors_are_the_only_thing_asked_for(trained: Path) -> None:
    arguments = ["donors=6", "tissues=[Lung,Muscle]", "output=bodies.csv", "seed=1"]
    path = Path(run_here_well("generate", arguments, trained)[-1])
    table = pd.read_csv(path)
    assert list(table.columns[:5]) == ["sample_id", "donor_id", "tissue", "age", "sex"]
    assert table.groupby("donor_id")["tissue"].apply(sorted).tolist() == [["Lung", "Muscle"]] * 6
    assert len(table[["donor_id", "age", "sex"]].drop_duplicates()) == 6
    record = json.loads(path.with_name("bodies.csv.json").read_text())
    assert record["asked"] == {"donors": 6, "tissues": ["Lung", "Muscle"]}
    assert sum(row["n"] for row in record["counts"]) == 12


def test_a_real_donor_is_completed(trained: Path) -> None:
    store = ExpressionStore.open(next((trained / "outputs" / "stores").iterdir()))
    held_out = Generator.load(trained / "outputs" / "latest").split.donors["test"][:2]
    rows = np.flatnonzero(store.samples["donor_id"].isin(held_out))
    expression = pd.DataFrame(store.read(rows), columns=store.labels)
    real = pd.concat([store.samples.iloc[rows].reset_index(drop=True), expression], axis=1)
    real.to_csv(trained / "real.csv", index=False)
    arguments = ["given=real.csv", "draws=2", "output=completed.h5ad", "seed=1"]
    completed = anndata.read_h5ad(run_here_well("generate", arguments, trained)[-1]).obs.astype("str")
    assert set(completed["donor_id"]) == set(held_out)
    has = real.groupby("donor_id")["tissue"].agg(set)
    for donor, of_donor in completed.groupby("donor_id"):
        assert has[donor].isdisjoint(of_donor["tissue"])
        assert set(of_donor["tissue"].value_counts()) == {2}
        assert set(of_donor["sex"]) == set(real.loc[real["donor_id"] == donor, "sex"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["donors=5", "counts=training"], "counts and donors are given, and each asks for something else"),
        (["donors=5", "given=real.csv"], "donors and given are given"),
        (["tissues=[Lung]"], "tissues goes with donors or given"),
        (["donors=5", "allow_unseen=true"], "allow_unseen goes with counts"),
        (["donors=0"], "donors = 0: must be 1 or more"),
        (["given=real.csv", "draws=0"], "draws = 0: must be 1 or more"),
        (["donors=many"], "donors: Value 'many' of type 'str' could not be converted to Integer"),
        (["donors=5", "tissues=[Ovary,Prostate]"], "No training donor can have all of Ovary, Prostate"),
        (["donors=5", "tissues=Moon"], "seen no tissue 'Moon'. Known: 'Adipose Tissue'"),
        (["given=nowhere.csv"], "nowhere.csv: there is no such file"),
    ],
)
def test_a_request_for_donors_that_makes_no_sense_is_refused(
    trained: Path, arguments: list[str], expected: str
) -> None:
    output = trained / "nonsense.parquet"
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = compose("generate", overrides=[*arguments, f"generator={trained}/outputs/latest", f"output={output}"])
    with pytest.raises(GtexgenError) as caught:
        generate(config)
    assert expected in str(caught.value)
    assert not list(trained.glob("*nonsense*"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["counts={Moon:3}"], "never seen 'Moon'. Known values:\n  tissue: 'Adipose Tissue'"),
        (["counts=[{tissue:Prostate,sex:female,n:3}]"], "Known with tissue='Prostate': sex='male'"),
        (["counts={Lung:3}", "output=table.xlsx"], "use one of .parquet, .csv"),
        (["generator=nowhere"], "nowhere"),
        (["counts={Lung:3}", "seed=one"], "seed: Value 'one' of type 'str' could not be converted to Integer"),
        (["device=tpu9"], "tpu9"),
    ],
)
def test_what_cannot_be_had_is_an_error_that_lists_what_can(trained: Path, arguments: list[str], expected: str) -> None:
    given = {"generator": "outputs/latest", "counts": "training", "output": "refused.parquet"}
    given |= dict(argument.split("=", 1) for argument in arguments)
    done = run_here("generate", [f"{key}={value}" for key, value in given.items()], trained)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(trained.glob("*refused*"))


def test_an_error_is_told_on_standard_error_alone(trained: Path) -> None:
    done = run_script("generate", ["generator=outputs/latest", "counts={Moon:3}", "output=moon.parquet"], trained)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "never seen 'Moon'" in done.stderr
    assert "Traceback" not in done.stderr


def test_sex_genes_follow_the_sex_asked_for(trained: Path) -> None:
    table = Generator.load(trained / "outputs" / "latest").sample(
        [{"sex": "female", "n": 60}, {"sex": "male", "n": 60}], seed=2
    )
    female, male = (table.loc[table["sex"] == sex, ["XIST", "RPS4Y1"]].median() for sex in ("female", "male"))
    assert female["XIST"] > 5 * male["XIST"]
    assert male["RPS4Y1"] > 5 * female["RPS4Y1"]
