"""The README's commands do what they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gtexgen.data.demo.cohort import DemoCohort, simulate_cohort
from gtexgen.data.genes import gene_table
from gtexgen.data.tables.base import TableHeader
from gtexgen.data.tables.writers import open_table_writer
from gtexgen.evaluation.catalogue import METRICS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCRIPTS = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands_of(block: str) -> list[str]:
    """Split a block of shell into its commands; one may go on over several lines."""
    return block.replace("\\\n", " ").strip().splitlines()


def run_shell(commands: str, folder: Path, *options: str) -> None:
    environment = {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", *options, "-c", commands],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def write_portal_files(folder: Path) -> DemoCohort:
    """Write a simulated cohort as the three files that the portal publishes, and return it."""
    cohort = simulate_cohort(donors=40, samples=400, genes=60)
    samples = cohort.samples
    genes = gene_table(cohort.genes.ids, cohort.genes.symbols)
    with open_table_writer(folder / "gene_tpm.gct.gz", TableHeader(genes, [], "TPM")) as table:
        table.write(samples[["sample_id"]], cohort.expression)
    attributes = samples[["sample_id", "tissue", "subtissue"]]
    attributes.set_axis(["SAMPID", "SMTS", "SMTSD"], axis=1).to_csv(
        folder / "SampleAttributesDS.txt", sep="\t", index=False
    )
    subjects = samples[["donor_id", "sex", "age"]].drop_duplicates()
    subjects.set_axis(["SUBJID", "SEX", "AGE"], axis=1).to_csv(
        folder / "SubjectPhenotypesDS.txt", sep="\t", index=False
    )
    return cohort


def write_other_tools_files(folder: Path, cohort: DemoCohort) -> None:
    """Write what a tool made of the samples of 30 donors, and the ids of these samples."""
    trained = cohort.samples["donor_id"].isin(cohort.samples["donor_id"].unique()[:30]).to_numpy()
    cohort.samples.loc[trained, ["sample_id"]].to_csv(folder / "training_ids.csv", index=False)
    noise = np.random.default_rng(0).lognormal(0, 0.3, cohort.expression[trained].shape)
    table = pd.DataFrame(cohort.expression[trained] * noise, columns=cohort.genes.symbols)
    table["label"] = cohort.samples.loc[trained, "tissue"].to_numpy()
    table.to_csv(folder / "other_tool.csv", index=False)


def check_report(folder: Path) -> dict[str, Any]:
    """Check that a report is complete, remove it, so that its name is free, and return its scores."""
    assert (folder / "report.html").stat().st_size > 0
    scores: dict[str, Any] = json.loads((folder / "metrics.json").read_text())["scores"]
    assert scores.keys() == METRICS.keys()
    shutil.rmtree(folder)
    return scores


def check_report_of_a_network(folder: Path) -> None:
    """Check that latents, reconstructions, donors and training curves are in it."""
    page = (folder / "report.html").read_text()
    assert "no training run is known" not in page
    assert "it has no latent space that is known" not in page
    genes = pd.read_parquet(folder / "tables" / "genes.parquet")
    assert np.corrcoef(genes["mean_reconstructed"], genes["mean_real"])[0, 1] > 0.9
    assert len(pd.read_parquet(folder / "tables" / "nearest_tissues.parquet"))
    assert (folder / "figures" / "traversals.png").is_file()
    scores = check_report(folder)
    for metric in ("latent_silhouette_tissue", "latent_ari_tissue", "latent_purity_tissue", "within_donor_mean"):
        assert scores[metric]["synthetic"]["value"] is not None
    assert "no latent space" in scores["latent_purity_tissue"]["real"]["why"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_commands_on_real_files_and_the_python_lines_run(tmp_path: Path) -> None:
    write_portal_files(tmp_path)
    preparation, *_ = (block for block in blocks("bash") if "gtexgen-evaluate" in block)
    run_shell(preparation, tmp_path)
    table = pd.read_parquet(tmp_path / "synthetic.parquet")
    assert table["tissue"].value_counts().to_dict() == {"Lung": 200, "Liver": 50}
    assert (tmp_path / "synthetic.h5ad").stat().st_size > 0
    check_report_of_a_network(tmp_path / "report")
    (lines,) = blocks("python")
    run_shell(f"{sys.executable} - <<'EOF'\n{lines}\nassert len(table) == 250\nEOF", tmp_path)
    (embedding,) = re.findall(r"`(gtexgen-embed [^`]+)`", README)
    run_shell(f"{embedding} method=pca", tmp_path)
    assert (tmp_path / "map" / "embedding.html").is_file()
    assert (tmp_path / "map" / "projector").is_dir()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_table_of_another_tool_takes_two_commands(tmp_path: Path) -> None:
    write_other_tools_files(tmp_path, write_portal_files(tmp_path))
    *_, commands = (block for block in blocks("bash") if "gtexgen-evaluate" in block)
    assert len(commands_of(commands)) == 2
    run_shell(commands, tmp_path)
    scores = check_report(tmp_path / "report_of_tool")
    assert scores["coverage"]["synthetic"]["value"] > 0.5
    assert scores["membership_auc"]["synthetic"]["value"] > 0.9


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_make_demo_trains_and_generates(tmp_path: Path) -> None:
    assert any("make demo" in block for block in blocks("bash"))
    run_shell(f"make -f {ROOT / 'Makefile'} -o .venv/.ready BIN={SCRIPTS} demo", tmp_path)
    table = pd.read_parquet(tmp_path / "outputs" / "demo" / "synthetic.parquet")
    assert table["tissue"].nunique() == 30


def test_the_first_screen_names_two_commands_and_a_picture() -> None:
    first = "\n".join(README.splitlines()[:20])
    assert "make demo" in first
    assert "make test" in first
    (picture,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", first)
    assert (ROOT / picture).is_file()


def test_every_link_of_the_readme_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    headings = {
        anchor(heading) for heading in re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", README, flags=re.S), re.M)
    }
    for link in links:
        path, _, place = link.partition("#")
        assert (ROOT / path).exists()
        assert path or place in headings


def anchor(heading: str) -> str:
    """Give the name by which GitHub lets a heading be linked to."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
