"""Counts given the library: their mass, what is learned before training, and new libraries."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.distributions import NegativeBinomial

from gtexgen.data.training_part import TrainingPart
from gtexgen.errors import DataError
from gtexgen.models.likelihoods.negative_binomial import NegativeBinomialLikelihood

MakePart = Callable[..., TrainingPart]
N_FEATURES, N_GENES, N_CONDITIONS = 3, 150, 2
SHARE = torch.linspace(-6, 0, N_GENES).softmax(dim=0)
THETA = torch.linspace(2, 8, N_GENES)
LOG_LIBRARY, LIBRARY_SCALE = torch.tensor([13.0, 14.0]), 0.3


@pytest.fixture(scope="module")
def condition() -> Tensor:
    return torch.eye(N_CONDITIONS)[torch.arange(4_000) % N_CONDITIONS]


@pytest.fixture(scope="module")
def counts(condition: Tensor) -> Tensor:
    """Counts of known shares and dispersions, in libraries that are larger in the second condition."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(len(condition), generator=generator)
    library = torch.exp(condition @ LOG_LIBRARY + LIBRARY_SCALE * noise)
    gamma = torch._standard_gamma(THETA.expand(len(condition), -1), generator=generator) / THETA
    return torch.poisson(library[:, None] * SHARE * gamma, generator=generator)


@pytest.fixture
def prepared(training_part: MakePart, counts: Tensor, condition: Tensor) -> NegativeBinomialLikelihood:
    torch.manual_seed(0)
    likelihood = NegativeBinomialLikelihood(N_FEATURES, N_GENES, N_CONDITIONS)
    likelihood.prepare(training_part(counts, condition, block_size=700))
    return likelihood


def test_log_prob_is_the_mass_at_the_library_of_the_sample(
    prepared: NegativeBinomialLikelihood, counts: Tensor
) -> None:
    counts, log_share = counts[:50], torch.randn(50, N_GENES).log_softmax(dim=1)
    mean = log_share.double().exp() * counts.double().sum(dim=1, keepdim=True)
    expected = NegativeBinomial(THETA.double(), logits=mean.log() - THETA.double().log()).log_prob(counts.double())
    actual = prepared.log_prob((log_share, THETA, torch.zeros(50, 1)), counts)
    torch.testing.assert_close(actual.double(), expected.sum(dim=1), rtol=1e-5, atol=0)


def test_it_starts_at_the_shares_and_dispersions_of_the_training_part(prepared: NegativeBinomialLikelihood) -> None:
    log_share, inverse_dispersion, _ = prepared(torch.zeros(1, N_FEATURES), torch.eye(N_CONDITIONS)[:1])
    torch.testing.assert_close(log_share[0].exp(), SHARE, rtol=0.1, atol=0)
    torch.testing.assert_close(inverse_dispersion, THETA, rtol=0.25, atol=0)


def test_libraries_are_those_of_each_condition(prepared: NegativeBinomialLikelihood, counts: Tensor) -> None:
    n, generator = 40_000, torch.Generator().manual_seed(1)
    condition = torch.eye(N_CONDITIONS)[torch.arange(n) % N_CONDITIONS]
    mean_of_log, log_library = LOG_LIBRARY[:, None], prepared(torch.zeros(n, N_FEATURES), condition)[2]
    torch.testing.assert_close(log_library[:N_CONDITIONS], mean_of_log, rtol=0.01, atol=0)

    with torch.no_grad():
        never_noisy = (SHARE.log().expand(n, -1), torch.full((N_GENES,), 1e7), log_library)
    library = prepared.sample(never_noisy, generator).sum(dim=1).view(-1, N_CONDITIONS)
    observed = counts.sum(dim=1).view(-1, N_CONDITIONS)
    torch.testing.assert_close(library.log().std(dim=0), observed.log().std(dim=0), rtol=0.05, atol=0)
    torch.testing.assert_close(
        library.mean(dim=0), prepared.mean(never_noisy).sum(dim=1)[:N_CONDITIONS], rtol=0.02, atol=0
    )


def test_samples_vary_as_the_law_of_total_variance_says(prepared: NegativeBinomialLikelihood) -> None:
    n = 200_000
    output = (SHARE.log()[-5:].expand(n, -1), THETA[-5:], torch.full((n, 1), 10.0))
    sample = prepared.sample(output, torch.Generator().manual_seed(2))
    mean, spread = prepared.mean(output)[0], torch.exp(prepared.library_scale.square())
    expected = mean + mean.square() * (spread * (1 + 1 / THETA[-5:]) - 1)
    torch.testing.assert_close(sample.mean(dim=0), mean, rtol=0.01, atol=0)
    torch.testing.assert_close(sample.var(dim=0), expected, rtol=0.05, atol=0)


def test_samples_and_quantiles_of_noise_have_one_distribution(prepared: NegativeBinomialLikelihood) -> None:
    n, n_genes, generator = 5_000, 20, torch.Generator().manual_seed(3)
    output = (SHARE[-n_genes:].log().expand(n, -1), THETA[-n_genes:], torch.full((n, 1), 6.0))
    drawn = prepared.sample(output, generator).sort(dim=0).values
    pushed = prepared.push(output, prepared.noise(output, generator), generator).sort(dim=0).values
    values = torch.linspace(0, 200, 101).expand(n_genes, -1).contiguous()
    levels = [torch.searchsorted(x.T.contiguous(), values, right=True) / n for x in (drawn, pushed)]
    assert (levels[0] - levels[1]).abs().max() < 2.1 * (2 / n) ** 0.5  # Kolmogorov and Smirnov: p < 0.001


def test_the_noise_of_counts_is_standard_normal_at_their_own_library(prepared: NegativeBinomialLikelihood) -> None:
    n, generator = 4_000, torch.Generator().manual_seed(4)
    theta = torch.full((N_GENES,), 1e4)  # the sum of the counts is then the library, but for a few in a thousand
    output = (SHARE.log().expand(n, -1), theta, torch.full((n, 1), 13.0))
    noise = prepared.pull(output, prepared.sample(output, generator), generator)
    assert noise.mean().abs() < 0.02
    assert (noise.std(dim=0) - 1).abs().max() < 0.1


def test_a_reconstruction_has_the_library_of_the_sample(prepared: NegativeBinomialLikelihood, counts: Tensor) -> None:
    output = prepared(torch.randn(6, N_FEATURES), torch.eye(N_CONDITIONS)[torch.arange(6) % 2])
    torch.testing.assert_close(prepared.reconstruct(output, counts[:6]).sum(dim=1), counts[:6].sum(dim=1))


def test_the_encoder_sees_standardised_values_whatever_the_depth(
    prepared: NegativeBinomialLikelihood, counts: Tensor
) -> None:
    seen = prepared.encoder_input(counts)
    torch.testing.assert_close(seen.mean(dim=0), torch.zeros(N_GENES), rtol=0, atol=1e-4)
    torch.testing.assert_close(seen.std(dim=0), torch.ones(N_GENES), rtol=1e-3, atol=0)
    torch.testing.assert_close(prepared.encoder_input(4 * counts), seen)


def test_constant_genes_and_empty_samples_give_finite_values(training_part: MakePart) -> None:
    counts = torch.tensor([[0.0, 5.0, 5.0], [0.0, 5.0, 2.0], [0.0, 0.0, 0.0]])
    likelihood = NegativeBinomialLikelihood(N_FEATURES, 3)
    likelihood.prepare(training_part(counts))
    output = likelihood(torch.zeros(3, N_FEATURES), torch.zeros(3, 0))
    generator = torch.Generator().manual_seed(0)
    for values in (
        likelihood.log_prob(output, counts),
        likelihood.encoder_input(counts),
        likelihood.sample(output, generator),
        likelihood.pull(output, counts, generator),
    ):
        assert values.isfinite().all()


@pytest.mark.parametrize("extreme", [-1e4, 1e4])
def test_the_log_prob_of_extreme_parameters_is_finite(extreme: float, counts: Tensor) -> None:
    likelihood = NegativeBinomialLikelihood(N_FEATURES, N_GENES)
    with torch.no_grad():
        likelihood.log_inverse_dispersion.fill_(extreme)
    log_prob = likelihood.log_prob(likelihood(1e4 * torch.randn(6, N_FEATURES), torch.zeros(6, 0)), counts[:6])
    log_prob.sum().backward()
    assert log_prob.isfinite().all()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in likelihood.parameters())


def test_bfloat16_training_keeps_the_base_shares_whole(prepared: NegativeBinomialLikelihood, counts: Tensor) -> None:
    features, condition = torch.zeros(6, N_FEATURES), torch.eye(N_CONDITIONS)[torch.arange(6) % 2]
    expected = prepared.log_prob(prepared(features, condition), counts[:6])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        actual = prepared.log_prob(prepared(features, condition), counts[:6])
    torch.testing.assert_close(actual, expected)


def test_the_dispersion_of_each_gene_is_learned(prepared: NegativeBinomialLikelihood, counts: Tensor) -> None:
    with torch.no_grad():
        prepared.log_inverse_dispersion.zero_()
    optimiser = torch.optim.Adam([prepared.log_inverse_dispersion, prepared.base], lr=0.1)
    for _ in range(50):
        optimiser.zero_grad()
        output = prepared(torch.zeros(1, N_FEATURES), torch.zeros(1, N_CONDITIONS))
        (-prepared.log_prob(output, counts[:500]).mean()).backward()
        optimiser.step()
    torch.testing.assert_close(output[1], THETA, rtol=0.4, atol=0)


def test_values_that_are_no_counts_are_refused(training_part: MakePart) -> None:
    likelihood = NegativeBinomialLikelihood(N_FEATURES, 3)
    with pytest.raises(DataError, match=r"hold 0\.25(.|\n)*round the expression"):
        likelihood.prepare(training_part(torch.tensor([[3.0, 0.0, 0.25]])))
