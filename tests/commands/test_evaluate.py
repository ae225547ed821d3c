"""``gtexgen-evaluate`` end to end: generators of ours and tables of any tool, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from gtexgen.commands.generate import generate
from gtexgen.config.locations import conf_folder
from gtexgen.errors import ConfigError, GtexgenError
from gtexgen.evaluation.catalogue import METRICS, metrics_of
from gtexgen.evaluation.feature_space import FeatureSpace
from gtexgen.evaluation.results import REAL, SUBJECT
from support.console import run_here, run_script, run_well
from support.judged import Fitted, assessment, fit_small, judge, write_judgement

CANDIDATES = [SUBJECT, REAL, "class_gaussian"]
ALONE = "baselines=[]"


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """A class Gaussian of tissue and sex, and its store."""
    return fit_small(tmp_path_factory.mktemp("fitted"))


@pytest.fixture(scope="module")
def report(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a judgement of that generator."""
    return write_judgement(tmp_path_factory.mktemp("judged") / "report", f"generator={fitted.run}")


@pytest.fixture
def table(fitted: Fitted) -> pd.DataFrame:
    """What the generator draws: sample_id, tissue and sex, then a column a gene."""
    return fitted.generator.sample("training", seed=9)


@pytest.fixture
def ids(fitted: Fitted, tmp_path: Path) -> Path:
    """A list of the training samples."""
    path = tmp_path / "training_ids.csv"
    fitted.samples("train")[["sample_id"]].to_csv(path, index=False)
    return path


def scores_of(folder: Path) -> dict[str, dict[str, Any]]:
    scores: dict[str, dict[str, Any]] = json.loads((folder / "metrics.json").read_text(), parse_constant=pytest.fail)[
        "scores"
    ]
    return scores


def saved(table: pd.DataFrame, path: Path) -> Path:
    table.to_csv(path, index=False) if path.suffix == ".csv" else table.to_parquet(path, index=False)
    return path


def of_other_tool(table: pd.DataFrame, path: Path) -> Path:
    """Write a table as others do: genes, then the tissue under another name, and nothing else."""
    genes = table.drop(columns=["sample_id", "tissue", "sex"])
    return saved(genes.assign(label=table["tissue"]), path)


def test_every_metric_of_every_candidate_has_a_value_or_says_why(report: Path) -> None:
    scores = scores_of(report)
    assert list(scores) == list(METRICS)
    for of_metric in scores.values():
        assert list(of_metric) == CANDIDATES
        for score in of_metric.values():
            assert (score["value"] is None) != (score["why"] is None)
    undefined = {key for key in METRICS if scores[key][REAL]["value"] is None}
    assert undefined == {metric.key for metric in metrics_of("latents")}


def test_intervals_hold_their_values(report: Path) -> None:
    given = [of for of_metric in scores_of(report).values() for of in of_metric.values() if of["interval"]]
    assert len(given) > len(METRICS)
    assert all(of["interval"][0] <= of["value"] <= of["interval"][1] for of in given)


def test_the_folder_has_page_tables_figures_and_feature_space(report: Path, fitted: Fitted) -> None:
    assert {path.name for path in report.iterdir()} == {
        "report.html",
        "metrics.json",
        "tables",
        "figures",
        "feature_space.safetensors",
    }
    page = (report / "report.html").read_text()
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?:', page)
    assert all(metric.title in page for metric in METRICS.values())
    names = {path.stem for path in (report / "figures").iterdir()}
    assert {"scores", "conditions", "genes", "gene_differences", "correlations", "embedding"} <= names
    for name in names:
        assert (matplotlib.image.imread(report / "figures" / f"{name}.png")[..., :3].min(axis=2) < 0.9).any()
        assert (report / "figures" / f"{name}.svg").stat().st_size > 0
    space = FeatureSpace.load(report / "feature_space.safetensors")
    assert space.transform(np.zeros((1, fitted.store.n_genes), np.float32)).shape[0] == 1


def test_the_tables_agree_with_the_split(report: Path, fitted: Fitted) -> None:
    counts = pd.read_parquet(report / "tables" / "counts.parquet").set_index("condition")
    for samples, column in ((fitted.samples("train"), "training"), (fitted.samples("test"), "held_out")):
        expected = samples["tissue"].value_counts()
        assert counts[column][counts[column] > 0].to_dict() == expected.to_dict()
    assert counts["synthetic"].equals(counts["training"].rename("synthetic"))
    genes = pd.read_parquet(report / "tables" / "genes.parquet")
    assert genes["gene"].tolist() == fitted.store.labels
    expected_mean = np.log2(fitted.real_table("test")[fitted.store.labels].to_numpy() + 1).mean(axis=0)
    assert np.corrcoef(genes["mean_real"], expected_mean)[0, 1] > 0.95
    markers = pd.read_parquet(report / "tables" / "markers.parquet")
    assert len(markers)
    assert len(pd.read_parquet(report / "tables" / "differential_expression.parquet"))


def test_the_same_seed_gives_the_same_scores_and_another_seed_others(report: Path, fitted: Fitted) -> None:
    again = judge(f"generator={fitted.run}").to_json()["scores"]
    assert json.loads(json.dumps(again)) == scores_of(report)
    other = judge(f"generator={fitted.run}", "seed=1", ALONE)
    assert other.score("wasserstein").value != again["wasserstein"][SUBJECT]["value"]


def test_that_few_donors_judge_is_said_first(fitted: Fitted) -> None:
    donors = fitted.generator.split.donors["test"]
    assert judge(f"generator={fitted.run}", ALONE).notes[0].startswith(f"Judged by {len(donors)} held-out donors")


def test_a_table_of_our_own_is_judged_by_the_split_of_its_generator(fitted: Fitted, tmp_path: Path) -> None:
    output = tmp_path / "table.parquet"
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = compose("generate", overrides=[f"generator={fitted.run}", "seed=0", f"output={output}"])
    generate(config)
    prepared = assessment(f"synthetic={output}", ALONE)
    assert prepared.sources.membership.parts.tolist() == fitted.generator.split.parts.tolist()
    assert prepared.sources.notes == []
    drawn = assessment(f"generator={fitted.run}", ALONE).candidates[SUBJECT].draws[0]()
    np.testing.assert_allclose(prepared.candidates[SUBJECT].draws[0]().expression, drawn.expression, atol=1e-5)


def test_a_table_of_another_tool_is_judged_by_a_list_of_ids(
    fitted: Fitted, table: pd.DataFrame, ids: Path, tmp_path: Path
) -> None:
    path = of_other_tool(table.drop(columns=fitted.store.labels[3]), tmp_path / "other.csv")
    found = judge(
        f"synthetic={path}", "columns.tissue=label", f"trained_on={ids}", f"store={fitted.store.path}", "genes=shared"
    )
    assert found.condition == "tissue"
    assert found.counts["training"].sum() == len(fitted.samples("train"))
    assert found.genes["gene"].tolist() == [name for name in fitted.store.labels if name != fitted.store.labels[3]]
    assert any(fitted.store.labels[3] in note for note in found.notes)
    defined = {key for key in METRICS if found.score(key).value is not None}
    asked = {metric.key for question in ("genes", "samples", "privacy") for metric in metrics_of(question)}
    assert defined == asked | {"tissue_transfer"}
    assert "does not give the sex" in str(found.score("sex_transfer").why)


def test_without_a_list_a_split_is_assumed_and_the_reader_is_told(
    fitted: Fitted, table: pd.DataFrame, tmp_path: Path
) -> None:
    path = saved(table, tmp_path / "other.csv")
    prepared = assessment(f"synthetic={path}", f"store={fitted.store.path}", ALONE)
    assert any("a new split is assumed" in note for note in prepared.sources.notes)


def test_samples_of_a_tissue_that_is_not_real_are_told_of(fitted: Fitted, table: pd.DataFrame, tmp_path: Path) -> None:
    table.loc[:2, "tissue"] = "Wing"
    prepared = assessment(f"synthetic={saved(table, tmp_path / 't.parquet')}", f"generator={fitted.run}", ALONE)
    assert prepared.sources.notes == ["3 samples have a tissue that no real sample has: Wing"]


@pytest.mark.parametrize(("scale", "take"), [("log2", np.log2), ("log1p", np.log)])
def test_logarithms_come_to_the_same_as_units(
    fitted: Fitted, table: pd.DataFrame, tmp_path: Path, scale: str, take: Any
) -> None:
    genes = fitted.store.labels
    logged = table.assign(**{gene: take(table[gene] + 1) for gene in genes})
    both = [
        assessment(f"synthetic={saved(of, tmp_path / name)}", f"generator={fitted.run}", f"scale={which}", ALONE)
        for of, name, which in ((table, "units.parquet", "linear"), (logged, "logs.parquet", scale))
    ]
    units, logs = (of.candidates[SUBJECT].draws[0]().expression for of in both)
    np.testing.assert_allclose(units, logs, atol=1e-4)


def test_negative_values_are_taken_for_0_on_demand_and_counted(
    fitted: Fitted, table: pd.DataFrame, tmp_path: Path
) -> None:
    table.loc[:3, fitted.store.labels[0]] = -2.0
    source = [f"synthetic={saved(table, tmp_path / 't.parquet')}", f"generator={fitted.run}", ALONE]
    with pytest.raises(GtexgenError, match="negative=zero"):
        assessment(*source)
    prepared = assessment(*source, "negative=zero")
    assert prepared.candidates[SUBJECT].draws[0]().expression[:4, 0].tolist() == [0, 0, 0, 0]
    assert any("4 values below 0" in note for note in prepared.sources.notes)


def test_a_table_without_labels_is_compared_as_one(fitted: Fitted, table: pd.DataFrame, tmp_path: Path) -> None:
    path = saved(table.drop(columns=["tissue", "sex"]), tmp_path / "bare.csv")
    found = judge(f"synthetic={path}", f"generator={fitted.run}", "condition=none", ALONE)
    assert found.counts["condition"].tolist() == ["all samples"]
    assert found.score("detection_auc").value is not None
    assert set(found.score("coverage").by_condition) == {"all samples"}
    assert found.score("effect_agreement").why is not None
    assert found.score("tissue_transfer").why is not None


def test_another_label_can_be_compared_by(fitted: Fitted) -> None:
    found = judge(f"generator={fitted.run}", "condition=sex", ALONE)
    assert found.condition == "sex"
    assert set(found.counts["condition"]) == {"female", "male"}
    assert set(found.score("wasserstein").by_condition) == {"female", "male"}


def test_training_samples_have_the_ceilings_scores_and_no_privacy(fitted: Fitted, ids: Path, tmp_path: Path) -> None:
    """A table that names its donors has scores within donors too; one that is the training samples hides nobody."""
    path = saved(fitted.real_table("train"), tmp_path / "copy.parquet")
    found = judge(f"synthetic={path}", f"generator={fitted.run}", ALONE)
    for question in ("genes", "samples", "use", "donors"):
        for metric in metrics_of(question):
            assert found.score(metric.key).value == pytest.approx(found.score(metric.key, REAL).value, abs=1e-6)
    assert found.score("within_donor_mean").value is not None
    assert found.score("membership_auc").value == 1
    assert found.score("copies").value == 1
    assert found.score("nearest_ratio").value == 0


def test_the_validation_part_can_judge_instead(fitted: Fitted) -> None:
    prepared = assessment(f"generator={fitted.run}", "part=validation", ALONE)
    assert set(prepared.reference.held_out.labels["donor_id"]) == set(fitted.samples("validation")["donor_id"])
    assert prepared.reference.independent is not None
    assert set(prepared.reference.independent.labels["donor_id"]) < set(fitted.samples("test")["donor_id"])


def refusal(output: Path, *arguments: str) -> str:
    """Give the message of an error that is for the user and leaves no folder behind."""
    with pytest.raises(GtexgenError) as error:
        write_judgement(output, *arguments)
    assert not output.exists()
    return str(error.value)


def test_what_is_at_fault_is_named_with_a_remedy(
    fitted: Fitted, table: pd.DataFrame, ids: Path, tmp_path: Path
) -> None:
    output, store, generator = tmp_path / "report", f"store={fitted.store.path}", f"generator={fitted.run}"
    given = f"synthetic={saved(table, tmp_path / 'given.parquet')}"
    assert "store=DIR" in refusal(output, given)
    assert "compared by one label" in refusal(output, given, store, "condition=[sex,tissue]")
    assert "has the labels tissue, sex" in refusal(output, generator, "condition=age")
    message = refusal(output, given, store, "condition=subtissue")
    assert "'subtissue'" in message
    assert "columns.subtissue" in message
    assert "such file" in refusal(output, "synthetic=nowhere.csv", store)
    saved(table.assign(tissue=table["tissue"].str.lower()), tmp_path / "lower.parquet")
    message = refusal(output, f"synthetic={tmp_path}/lower.parquet", store)
    assert "brain" in message
    assert "Brain" in message
    pd.DataFrame({"sample_id": ["nobody"]}).to_csv(tmp_path / "strangers.csv", index=False)
    message = refusal(output, given, store, f"trained_on={tmp_path}/strangers.csv")
    assert "'nobody'" in message
    assert "strangers.csv" in message
    fitted.store.samples[["donor_id"]].drop_duplicates()[2:].to_csv(tmp_path / "nearly_all.csv", index=False)
    assert "too few to judge by" in refusal(output, given, store, f"trained_on={tmp_path}/nearly_all.csv")


def test_a_store_that_the_generator_does_not_know_is_refused(fitted: Fitted, tmp_path: Path) -> None:
    other = fit_small(tmp_path / "other", "data.units=counts", "data.seed=5")
    message = refusal(tmp_path / "report", f"generator={fitted.run}", f"store={other.store.path}")
    assert "TPM" in message
    assert "counts" in message


def test_a_folder_that_is_taken_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "mine.txt").write_text("mine")
    with pytest.raises(GtexgenError, match="overwrite=true"):
        write_judgement(tmp_path / "report", "synthetic=nowhere.csv", "store=nowhere")
    assert (tmp_path / "report" / "mine.txt").read_text() == "mine"


def test_an_unknown_baseline_is_a_range_error(fitted: Fitted) -> None:
    with pytest.raises(ConfigError, match="baselines"):
        assessment(f"generator={fitted.run}", "baselines=[gan]")


def test_the_script_helps_and_suggests_what_was_meant(tmp_path: Path) -> None:
    assert any("trained_on=training_ids.csv" in line for line in run_well("evaluate", ["--help"], tmp_path))
    for argument, meant in {
        "synthetix=a.csv": "Did you mean 'synthetic'?",
        "condition=sx": "Did you mean 'sex'?",
    }.items():
        done = run_here("evaluate", [argument], tmp_path)
        assert done.returncode == 1
        assert meant in done.stderr
        assert "Traceback" not in done.stderr


def test_a_mistake_is_told_on_standard_error_alone(tmp_path: Path) -> None:
    done = run_script("evaluate", ["synthetix=a.csv"], tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Did you mean 'synthetic'?" in done.stderr
    assert "Traceback" not in done.stderr
