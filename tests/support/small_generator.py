"""A small untrained generator: all but its weights is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.genes import gene_table
from gtexgen.data.scaling import Scaling
from gtexgen.data.splits import PARTS, Split
from gtexgen.generator import NetworkGenerator
from gtexgen.generator.counts import count_combinations
from gtexgen.generator.donors import DonorModel, Donors
from gtexgen.generator.tally import DonorTally
from gtexgen.models.build import ModelSpec, build_model

__all__ = ["FIELDS", "N_GENES", "make_expression", "make_generator", "make_samples"]

N_GENES, N_LATENTS = 12, 3
FIELDS = {"tissue": "one_hot", "sex": "one_hot"}


def make_samples() -> pd.DataFrame:
    """Thirty donors who each give a lung and a liver; the women an ovary as well."""
    rows = []
    for donor in range(30):
        sex = "female" if donor % 2 else "male"
        for tissue in ["Lung", "Liver", *(["Ovary"] if sex == "female" else [])]:
            rows.append((f"D-{donor}-{tissue}", f"D-{donor}", tissue, sex))
    return pd.DataFrame(rows, columns=["sample_id", "donor_id", "tissue", "sex"], dtype="str")


def make_expression(n_samples: int) -> np.ndarray:
    return np.random.default_rng(5).lognormal(1, 1, (n_samples, N_GENES)).astype(np.float32)


def make_split(samples: pd.DataFrame) -> Split:
    """Train on twenty donors, validate on five, test on five."""
    donors = samples["donor_id"].str.removeprefix("D-").astype(int)
    parts = np.array(PARTS)[np.digitize(donors, [20, 25])]
    return Split(
        sample_ids=samples["sample_id"].tolist(),
        parts=parts,
        donors={part: sorted(set(samples.loc[parts == part, "donor_id"])) for part in PARTS},
        by="donor",
        seed=1,
        unsplit={},
    )


def make_donors(samples: pd.DataFrame, fields: Sequence[str], n_conditions: int) -> Donors:
    """Donors whose samples are much alike, in latents and in genes."""
    model = DonorModel(N_LATENTS, N_GENES, n_conditions)
    model.latent_correlation.fill_(0.9)
    model.gene_correlation.fill_(0.7)
    return Donors(model, DonorTally.of(samples, fields))


def make_generator(symbols: list[str] | None = None, fields: Mapping[str, str] = FIELDS) -> NetworkGenerator:
    """An untrained generator; all but its weights is fitted."""
    samples = make_samples()
    split = make_split(samples)
    training = split.parts == "train"
    encoder = ConditionEncoder(fields)
    encoder.fit(samples[training])
    scaling = Scaling(transform="log2", method="standard")
    scaling.fit(iter([make_expression(len(samples))[training]]))
    spec = ModelSpec(latent=N_LATENTS, hidden=[8])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        networks = build_model(spec, N_GENES, encoder.n_features).networks
    return NetworkGenerator(
        networks=networks,
        spec=spec,
        encoder=encoder,
        scaling=scaling,
        genes=gene_table(
            [f"ENSG{gene:011d}.3" for gene in range(N_GENES)],
            symbols or [f"GENE{gene}" for gene in range(N_GENES)],
        ),
        units="TPM",
        fingerprint="abc123",
        training_counts=count_combinations(samples[training], list(fields)),
        split=split,
        metrics={"val/elbo": -12.5, "val/kl": float("nan")},
        settings={"seed": 1, "trainer": {"max_epochs": 3}},
        donors=make_donors(samples[training], list(fields), encoder.n_features),
    )
