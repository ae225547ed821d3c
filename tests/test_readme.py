"""The README's commands do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from gtexgen.data.demo.cohort import simulate_cohort
from gtexgen.data.genes import gene_table
from gtexgen.data.tables.base import TableHeader
from gtexgen.data.tables.writers import open_table_writer

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCRIPTS = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


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


def write_portal_files(folder: Path) -> None:
    """Write a simulated cohort as the three files that the portal publishes."""
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


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_commands_on_real_files_and_the_python_lines_run(tmp_path: Path) -> None:
    write_portal_files(tmp_path)
    (commands,) = [block for block in blocks("bash") if "gtexgen-prepare" in block]
    run_shell(commands, tmp_path)
    table = pd.read_parquet(tmp_path / "synthetic.parquet")
    assert table["tissue"].value_counts().to_dict() == {"Lung": 200, "Liver": 50}
    assert (tmp_path / "synthetic.h5ad").stat().st_size > 0
    (lines,) = blocks("python")
    run_shell(f"{sys.executable} - <<'EOF'\n{lines}\nassert len(table) == 250\nEOF", tmp_path)


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
    (picture,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert (ROOT / picture).is_file()


def test_every_link_of_the_readme_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]
