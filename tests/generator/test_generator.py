from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import torch

from gtexgen import Generator
from gtexgen.errors import DataError, GeneratorError
from gtexgen.generator import NetworkGenerator
from gtexgen.generator.counts import count_combinations
from support.small_generator import N_GENES, make_expression, make_generator, make_samples

FILES = {
    "README.md",
    "conditions.json",
    "config.yaml",
    "donors.json",
    "donors.safetensors",
    "generator.json",
    "genes.json",
    "metrics.json",
    "scaling.json",
    "split.json",
    "weights.safetensors",
}


@pytest.fixture
def generator() -> NetworkGenerator:
    return make_generator()


@pytest.fixture
def saved(generator: NetworkGenerator, tmp_path: Path) -> Path:
    generator.save(tmp_path / "run" / "generator")
    return tmp_path / "run" / "generator"


@pytest.fixture
def real() -> pd.DataFrame:
    samples = make_samples()
    genes = pd.DataFrame(make_expression(len(samples)), columns=[f"GENE{gene}" for gene in range(N_GENES)])
    return pd.concat([samples, genes], axis=1)


def set_decoded(generator: NetworkGenerator, scaled: float) -> None:
    """Make the networks decode everything to one value on the model's scale."""
    location = generator.networks.likelihood.location
    assert isinstance(location, torch.nn.Linear)
    with torch.no_grad():
        location.weight.zero_()
        location.bias.fill_(scaled)


# ---- samples


def test_a_sample_holds_what_was_asked_for_in_store_units(generator: NetworkGenerator) -> None:
    table = generator.sample({"Lung": 20, "Ovary": 5}, seed=3)
    assert table.columns.tolist() == ["sample_id", "tissue", "sex", *generator.labels]
    assert table["sample_id"].is_unique
    assert table["tissue"].tolist() == ["Lung"] * 20 + ["Ovary"] * 5
    assert set(table.loc[20:, "sex"]) == {"female"}
    expression = table[generator.labels].to_numpy()
    assert expression.dtype == np.float32
    assert np.isfinite(expression).all()
    assert (expression >= 0).all()
    assert (expression.std(axis=0) > 0).all()


def test_the_training_counts_are_the_default(generator: NetworkGenerator) -> None:
    table = generator.sample()
    pd.testing.assert_frame_equal(count_combinations(table, generator.fields), generator.training_counts)


def test_a_seed_decides_the_table(generator: NetworkGenerator) -> None:
    first, again, other = (generator.sample(40, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not np.array_equal(first[generator.labels], other[generator.labels])


def test_sampling_leaves_the_default_random_state_alone(generator: NetworkGenerator) -> None:
    before = torch.random.get_rng_state()
    generator.sample(10)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".h5ad"])
def test_the_table_does_not_depend_on_where_it_goes(
    generator: NetworkGenerator, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtexgen.generator.fitted.CHUNK_BYTES", 0)  # the smallest chunks: 16 samples
    table = generator.sample({"Lung": 40, "Liver": 30}, seed=3)
    chunks: list[int] = []
    path = tmp_path / f"synthetic{suffix}"
    written = generator.write(path, {"Lung": 40, "Liver": 30}, seed=3, progress=chunks.append)
    assert chunks == [16, 16, 16, 16, 6]
    assert written.groupby("tissue")["n"].sum().to_dict() == {"Lung": 40, "Liver": 30}
    if suffix == ".h5ad":
        data = anndata.read_h5ad(path)
        back = pd.concat([data.obs.astype("str"), data.to_df()], axis=1).reset_index(names="sample_id")
    else:
        back = pd.read_parquet(path) if suffix == ".parquet" else pd.read_csv(path)
    np.testing.assert_array_equal(back[generator.labels].to_numpy(np.float32), table[generator.labels].to_numpy())
    named = ["sample_id", "tissue", "sex"]
    pd.testing.assert_frame_equal(back[named].astype("str"), table[named], check_names=False)


def test_anndata_holds_the_same_samples_and_can_be_written(generator: NetworkGenerator, tmp_path: Path) -> None:
    table = generator.sample(25, seed=3)
    data = generator.sample_anndata(25, seed=3)
    np.testing.assert_array_equal(data.X, table[generator.labels].to_numpy())
    assert data.obs_names.tolist() == table["sample_id"].tolist()
    assert data.obs["tissue"].tolist() == table["tissue"].tolist()
    assert data.var["gene_id"].tolist() == generator.genes["gene_id"].tolist()
    data.write_h5ad(tmp_path / "data.h5ad")
    assert anndata.read_h5ad(tmp_path / "data.h5ad").uns["units"] == "TPM"


def test_without_noise_the_decoded_mean_comes_back_in_store_units(generator: NetworkGenerator) -> None:
    set_decoded(generator, 0.5)
    table = generator.sample(8, noise=False)
    expected = generator.scaling.unscale(np.full((8, N_GENES), 0.5, dtype=np.float32))
    np.testing.assert_allclose(table[generator.labels], expected, rtol=1e-6)


def test_noise_has_the_likelihood_s_scale(generator: NetworkGenerator) -> None:
    generator.scaling.largest = None
    generator = dataclasses.replace(generator)
    set_decoded(generator, 2.0)
    table = generator.sample(20_000, seed=1)
    scaled = generator.scaling.scale(table[generator.labels].to_numpy())
    np.testing.assert_allclose(scaled.std(axis=0), 1.0, atol=0.03)  # the untrained Gaussian's scale is 1


def test_no_gene_exceeds_what_training_showed(generator: NetworkGenerator) -> None:
    set_decoded(generator, 50.0)
    table = generator.sample(8, seed=1)
    assert generator.scaling.largest is not None
    expected = np.broadcast_to(generator.scaling.largest, (8, N_GENES))
    np.testing.assert_allclose(table[generator.labels], expected, rtol=1e-6)


def test_what_falls_below_zero_becomes_zero(generator: NetworkGenerator) -> None:
    set_decoded(generator, -50.0)
    assert (generator.sample(5)[generator.labels] == 0).all(axis=None)


@pytest.mark.parametrize("value", [float("nan"), 1e6])
def test_a_value_that_is_not_finite_is_never_written(generator: NetworkGenerator, tmp_path: Path, value: float) -> None:
    location = generator.networks.likelihood.location
    assert isinstance(location, torch.nn.Linear)
    with torch.no_grad():
        location.bias[4] = value
    with pytest.raises(GeneratorError, match=r"not finite for 1 of the 12 genes: GENE4"):
        generator.write(tmp_path / "synthetic.csv", 5)
    assert list(tmp_path.iterdir()) == []


def test_an_unseen_combination_needs_leave(generator: NetworkGenerator, tmp_path: Path) -> None:
    request = [{"tissue": "Ovary", "sex": "male", "n": 3}]
    with pytest.raises(GeneratorError, match="allow_unseen=true"):
        generator.iter_samples(request)
    assert generator.sample(request, allow_unseen=True)["sex"].tolist() == ["male"] * 3


def test_a_gene_named_like_a_sample_column_needs_a_format_that_keeps_them_apart() -> None:
    generator = make_generator(symbols=["tissue", *(f"GENE{gene}" for gene in range(1, N_GENES))])
    with pytest.raises(DataError, match="genes called tissue"):
        generator.sample(5)
    assert generator.sample_anndata(5).var_names[0] == "tissue"


# ---- latents


def test_encode_gives_the_posterior_means(generator: NetworkGenerator, real: pd.DataFrame) -> None:
    latent = generator.encode(real)
    assert latent.shape == (len(real), 3)
    scaled = torch.from_numpy(generator.scaling.scale(real[generator.labels].to_numpy(np.float32)))
    condition = torch.from_numpy(generator.encoder.encode(real))
    with torch.no_grad():
        expected = generator.networks.infer(scaled, condition).mean
    np.testing.assert_allclose(latent, expected.numpy(), rtol=1e-5, atol=1e-6)
    shuffled = real[real.columns[::-1]].assign(other=1.0)
    np.testing.assert_array_equal(generator.encode(shuffled), latent)


def test_decode_gives_the_expected_expression(generator: NetworkGenerator, real: pd.DataFrame) -> None:
    latent = generator.encode(real)
    table = generator.decode(latent, real)
    assert table.columns.tolist() == ["sample_id", "tissue", "sex", *generator.labels]
    condition = torch.from_numpy(generator.encoder.encode(real))
    with torch.no_grad():
        scaled = generator.networks.decode(torch.from_numpy(latent), condition)[0].numpy()
    expected = np.maximum(generator.scaling.unscale(scaled), 0)
    np.testing.assert_allclose(table[generator.labels], expected, rtol=1e-5)


def test_latents_may_differ_from_the_conditions_they_came_with(generator: NetworkGenerator, real: pd.DataFrame) -> None:
    latent = generator.encode(real)
    liver = generator.decode(latent, real[["tissue", "sex"]].assign(tissue="Liver"))
    assert set(liver["tissue"]) == {"Liver"}
    assert not np.allclose(liver[generator.labels], generator.decode(latent, real)[generator.labels])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda table: table.drop(columns=["GENE3", "GENE7"]),
            "2 of the generator's 12 genes .*: GENE3, GENE7",
        ),
        (lambda table: table.drop(columns="sex"), "condition columns are not in the table: sex"),
        (lambda table: table.assign(GENE2=-1.0), "column 'GENE2': row 0 holds -1.0"),
        (lambda table: table.assign(GENE2=np.nan), "column 'GENE2': row 0 holds nan"),
        (lambda table: table.assign(tissue="Moon"), "Moon"),
    ],
)
def test_a_table_that_cannot_be_encoded_says_why(
    generator: NetworkGenerator,
    real: pd.DataFrame,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    message: str,
) -> None:
    with pytest.raises(DataError, match=message):
        generator.encode(change(real))


def test_decode_wants_a_row_for_each_condition(generator: NetworkGenerator, real: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"shape \(2, 3\), and \(75, 3\) is wanted"):
        generator.decode(np.zeros((2, 3)), real)


# ---- files


def test_a_loaded_generator_is_the_saved_one(generator: NetworkGenerator, saved: Path) -> None:
    loaded = NetworkGenerator.load(saved)
    pd.testing.assert_frame_equal(loaded.sample(30, seed=2), generator.sample(30, seed=2))
    pd.testing.assert_frame_equal(loaded.genes, generator.genes)
    pd.testing.assert_frame_equal(loaded.training_counts, generator.training_counts)
    assert loaded.spec.to_dict() == generator.spec.to_dict()
    assert (loaded.units, loaded.fingerprint, loaded.settings) == ("TPM", "abc123", generator.settings)
    assert loaded.metrics["val/elbo"] == -12.5
    assert np.isnan(loaded.metrics["val/kl"])
    assert np.array_equal(loaded.split.parts, generator.split.parts)
    assert repr(loaded) == repr(generator)


def test_the_folder_holds_only_the_files_that_are_named(saved: Path) -> None:
    assert {path.name for path in saved.iterdir()} == FILES


def test_a_run_folder_is_as_good_as_its_generator(saved: Path) -> None:
    assert repr(Generator.load(saved.parent)) == repr(Generator.load(saved))


def test_loading_leaves_the_default_random_state_alone(saved: Path) -> None:
    before = torch.random.get_rng_state()
    Generator.load(saved)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_generator_is_replaced_only_on_request(generator: NetworkGenerator, saved: Path) -> None:
    with pytest.raises(DataError, match="not empty"):
        generator.save(saved)
    generator.save(saved, overwrite=True)
    assert {path.name for path in saved.iterdir()} == FILES


@pytest.mark.parametrize("name", sorted(FILES - {"README.md"}))
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(GeneratorError, match=re.escape(name)):
        Generator.load(saved)


@pytest.mark.parametrize("name", sorted(FILES - {"README.md"}))
@pytest.mark.parametrize("damage", ["cut", "empty", "flipped"])
def test_a_damaged_file_is_named(saved: Path, name: str, damage: str) -> None:
    content = bytearray((saved / name).read_bytes())
    if damage == "flipped" and name != "generator.json":
        content[len(content) // 2] ^= 1
    else:
        content = content[: 0 if damage == "empty" else len(content) // 2]
    (saved / name).write_bytes(content)
    with pytest.raises(GeneratorError, match=re.escape(name)):
        Generator.load(saved)


def replace(folder: Path, name: str, content: bytes) -> None:
    """Put other contents into a generator, its checksum with them, as someone with intent would."""
    (folder / name).write_bytes(content)
    about = json.loads((folder / "generator.json").read_text())
    about["sha256"][name] = hashlib.sha256(content).hexdigest()
    (folder / "generator.json").write_text(json.dumps(about))


@pytest.mark.parametrize("name", sorted(FILES - {"README.md", "generator.json"}))
@pytest.mark.parametrize("content", [b"", b'{"a": "b"}', b"[1]", b"\xff\x00"])
def test_a_file_that_holds_something_else_is_named(saved: Path, name: str, content: bytes) -> None:
    replace(saved, name, content)
    with pytest.raises(GeneratorError, match=re.escape(name)):
        Generator.load(saved)


@pytest.mark.parametrize("target", ["os.system", "subprocess.Popen", "gtexgen.generator.folder.write_folder"])
def test_a_foreign_config_runs_no_code_of_its_own(saved: Path, target: str) -> None:
    config = (saved / "config.yaml").read_text()
    changed = config.replace("gtexgen.models.priors.standard_normal.StandardNormal", target)
    assert changed != config
    replace(saved, "config.yaml", changed.encode())
    with pytest.raises(GeneratorError, match=rf"config\.yaml.*{re.escape(target)}"):
        Generator.load(saved)


def test_a_head_of_someone_else_is_not_even_imported(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "someones_head.py").write_text("raise SystemExit('this code ran')")
    monkeypatch.syspath_prepend(tmp_path)
    config = (saved / "config.yaml").read_text()
    changed = config.replace("gtexgen.models.heads.cvae.CVAE", "someones_head.Head")
    assert changed != config
    replace(saved, "config.yaml", changed.encode())
    assert len(Generator.load(saved).sample(3)) == 3
    assert "someones_head" not in sys.modules


def test_a_yaml_tag_constructs_nothing(saved: Path) -> None:
    replace(saved, "config.yaml", b"model: !!python/object/apply:os.getcwd []\nsettings: {}\n")
    with pytest.raises(GeneratorError, match=r"config\.yaml"):
        Generator.load(saved)


def test_weights_of_another_model_are_refused(saved: Path) -> None:
    config = (saved / "config.yaml").read_text()
    replace(saved, "config.yaml", config.replace("latent: 3", "latent: 4").encode())
    with pytest.raises(GeneratorError, match=r"weights\.safetensors does not fit the model in config\.yaml"):
        Generator.load(saved)


def test_a_newer_format_asks_for_an_upgrade(saved: Path) -> None:
    about = json.loads((saved / "generator.json").read_text())
    (saved / "generator.json").write_text(json.dumps(about | {"format_version": 2}))
    with pytest.raises(GeneratorError, match=r"format version 2 is newer than 1(.|\n)*upgrade gtexgen"):
        Generator.load(saved)


def test_a_folder_without_a_generator_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match=r"holds no generator\.json(.|\n)*Remedy"):
        Generator.load(tmp_path)
    with pytest.raises(GeneratorError, match="does not exist"):
        Generator.load(tmp_path / "nowhere")


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_a_device_that_is_not_there_is_an_error(saved: Path, device: str) -> None:
    with pytest.raises(GeneratorError, match=f"device='{device}' cannot be used"):
        Generator.load(saved, device=device)


# ---- model card


def test_the_card_tells_what_the_generator_is(saved: Path) -> None:
    card = (saved / "README.md").read_text()
    for fact in ("TPM", "abc123", "val/elbo | -12.5", "Ovary", "CVAE", "Privacy is not promised"):
        assert fact in card


def test_the_card_s_example_runs(saved: Path) -> None:
    card = (saved / "README.md").read_text()
    example = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)[0]
    names: dict[str, object] = {}
    exec(example.replace("path/to/this/folder", str(saved)), names)
    table = names["table"]
    assert isinstance(table, pd.DataFrame)
    assert len(table) == 50
