"""What is learnt of donors, from cohorts whose truth is known."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from torch import Tensor

from gtexgen.data.training_part import SamplePart
from gtexgen.generator.donor_fit import LARGEST_GENE, fit_donor_model, fit_donors
from gtexgen.generator.donor_latents import LARGEST_LATENT
from gtexgen.models.build import ModelSpec, build_networks
from support.linear_donors import LinearCohort, linear_networks, orthogonal_loadings

CONF = Path(__file__).parents[2] / "conf"
N_GENES = 150
LOADINGS = orthogonal_loadings(N_GENES, 3, size=1.5)
COVARIANCE = torch.tensor([[0.7, 0.2, 0.0], [0.2, 0.5, 0.0], [0.0, 0.0, 0.1]])


def covariance_of(latent_axes: Tensor, latent_correlation: Tensor) -> Tensor:
    return latent_axes @ latent_correlation.diag() @ latent_axes.T


def pair_covariance(values: Tensor, donor: Tensor, power: int = 1) -> Tensor:
    """Average the products of pairs of one donor, weighed 1 / m**power, in a plain loop: ``(width, width)``."""
    total, weight = torch.zeros(values.shape[1], values.shape[1], dtype=torch.float64), 0.0
    for number in donor.unique():
        rows = values[donor == number].double()
        summed, m = rows.sum(dim=0), len(rows)
        total += (torch.outer(summed, summed) - rows.T @ rows) / m**power
        weight += m * (m - 1) / m**power
    return total / weight


def test_the_correlations_of_a_known_cohort_are_found() -> None:
    rho = torch.linspace(0, 0.9, N_GENES)
    cohort = LinearCohort.draw(LOADINGS, COVARIANCE, rho, donors=600)
    model = fit_donor_model(linear_networks(LOADINGS), cohort.part, cohort.donor)
    found = covariance_of(model.latent_axes, model.latent_correlation)
    torch.testing.assert_close(found, COVARIANCE, atol=0.08, rtol=0)
    assert (model.gene_correlation - rho).abs().mean() < 0.04
    assert np.corrcoef(model.gene_correlation, rho)[0, 1] > 0.98


def test_one_gene_s_own_donor_effect_is_found() -> None:
    rho = torch.zeros(N_GENES)
    rho[7] = 0.9
    cohort = LinearCohort.draw(LOADINGS, COVARIANCE, rho, donors=300)
    model = fit_donor_model(linear_networks(LOADINGS), cohort.part, cohort.donor)
    assert model.gene_correlation[7] > 0.75
    assert model.gene_correlation[torch.arange(N_GENES) != 7].max() < 0.25


def test_latents_and_genes_add_up_to_the_covariance_of_the_expression() -> None:
    """Also where the encoder misses a third of every latent, whose share of the donor's effect is then the genes'."""
    rho = torch.full((N_GENES,), 0.3)
    cohort = LinearCohort.draw(LOADINGS, COVARIANCE, rho, donors=400)
    networks = linear_networks(LOADINGS, trust=0.67)
    model = fit_donor_model(networks, cohort.part, cohort.donor)
    expression = cohort.expression - cohort.expression.mean(dim=0)
    wanted = pair_covariance(expression, cohort.donor).diagonal()
    decoded = LOADINGS @ model.latent_scale.spread.diag()
    latents = (decoded @ covariance_of(model.latent_axes, model.latent_correlation) @ decoded.T).diagonal()
    genes = model.gene_correlation * model.gene_scale.spread**2
    assert (wanted - latents).mean() > 0.5
    free = model.gene_correlation < LARGEST_GENE
    assert free.float().mean() > 0.5
    torch.testing.assert_close((latents + genes)[free].double(), wanted[free], atol=0.1, rtol=0.05)


def test_donors_of_many_samples_weigh_like_a_spanning_tree() -> None:
    generator = torch.Generator().manual_seed(3)
    sizes = torch.randint(2, 9, (200,), generator=generator)
    donor = torch.arange(200).repeat_interleave(sizes)
    shared = torch.tensor([1.0, 0.5, 0.1]) * torch.randn(200, 3, generator=generator)[donor]
    latents = (0.3 * sizes[donor, None]).sqrt() * shared + torch.randn(len(donor), 3, generator=generator)
    expression = latents @ LOADINGS.T
    networks = linear_networks(LOADINGS)
    part = SamplePart(pd.DataFrame(), torch.zeros(len(donor), 0), lambda: iter([expression]))
    model = fit_donor_model(networks, part, donor)
    centred = (latents - latents.mean(dim=0)) / latents.std(dim=0)
    wanted = pair_covariance(centred, donor).diagonal()
    found = covariance_of(model.latent_axes, model.latent_correlation).diagonal()
    torch.testing.assert_close(found.double(), wanted, atol=0.05, rtol=0)
    for alike in (0, 2):  # neither pairs nor donors weigh alike
        assert (pair_covariance(centred, donor, power=alike).diagonal() - wanted).abs().max() > 0.1


@pytest.mark.parametrize("donors", [2, 5, 40])
def test_where_donors_share_nothing_little_is_found(donors: int) -> None:
    none = torch.zeros(3, 3), torch.zeros(N_GENES)
    found = []
    for seed in range(10):
        cohort = LinearCohort.draw(LOADINGS, *none, donors=donors, samples=3, seed=seed)
        model = fit_donor_model(linear_networks(LOADINGS), cohort.part, cohort.donor)
        found.append((model.latent_correlation.mean(), model.gene_correlation.mean(), model.gene_correlation.max()))
    latent, gene, largest = (float(torch.stack(values).mean()) for values in zip(*found, strict=True))
    assert latent < {2: 0.2, 5: 0.15, 40: 0.05}[donors]
    assert gene < {2: 0.15, 5: 0.08, 40: 0.02}[donors]
    assert largest < {2: 0.4, 5: 0.3, 40: 0.15}[donors]


def test_conditions_do_not_pass_for_donors() -> None:
    """Donors who differ in a condition do not correlate for it."""
    generator = torch.Generator().manual_seed(1)
    donor = torch.arange(200).repeat_interleave(4)
    sex = (torch.arange(200) % 2).float()[donor, None]
    expression = 3 * sex + torch.randn(800, N_GENES, generator=generator)
    part = SamplePart(pd.DataFrame(), sex, lambda: iter([expression]))
    model = fit_donor_model(_with_condition(linear_networks(LOADINGS, n_conditions=1)), part, donor)
    assert model.gene_correlation.mean() < 0.02
    assert model.latent_correlation.max() < 0.1


def _with_condition(networks: Any) -> Any:
    forward = networks.decoder.forward
    networks.decoder.forward = lambda latent, condition: forward(latent, condition[:, :0])
    return networks


LIKELIHOODS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((CONF / "likelihood").glob("*.yaml"))}
SHORT = {"steps": 20}  # of a prior that takes long to fit
PRIORS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((CONF / "prior").glob("*.yaml"))}


@pytest.mark.parametrize(
    ("likelihood", "prior"),
    [(name, "standard_normal") for name in LIKELIHOODS] + list(product(["gaussian"], PRIORS)),
)
def test_every_likelihood_and_prior_has_correlations_in_range(likelihood: str, prior: str) -> None:
    torch.manual_seed(0)
    short = {name: value for name, value in SHORT.items() if name in PRIORS[prior]}
    spec = ModelSpec(latent=3, hidden=[8], likelihood=LIKELIHOODS[likelihood], prior=PRIORS[prior] | short)
    networks = build_networks(spec, n_genes=7, n_conditions=2).eval()
    donor = torch.arange(20).repeat_interleave(3)
    condition = torch.eye(2)[torch.arange(60) % 2]
    expression = torch.rand(60, 7)
    if networks.likelihood.support == "counts":
        expression = (20 * expression).round()
    expression[:, 0] = 0.0
    networks.prior.fit(networks.infer(expression, condition), condition)
    part = SamplePart(pd.DataFrame(), condition, lambda: iter(expression.split(25)))
    model = fit_donor_model(networks, part, donor)
    for name, values in model.named_buffers():
        assert values.isfinite().all(), name
    for values, largest in ((model.latent_correlation, LARGEST_LATENT), (model.gene_correlation, LARGEST_GENE)):
        assert values.min() >= 0
        assert values.max() <= largest
    if likelihood == "bernoulli":  # it has no noise to share
        assert (model.gene_correlation == 0).all()


def samples_of(*donors: tuple[str, str]) -> tuple[SamplePart, int]:
    table = pd.DataFrame(
        [(f"S{row}", *sample, "male") for row, sample in enumerate(donors)],
        columns=["sample_id", "donor_id", "tissue", "sex"],
    )
    expression = torch.randn(len(table), N_GENES, generator=torch.Generator().manual_seed(0))
    return SamplePart(table, torch.zeros(len(table), 0), lambda: iter([expression])), len(table)


@pytest.mark.parametrize(
    ("fields", "donors"),
    [
        (["tissue"], [("A", "Lung"), ("A", "Liver"), ("B", "Lung")]),
        (["tissue"], [("A", "Lung"), ("A", "Liver"), ("B", "Lung"), ("B", "Lung")]),
        (["sex"], [("A", "Lung"), ("A", "Liver"), ("B", "Lung"), ("B", "Liver")]),
        ([], [("A", "Lung"), ("A", "Liver"), ("B", "Lung"), ("B", "Liver")]),
    ],
)
def test_nothing_is_learnt_without_two_donors_of_two_tissues(fields: list[str], donors: list[tuple[str, str]]) -> None:
    part, _ = samples_of(*donors)
    assert fit_donors(linear_networks(LOADINGS), part, fields) is None


def test_two_donors_of_two_tissues_are_enough() -> None:
    part, _ = samples_of(("A", "Lung"), ("A", "Liver"), ("B", "Lung"), ("B", "Liver"))
    donors = fit_donors(linear_networks(LOADINGS), part, ["tissue"])
    assert donors is not None
    assert len(donors.tally.donors) == 2


def test_repeats_of_a_tissue_do_not_count_as_pairs() -> None:
    """Repeats that are the very same sample would correlate by 1."""
    cohort = LinearCohort.draw(LOADINGS, torch.zeros(3, 3), torch.zeros(N_GENES), donors=100, samples=3)
    samples = pd.concat([cohort.part.samples] * 4, ignore_index=True)
    part = SamplePart(samples, torch.zeros(1200, 0), lambda: iter([cohort.expression.repeat(4, 1)]))
    donors = fit_donors(linear_networks(LOADINGS), part, ["tissue"])
    assert donors is not None
    assert donors.model.latent_correlation.max() < 0.2
    assert donors.model.gene_correlation.max() < 0.2


def test_a_seed_decides_the_fit() -> None:
    cohort = LinearCohort.draw(LOADINGS, COVARIANCE, torch.zeros(N_GENES), donors=30)
    first, again, other = (
        fit_donor_model(linear_networks(LOADINGS), cohort.part, cohort.donor, seed=seed).latent_correlation
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
