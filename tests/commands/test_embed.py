"""``gtexgen-embed`` end to end."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from gtexgen import Generator
from gtexgen.commands.embed import embed
from gtexgen.config.locations import conf_folder
from gtexgen.data.store import ExpressionStore
from gtexgen.errors import GtexgenError


def run(output: Path, *arguments: str) -> Path:
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = compose("embed", overrides=[*arguments, f"output={output}"])
    embed(config)
    return output


def store_of(trained: Path) -> Path:
    return next((trained / "outputs" / "stores").iterdir())


@pytest.fixture(scope="module")
def pca(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real, reconstructed and generated samples on two principal axes."""
    output = tmp_path_factory.mktemp("embed") / "map"
    return run(
        output, f"store={store_of(trained)}", f"generator={trained}/outputs/latest", "method=pca", "dimensions=2"
    )


def test_the_folder_holds_page_figures_coordinates_record_and_projector(pca: Path) -> None:
    names = {path.name for path in pca.iterdir()}
    assert names == {f"embedding.{suffix}" for suffix in ("html", "png", "svg", "parquet", "json")} | {"projector"}
    pixels = matplotlib.image.imread(pca / "embedding.png")
    assert (pixels[..., :3].min(axis=2) < 0.9).mean() > 0.01


def test_coordinates_are_of_the_test_part_and_of_what_the_generator_makes_of_it(trained: Path, pca: Path) -> None:
    table = pd.read_parquet(pca / "embedding.parquet")
    generator = Generator.load(trained / "outputs" / "latest")
    held_out = [generator.split.sample_ids[row] for row in generator.split.indices("test")]
    assert table["kind"].value_counts().to_dict() == dict.fromkeys(
        ["real", "reconstructed", "generated"], len(held_out)
    )
    real = table[table["kind"] == "real"]
    assert real["sample_id"].tolist() == held_out
    generated = table[table["kind"] == "generated"]
    for column in generator.fields:
        assert generated[column].value_counts().to_dict() == real[column].value_counts().to_dict()
    assert generated["donor_id"].isna().all()
    assert list(table.columns[-2:]) == ["pca_1", "pca_2"]


def test_real_samples_lie_on_the_principal_axes_of_their_expression(trained: Path, pca: Path) -> None:
    table = pd.read_parquet(pca / "embedding.parquet")
    real = table[table["kind"] == "real"]
    store = ExpressionStore.open(store_of(trained))
    rows = pd.Index(store.samples["sample_id"]).get_indexer(real["sample_id"])
    values = np.log2(store.read(rows) + 1)
    centred = values - values.mean(axis=0)
    expected = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    found = real[["pca_1", "pca_2"]].to_numpy()
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-2)


def test_the_page_fetches_nothing(pca: Path) -> None:
    page = (pca / "embedding.html").read_text(encoding="utf-8")
    markup = re.sub(
        r"<script>.*?</script>", "", page, flags=re.DOTALL
    )  # the library holds addresses that it never asks
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!#|data:)""", markup)
    assert "http" not in re.sub(r'http-equiv="', "", re.sub(r"<script type.*?</script>", "", markup, flags=re.DOTALL))
    assert "default-src 'none'" in markup
    for column in ("tissue", "sex", "age", "kind"):
        assert f">{column}</option>" in page


def test_the_record_says_what_made_it(trained: Path, pca: Path) -> None:
    record = json.loads((pca / "embedding.json").read_text())
    store = ExpressionStore.open(store_of(trained))
    assert (record["fingerprint"], record["part"], record["method"]) == (store.fingerprint, "test", "pca")
    assert record["samples"]["real"] == record["samples"]["generated"]


def test_the_projector_reads_what_was_embedded_with_all_labels(pca: Path) -> None:
    config = (pca / "projector" / "projector_config.pbtxt").read_text()
    paths = dict(re.findall(r'(\w+_path): "(.+)"', config))
    values = np.loadtxt(pca / "projector" / paths["tensor_path"], delimiter="\t")
    labels = pd.read_csv(pca / "projector" / paths["metadata_path"], sep="\t", keep_default_na=False)
    table = pd.read_parquet(pca / "embedding.parquet")
    assert values.shape == (len(table), 50)
    assert labels["kind"].tolist() == table["kind"].tolist()
    np.testing.assert_allclose(values[:, :2], table[["pca_1", "pca_2"]], rtol=1e-4, atol=1e-4)


def test_latents_are_those_of_the_encoder(trained: Path, tmp_path: Path) -> None:
    output = run(
        tmp_path / "latents",
        f"store={store_of(trained)}",
        f"generator={trained}/outputs/latest",
        "space=latent",
        "kinds=[real]",
        "part=validation",
        "method=pca",
        "dimensions=3",
        "colour=age",
    )
    table = pd.read_parquet(output / "embedding.parquet")
    assert set(table["kind"]) == {"real"}
    generator = Generator.load(trained / "outputs" / "latest")
    store = ExpressionStore.open(store_of(trained))
    rows = generator.split.indices("validation")
    expression = pd.DataFrame(store.read(rows, generator.labels), columns=generator.labels)
    samples = store.samples.iloc[rows].reset_index(drop=True)
    latents = generator.encode(pd.concat([samples, expression], axis=1))
    assert table["sample_id"].tolist() == samples["sample_id"].tolist()
    spread = table[["pca_1", "pca_2", "pca_3"]].var(ddof=0).to_numpy()
    np.testing.assert_allclose(spread, np.linalg.eigvalsh(np.cov(latents.T, ddof=0))[::-1][:3], rtol=1e-3)


def test_a_table_of_another_tool_is_placed_among_all_real_samples(trained: Path, tmp_path: Path) -> None:
    store = ExpressionStore.open(store_of(trained))
    expression = pd.DataFrame(store.read(np.arange(5)), columns=store.labels)
    pd.concat([pd.DataFrame({"tissue": ["Lung"] * 5}), expression], axis=1).to_csv(tmp_path / "tool.csv", index=False)
    output = run(
        tmp_path / "map", f"store={store.path}", f"synthetic={tmp_path}/tool.csv", "method=pca", "dimensions=2"
    )
    table = pd.read_parquet(output / "embedding.parquet")
    assert table["kind"].value_counts().to_dict() == {"real": store.n_samples, "synthetic": 5}
    synthetic = table[table["kind"] == "synthetic"]
    assert (synthetic["tissue"] == "Lung").all()
    axes = ["pca_1", "pca_2"]
    np.testing.assert_allclose(synthetic[axes], table[axes].iloc[:5], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["colour=tisue"], "Did you mean 'tissue'?"),
        (["method=isomap"], "method = 'isomap': must be one of: pca, tsne, umap"),
        (["dimensions=4"], "dimensions = 4: must be at least 2 and below 4"),
        (["part=test"], "part goes with a generator"),
        (["space=latent"], "space=latent goes with a generator"),
        (["kinds=[generated]"], "nothing gives such samples.\n  Remedy: add generator=DIR"),
        (["kinds=[imagined]"], "must be one of: real, reconstructed, generated, synthetic"),
        (["synthetic=nowhere.csv"], "nowhere.csv: there is no such file"),
        (["generator=nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_had_is_an_error_that_says_what_can(
    trained: Path, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    with pytest.raises(GtexgenError) as caught:
        run(tmp_path / "map", f"store={store_of(trained)}", "method=pca", *arguments)
    assert expected in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_stays_unless_told_otherwise(trained: Path, pca: Path, tmp_path: Path) -> None:
    taken = shutil.copytree(pca, tmp_path / "map")
    with pytest.raises(GtexgenError, match="overwrite=true"):
        run(taken, f"store={store_of(trained)}", "method=pca")
    before = (taken / "embedding.json").read_text()
    run(taken, f"store={store_of(trained)}", "method=pca", "colour=sex", "overwrite=true")
    assert (taken / "embedding.json").read_text() != before


def test_a_generator_of_another_store_is_refused(trained: Path, tmp_path: Path) -> None:
    store = shutil.copytree(store_of(trained), tmp_path / "store")
    samples = pd.read_parquet(store / "samples.parquet")
    samples["sample_id"] = "other " + samples["sample_id"]
    samples.to_parquet(store / "samples.parquet", index=False)
    manifest = json.loads((store / "store.json").read_text())
    manifest["files"]["samples.parquet"]["size"] = (store / "samples.parquet").stat().st_size
    (store / "store.json").write_text(json.dumps(manifest))
    with pytest.raises(GtexgenError, match=r"it lacks .* of the generator's test part"):
        run(tmp_path / "map", f"store={store}", f"generator={trained}/outputs/latest", "method=pca")
