from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from gtexgen.errors import DataError
from gtexgen.generator.networks import NetworkGenerator
from gtexgen.generator.traversals import STEPS, latent_traversals
from support.small_generator import N_GENES, N_LATENTS, make_expression, make_generator, make_samples

STARTS = pd.DataFrame({"tissue": ["Lung", "Ovary"], "sex": ["male", "female"]})


@pytest.fixture(scope="module")
def generator() -> NetworkGenerator:
    return make_generator()


@pytest.fixture(scope="module")
def samples(generator: NetworkGenerator) -> pd.DataFrame:
    labels = make_samples()
    return pd.concat([labels, pd.DataFrame(make_expression(len(labels)), columns=generator.labels)], axis=1)


def test_a_walk_is_what_the_decoder_gives_along_one_latent(generator: NetworkGenerator, samples: pd.DataFrame) -> None:
    walks = latent_traversals(generator, STARTS, samples, n_latents=N_LATENTS, n_genes=N_GENES)
    assert len(walks) == 2 * N_LATENTS * N_GENES * len(STEPS)
    assert walks["condition"].unique().tolist() == ["Lung, male", "Ovary, female"]
    latents = generator.encode(samples)
    of_start = latents[((samples["tissue"] == "Ovary") & (samples["sex"] == "female")).to_numpy()].mean(axis=0)
    for latent in range(N_LATENTS):
        point = of_start.copy()
        point[latent] -= 2 * latents[:, latent].std()
        expected = np.log2(generator.decode(point[None], STARTS.iloc[[1]])[generator.labels].iloc[0] + 1)
        walk = walks[(walks["condition"] == "Ovary, female") & (walks["latent"] == latent) & (walks["value"] == -2)]
        found = walk.set_index("gene")["expression"]
        np.testing.assert_allclose(found[generator.labels], expected, rtol=1e-4)


def test_changes_are_from_the_start_and_the_most_moved_genes_come_first(
    generator: NetworkGenerator, samples: pd.DataFrame
) -> None:
    every = latent_traversals(generator, STARTS, samples, n_latents=1, n_genes=N_GENES)
    some = latent_traversals(generator, STARTS, samples, n_latents=1, n_genes=3)
    for name, walk in some.groupby("condition"):
        of_all = every[every["condition"] == name]
        moved = of_all.groupby("gene")["expression"].agg(np.ptp).sort_values(ascending=False)
        assert walk["gene"].unique().tolist() == moved.index[:3].tolist()
        assert (walk.loc[walk["value"] == 0, "change"] == 0).all()
        starts = walk[walk["value"] == 0].set_index("gene")["expression"]
        np.testing.assert_allclose(walk["change"], walk["expression"] - walk["gene"].map(starts), atol=1e-6)
        assert walk["change"].abs().max() > 0


def test_the_latents_that_spread_most_are_walked_along(generator: NetworkGenerator, samples: pd.DataFrame) -> None:
    order = np.argsort(-generator.encode(samples).std(axis=0)).tolist()
    walks = latent_traversals(generator, STARTS, samples, n_latents=2)
    assert walks["latent"].unique().tolist() == order[:2]


def test_without_samples_a_walk_starts_at_the_centre_of_the_prior(generator: NetworkGenerator) -> None:
    walks = latent_traversals(generator, STARTS, n_latents=N_LATENTS, n_genes=N_GENES, seed=1)
    encoded = generator.encode_conditions(STARTS.iloc[[0] * 20_000])
    draws = generator.networks.prior.sample(encoded, torch.Generator().manual_seed(5)).numpy()
    expected = np.log2(generator.decode(draws.mean(axis=0)[None], STARTS.iloc[[0]])[generator.labels].iloc[0] + 1)
    first = walks[(walks["condition"] == "Lung, male") & (walks["value"] == 0) & (walks["latent"] == 0)]
    np.testing.assert_allclose(first.set_index("gene")["expression"][generator.labels], expected, atol=0.1)
    pd.testing.assert_frame_equal(
        walks, latent_traversals(generator, STARTS, n_latents=N_LATENTS, n_genes=N_GENES, seed=1)
    )


def test_a_start_that_no_sample_has_is_an_error(generator: NetworkGenerator, samples: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="no sample is of Ovary, female"):
        latent_traversals(generator, STARTS, samples[samples["tissue"] != "Ovary"])
    with pytest.raises(DataError, match="condition columns"):
        latent_traversals(generator, STARTS[["tissue"]], samples)
