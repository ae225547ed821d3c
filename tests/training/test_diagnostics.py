from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor, nn

from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.genes import gene_table
from gtexgen.data.scaling import Scaling
from gtexgen.data.splits import Split
from gtexgen.data.training_part import SamplePart
from gtexgen.generator import NetworkGenerator
from gtexgen.generator.counts import count_combinations
from gtexgen.models.build import ModelSpec, build_model
from gtexgen.models.likelihoods.gaussian import GaussianLikelihood
from gtexgen.training.diagnostics import KINDS, METRICS, Diagnostics, diagnose
from gtexgen.training.realism import REALISM

N_GENES = 6
LABELS = [f"GENE{gene}" for gene in range(N_GENES)]
PROGRAMME = torch.tensor([[9.0, 10, 11, 12, 13, 14], [10.0, 13, 8, 12, 14, 10]])
NOISE = 0.5
LOADING = torch.linalg.qr(torch.randn(N_GENES, 2, generator=torch.Generator().manual_seed(0)))[0] * torch.tensor(
    [2.0, 0.4]
)
BETWEEN = (PROGRAMME[0] - PROGRAMME[1]).square() / 4
EXPLAINED = LOADING.square().sum(dim=1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def samples_of(tissues: Sequence[str | None]) -> pd.DataFrame:
    return pd.DataFrame({"tissue": pd.Series(list(tissues), dtype="str")})


def make_generator(
    training: pd.DataFrame, *, method: str = "none", fields: Sequence[str] = ("tissue",), hidden: Sequence[int] = (8,)
) -> NetworkGenerator:
    """Give a generator with fresh weights, whose scaling is fitted to values around 2^10."""
    encoder = ConditionEncoder(dict.fromkeys(fields, "one_hot"))
    encoder.fit(training)
    scaling = Scaling("log2", "standard" if method == "standard" else "none")
    scaling.fit([np.random.default_rng(0).lognormal(7, 1, (100, N_GENES)).astype(np.float32)])
    spec = ModelSpec(latent=2, hidden=hidden)
    return NetworkGenerator(
        networks=build_model(spec, N_GENES, encoder.n_features).networks,
        spec=spec,
        encoder=encoder,
        scaling=scaling,
        genes=gene_table([f"ENSG{gene:011d}" for gene in range(N_GENES)], LABELS),
        units="TPM",
        fingerprint="",
        training_counts=count_combinations(training, list(fields)),
        split=Split([], np.array([], dtype=np.str_), {}, "donor", 0, {}),
        metrics={},
    )


def linear_generator() -> NetworkGenerator:
    """Give the generator of log2(x + 1) = programme[tissue] + loading z + noise e, with the exact posterior.

    The loading's columns are orthogonal and the noise is the same in all genes, so the posterior's latents are
    independent.
    """
    generator = make_generator(samples_of(["Liver", "Lung"]), hidden=[])
    generator.scaling.largest = np.full(N_GENES, 2.0**40)  # nothing is cut off
    networks, weights = generator.networks, LOADING.T / NOISE**2
    precision = 1 + (weights @ LOADING).diagonal()
    assert isinstance(networks.likelihood, GaussianLikelihood)
    assert isinstance(networks.likelihood.location, nn.Linear)
    with torch.no_grad():
        networks.likelihood.location.weight.copy_(torch.cat([LOADING, PROGRAMME.T], dim=1))
        networks.likelihood.location.bias.zero_()
        networks.likelihood.log_scale.fill_(0.5 * np.log(NOISE**2 - networks.likelihood.minimum_variance))
        encoder = networks.encoder.posterior
        encoder.weight[:2] = torch.cat([weights, -weights @ PROGRAMME.T], dim=1) / precision[:, None]
        encoder.weight[2:] = 0
        encoder.bias[:2] = 0
        encoder.bias[2:] = -10 * torch.atanh(torch.log(precision) / 10)
    generator.__post_init__()
    return generator


def part_of(generator: NetworkGenerator, samples: pd.DataFrame, log2: Tensor, block: int = 1000) -> SamplePart:
    """Give the samples of log2(x + 1) as a part that is read in blocks."""
    scaled = torch.from_numpy(generator.scaling.scale((torch.exp2(log2) - 1).numpy()))
    return SamplePart(samples, torch.from_numpy(generator.encoder.encode(samples)), lambda: iter(scaled.split(block)))


@pytest.fixture(scope="module")
def linear() -> Diagnostics:
    """What 20,000 samples of the model itself say about it."""
    generator, random = linear_generator(), torch.Generator().manual_seed(1)
    tissue = torch.arange(20_000) % 2
    latent, noise = (torch.randn(len(tissue), n, generator=random) for n in (2, N_GENES))
    samples = samples_of(np.array(["Liver", "Lung"])[tissue].tolist())
    return diagnose(generator, part_of(generator, samples, PROGRAMME[tissue] + latent @ LOADING.T + NOISE * noise))


def log2_rows(diagnostics: Diagnostics) -> pd.DataFrame:
    return diagnostics.genes[diagnostics.genes["scale"] == "log2"].set_index("label")


def test_variances_are_those_of_the_linear_model(linear: Diagnostics) -> None:
    found = log2_rows(linear)
    for kind, within in {
        "real": EXPLAINED + NOISE**2,
        "reconstructed": EXPLAINED,
        "generated": EXPLAINED + NOISE**2,
        "generated_without_noise": EXPLAINED,
    }.items():
        np.testing.assert_allclose(found[f"{kind}_within"], within, rtol=0.05, atol=0.003, err_msg=kind)
        np.testing.assert_allclose(found[kind], within + BETWEEN, rtol=0.05, atol=0.003, err_msg=kind)


def test_reconstructed_variance_and_noise_make_the_generated_one(linear: Diagnostics) -> None:
    found = log2_rows(linear)
    np.testing.assert_allclose(found["reconstructed_within"] + NOISE**2, found["generated_within"], rtol=0.05)


def test_the_figures_of_a_right_model_are_right(linear: Diagnostics) -> None:
    metrics = linear.metrics
    assert list(metrics) == list(METRICS)
    assert metrics["val/variance_kept"] == pytest.approx(1, abs=0.03)
    assert metrics["val/variance_kept_within"] == pytest.approx(1, abs=0.03)
    assert metrics["val/variance_loss"] == pytest.approx(0, abs=0.05)
    assert metrics["val/coverage"] > 0.93
    assert metrics["val/precision"] == pytest.approx(metrics["val/recall"], abs=0.05)
    assert metrics["val/adversarial_accuracy"] == pytest.approx(0.5, abs=0.03)
    explained = np.median(EXPLAINED / (EXPLAINED + NOISE**2))
    assert metrics["val/variance_kept_within_without_noise"] == pytest.approx(explained, abs=0.03)
    assert linear.variance_loss("reconstructed") == pytest.approx(NOISE**2, abs=0.05)
    assert not linear.notes


def test_the_total_hides_what_is_lost_within_conditions(linear: Diagnostics) -> None:
    total, within = (linear.variance_kept("reconstructed", within=within) for within in (False, True))
    different = (BETWEEN > 0).numpy()
    assert (total[different] > within[different]).all()


def test_exact_posteriors_obey_the_variance_law(linear: Diagnostics) -> None:
    latents = linear.latents
    assert latents is not None
    signal = LOADING.square().sum(dim=0) / NOISE**2
    np.testing.assert_allclose(latents["variance_law"], 1, atol=0.03)
    np.testing.assert_allclose(latents["mean_variance"], 1 / (1 + signal), rtol=1e-3)
    np.testing.assert_allclose(latents["kl"], 0.5 * torch.log(1 + signal), atol=0.02)
    assert latents["latent"].tolist() == [0, 1]
    assert latents["active"].tolist() == [True, True]
    assert linear.summary()["kl"] == pytest.approx(latents["kl"].sum())


def test_the_model_s_scale_divides_the_variances_by_its_factors() -> None:
    samples = samples_of(["Liver", "Lung"] * 30)
    generator = make_generator(samples, method="standard")
    factor = generator.scaling.factor
    assert factor is not None
    genes = diagnose(generator, part_of(generator, samples, 10 + torch.randn(60, N_GENES))).genes
    log2, model = (genes[genes["scale"] == scale].drop(columns=["label", "scale"]) for scale in ("log2", "model"))
    np.testing.assert_allclose(model, log2.to_numpy() / factor[:, None] ** 2, rtol=1e-6)


def test_linear_scales_have_variances_of_their_own() -> None:
    samples = samples_of(["Liver", "Lung"] * 30)
    generator = make_generator(samples)
    generator.scaling = Scaling("none", "none").fit([np.full((2, N_GENES), 100, dtype=np.float32)])
    log2 = 5 + torch.rand(60, N_GENES)
    genes = diagnose(generator, part_of(generator, samples, log2)).genes
    real = genes.set_index(["scale", "label"])["real"]
    np.testing.assert_allclose(real["log2"], log2.double().var(dim=0), rtol=1e-4)
    np.testing.assert_allclose(real["model"], (torch.exp2(log2) - 1).double().var(dim=0), rtol=1e-4)


def test_blocks_of_any_size_give_the_same_variances() -> None:
    samples = samples_of(["Liver", "Lung", None] * 20)
    generator = make_generator(samples)
    log2 = 10 + torch.randn(60, N_GENES)
    whole, cut = (diagnose(generator, part_of(generator, samples, log2, block)) for block in (1000, 7))
    columns = [name for name in whole.genes.columns if not name.startswith("reconstructed")]
    pd.testing.assert_frame_equal(whole.genes[columns], cut.genes[columns], rtol=1e-6)
    assert whole.latents is not None
    assert cut.latents is not None
    pd.testing.assert_frame_equal(whole.latents, cut.latents, rtol=1e-5)


def test_generated_samples_have_the_conditions_of_the_real_ones() -> None:
    """A generator of one value a condition has no variance within; nor are combinations unseen in training a hurdle."""
    training = pd.concat(
        [samples_of(["Liver", "Lung", None, "Lung"]), pd.DataFrame({"sex": ["f", "m", "f", "f"]})], axis=1
    )
    generator = make_generator(training, fields=["tissue", "sex"], hidden=[])
    assert isinstance(generator.networks.likelihood.location, nn.Linear)
    with torch.no_grad():
        generator.networks.likelihood.location.weight[:, :2] = 0
        generator.networks.likelihood.location.bias.fill_(10)
    samples = pd.concat([samples_of(["Liver", "Lung", None] * 10), pd.DataFrame({"sex": ["f", "m"] * 15})], axis=1)
    found = log2_rows(diagnose(generator, part_of(generator, samples, 10 + torch.randn(30, N_GENES))))
    np.testing.assert_allclose(found["generated_without_noise_within"], 0, atol=1e-9)
    np.testing.assert_allclose(found["reconstructed_within"], 0, atol=1e-9)
    np.testing.assert_allclose(found["generated_without_noise"], found["reconstructed"], rtol=1e-4)
    assert (found["reconstructed"] > 0).all()


def test_without_conditions_total_and_within_are_the_same() -> None:
    samples = samples_of(["Liver", "Lung"] * 20)
    generator = make_generator(samples, fields=[])
    found = log2_rows(diagnose(generator, part_of(generator, samples, 10 + torch.randn(40, N_GENES))))
    for kind in KINDS:
        np.testing.assert_allclose(found[kind], found[f"{kind}_within"])


def test_genes_that_are_constant_are_left_out_of_ratios_and_counted() -> None:
    samples = samples_of(["Liver", "Lung"] * 20)
    generator = make_generator(samples)
    log2 = 10 + torch.randn(40, N_GENES)
    log2[:, 0] = 9.1
    log2[:, 1] = torch.tensor([8.1, 9.3]).repeat(20)
    diagnostics = diagnose(generator, part_of(generator, samples, log2))
    assert diagnostics.variance_kept("generated", within=False).index.tolist() == LABELS[1:]
    assert diagnostics.variance_kept("generated", within=True).index.tolist() == LABELS[2:]
    assert np.isfinite(list(diagnostics.metrics.values())).all()
    over_all, within = diagnostics.notes
    assert over_all.startswith("1 of 6 genes are constant over all")
    assert within.startswith("2 of 6 genes are constant within")


@pytest.mark.parametrize(
    ("tissues", "defined", "note"),
    [
        (["Liver"], [], "a single held-out sample has no variance"),
        (["Liver", "Lung"], ["val/variance_kept", "val/variance_loss"], "no condition has two"),
        (
            ["Liver", "Lung", "Lung"],
            [name for name in METRICS if name not in REALISM],
            "1 of 2 conditions have one held-out sample",
        ),
    ],
)
def test_what_few_samples_leave_undefined_is_absent_and_noted(
    tissues: list[str], defined: list[str], note: str
) -> None:
    generator = make_generator(samples_of(["Liver", "Lung"]))
    samples = samples_of(tissues)
    diagnostics = diagnose(generator, part_of(generator, samples, 10 + torch.randn(len(samples), N_GENES)))
    assert list(diagnostics.metrics) == defined
    assert any(note in line for line in diagnostics.notes)
    summary = json.loads(json.dumps(diagnostics.summary(), allow_nan=False))
    assert (summary["variance_kept_within"]["generated"] is None) == ("val/variance_kept_within" not in defined)


def test_samples_that_cannot_be_generated_are_noted() -> None:
    samples = samples_of(["Liver", "Lung"] * 10)
    generator = make_generator(samples)
    assert isinstance(generator.networks.likelihood, GaussianLikelihood)
    with torch.no_grad():
        generator.networks.likelihood.log_scale.fill_(8)  # log2(x + 1) of thousands
    diagnostics = diagnose(generator, part_of(generator, samples, 10 + torch.randn(20, N_GENES)))
    assert list(diagnostics.metrics) == ["val/variance_kept_within_without_noise"]
    assert diagnostics.notes[0].startswith("generated: The model gives values that are not finite")
    assert diagnostics.summary()["variance_loss"]["generated"] is None
    assert diagnostics.summary()["variance_loss"]["generated_without_noise"] is not None


def test_the_default_random_state_is_left_alone_and_the_draws_are_fixed() -> None:
    samples = samples_of(["Liver", "Lung"] * 10)
    generator = make_generator(samples)
    part = part_of(generator, samples, 10 + torch.randn(20, N_GENES))
    before = torch.random.get_rng_state()
    first, again = diagnose(generator, part), diagnose(generator, part)
    assert torch.equal(before, torch.random.get_rng_state())
    pd.testing.assert_frame_equal(first.genes, again.genes)


def test_tables_come_back_from_the_run_folder_with_nulls_for_what_is_undefined(tmp_path: Path) -> None:
    generator, samples = make_generator(samples_of(["Liver", "Lung"])), samples_of(["Liver", "Lung"])
    diagnostics = diagnose(generator, part_of(generator, samples, 10 + torch.randn(2, N_GENES)))
    diagnostics.write(tmp_path / "diagnostics")
    diagnostics.write(tmp_path / "diagnostics")  # as a resumed run does
    assert sorted(path.name for path in (tmp_path / "diagnostics").iterdir()) == ["genes.parquet", "latents.parquet"]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "diagnostics" / "genes.parquet"), diagnostics.genes)
    assert diagnostics.latents is not None
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "diagnostics" / "latents.parquet"), diagnostics.latents)
    written = pq.read_table(tmp_path / "diagnostics" / "genes.parquet")
    assert written["real_within"].null_count == written.num_rows
    assert written["real"].null_count == 0
