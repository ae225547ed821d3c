"""``gtexgen-generate`` end to end."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from gtexgen import Generator
from support.console import run_script, run_well


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
    table = pd.read_csv(run_well("generate", arguments, trained)[-1])
    generator = Generator.load(trained / "outputs" / "latest")
    wanted = generator.training_counts.groupby("tissue")["n"].sum().to_dict()
    assert table["tissue"].value_counts().to_dict() == wanted


def test_the_seed_decides(trained: Path) -> None:
    def drawn(name: str, seed: int) -> pd.DataFrame:
        arguments = ["generator=outputs/latest", "counts=30", f"output={name}", f"seed={seed}"]
        return pd.read_parquet(run_well("generate", arguments, trained)[-1])

    one, again, two = drawn("one.parquet", 1), drawn("again.parquet", 1), drawn("two.parquet", 2)
    pd.testing.assert_frame_equal(one, again)
    assert not one.equals(two)


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
    done = run_script("generate", [f"{key}={value}" for key, value in given.items()], trained)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(trained.glob("*refused*"))


def test_sex_genes_follow_the_sex_asked_for(trained: Path) -> None:
    table = Generator.load(trained / "outputs" / "latest").sample(
        [{"sex": "female", "n": 60}, {"sex": "male", "n": 60}], seed=2
    )
    female, male = (table.loc[table["sex"] == sex, ["XIST", "RPS4Y1"]].median() for sex in ("female", "male"))
    assert female["XIST"] > 5 * male["XIST"]
    assert male["RPS4Y1"] > 5 * female["RPS4Y1"]
