"""Baselines as generators: what they share with networks, and what they refuse."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from gtexgen import Generator
from gtexgen.baselines import BASELINES
from gtexgen.errors import GeneratorError
from gtexgen.generator import BaselineGenerator, NetworkGenerator
from gtexgen.generator.counts import count_combinations
from support.small_baseline import make_baseline
from support.small_generator import make_expression, make_generator, make_samples, make_split

FILES = {
    "README.md",
    "baseline.safetensors",
    "conditions.json",
    "config.yaml",
    "generator.json",
    "genes.json",
    "metrics.json",
    "scaling.json",
    "split.json",
}


@pytest.fixture(params=sorted(BASELINES))
def generator(request: pytest.FixtureRequest) -> BaselineGenerator:
    return make_baseline(request.param)


@pytest.fixture
def saved(generator: BaselineGenerator, tmp_path: Path) -> Path:
    generator.save(tmp_path / "generator")
    return tmp_path / "generator"


def test_a_sample_holds_what_was_asked_for_in_store_units(generator: BaselineGenerator) -> None:
    table = generator.sample({"Lung": 20, "Ovary": 5}, seed=3)
    assert table.columns.tolist() == ["sample_id", "tissue", "sex", *generator.labels]
    assert table["tissue"].tolist() == ["Lung"] * 20 + ["Ovary"] * 5
    assert set(table.loc[20:, "sex"]) == {"female"}
    expression = table[generator.labels].to_numpy()
    assert expression.dtype == np.float32
    samples = make_samples()
    largest = make_expression(len(samples))[make_split(samples).parts == "train"].max(axis=0)
    assert (expression >= 0).all()
    assert (expression <= largest * (1 + 1e-6)).all()


def test_the_training_counts_are_the_default(generator: BaselineGenerator) -> None:
    table = generator.sample()
    pd.testing.assert_frame_equal(count_combinations(table, generator.fields), generator.training_counts)


def test_a_seed_decides_the_table_wherever_it_goes(generator: BaselineGenerator, tmp_path: Path) -> None:
    table, other = (generator.sample(40, seed=seed) for seed in (1, 2))
    assert not np.array_equal(table[generator.labels], other[generator.labels])
    generator.write(tmp_path / "synthetic.h5ad", 40, seed=1)
    np.testing.assert_array_equal(anndata.read_h5ad(tmp_path / "synthetic.h5ad").X, table[generator.labels])
    np.testing.assert_array_equal(generator.sample_anndata(40, seed=1).X, table[generator.labels])


def test_without_noise_every_sample_is_the_mean_of_its_class(generator: BaselineGenerator) -> None:
    samples = make_samples()
    own = (make_split(samples).parts == "train") & (samples["tissue"] == "Liver") & (samples["sex"] == "male")
    mean = np.log2(make_expression(len(samples))[own.to_numpy()] + 1).mean(axis=0)
    table = generator.sample([{"tissue": "Liver", "sex": "male", "n": 3}], noise=False)
    np.testing.assert_allclose(table[generator.labels], np.tile(2**mean - 1, (3, 1)), rtol=1e-4)


def test_an_unseen_combination_is_refused_with_the_reason(generator: BaselineGenerator) -> None:
    request = [{"tissue": "Ovary", "sex": "male", "n": 3}]
    with pytest.raises(GeneratorError, match="No training sample has tissue='Ovary', sex='male' together"):
        generator.sample(request)
    with pytest.raises(GeneratorError, match=r"has no mean to draw around(.|\n)*model=cvae"):
        generator.sample(request, allow_unseen=True)


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (lambda generator: generator.encode(pd.DataFrame()), "no latents to encode to"),
        (lambda generator: generator.decode(np.zeros((1, 3)), pd.DataFrame()), "no latents to decode"),
        (lambda generator: generator.sample_donors(3), "samples of one donor share"),
        (lambda generator: generator.complete("real.csv"), "samples of one donor share"),
    ],
)
def test_what_only_networks_give_is_refused_with_the_remedy(
    generator: BaselineGenerator, ask: Callable[[Generator], object], why: str
) -> None:
    with pytest.raises(
        GeneratorError, match=f"is a {generator.title}, a baseline(.|\n)*{why}(.|\n)*Remedy.*model=cvae"
    ):
        ask(generator)
    assert not generator.knows_donors


# ---- files


def test_a_loaded_baseline_is_the_saved_one(generator: BaselineGenerator, saved: Path) -> None:
    loaded = Generator.load(saved)
    assert isinstance(loaded, BaselineGenerator)
    assert loaded.baseline.options == generator.baseline.options
    pd.testing.assert_frame_equal(loaded.sample(30, seed=2), generator.sample(30, seed=2))
    pd.testing.assert_frame_equal(loaded.training_counts, generator.training_counts)
    assert repr(loaded) == repr(generator)
    assert generator.title in repr(loaded)


def test_the_folder_holds_only_the_files_that_are_named(saved: Path) -> None:
    assert {path.name for path in saved.iterdir()} == FILES


def test_the_card_says_what_it_is_and_whether_it_holds_training_samples(
    generator: BaselineGenerator, saved: Path
) -> None:
    card = (saved / "README.md").read_text()
    assert f"| baseline | {generator.title} |" in card
    assert "fewer than 5 samples" in card
    assert ("holds the training samples themselves" in card) == (generator.title == "bootstrap with noise")


def test_the_card_s_example_runs(saved: Path) -> None:
    example = re.findall(r"```python\n(.*?)```", (saved / "README.md").read_text(), flags=re.DOTALL)[0]
    names: dict[str, object] = {}
    exec(example.replace("path/to/this/folder", str(saved)), names)
    assert len(names["table"]) == 50  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(FILES - {"README.md"}))
def test_a_damaged_file_is_named(saved: Path, name: str) -> None:
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(GeneratorError, match=re.escape(name)):
        Generator.load(saved)


def replace(folder: Path, name: str, content: bytes) -> None:
    """Put other contents into a generator, its checksum with them."""
    (folder / name).write_bytes(content)
    about = json.loads((folder / "generator.json").read_text())
    about["sha256"][name] = hashlib.sha256(content).hexdigest()
    (folder / "generator.json").write_text(json.dumps(about))


def test_a_foreign_baseline_runs_no_code_of_its_own(saved: Path) -> None:
    replace(saved, "config.yaml", b"model: {baseline: os.system, options: {}}\nsettings: {}\n")
    with pytest.raises(GeneratorError, match=r"config\.yaml.*'os\.system' is no baseline; known: class_gaussian"):
        Generator.load(saved)


@pytest.mark.parametrize("content", [b"", b'{"a": "b"}', b"\x80\x04."])
def test_arrays_that_are_something_else_are_refused(saved: Path, content: bytes) -> None:
    replace(saved, "baseline.safetensors", content)
    with pytest.raises(GeneratorError, match=r"baseline\.safetensors"):
        Generator.load(saved)


def test_a_baseline_of_other_genes_is_refused(saved: Path) -> None:
    genes = json.loads((saved / "genes.json").read_text())
    replace(saved, "genes.json", json.dumps({name: values[:-1] for name, values in genes.items()}).encode())
    with pytest.raises(GeneratorError, match=r"baseline\.safetensors is of \(classes, genes\)"):
        Generator.load(saved)


def test_each_kind_is_loaded_as_what_it_is(saved: Path, tmp_path: Path) -> None:
    make_generator().save(tmp_path / "networks")
    assert isinstance(Generator.load(tmp_path / "networks"), NetworkGenerator)
    with pytest.raises(GeneratorError, match="of the kind 'baseline'; known here: networks"):
        NetworkGenerator.load(saved)


def test_a_folder_from_before_there_were_kinds_holds_networks(tmp_path: Path) -> None:
    make_generator().save(tmp_path / "old")
    about = json.loads((tmp_path / "old" / "generator.json").read_text())
    del about["kind"]
    (tmp_path / "old" / "generator.json").write_text(json.dumps(about))
    assert isinstance(Generator.load(tmp_path / "old"), NetworkGenerator)
