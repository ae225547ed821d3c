"""The joint and the conditional noise of a donor's samples, against dense Gaussians."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gtexgen.generator import donors
from gtexgen.generator.donors import LARGEST_NOISE, DonorModel, KnownNoise, NoiseScale
from support.linear_donors import LinearCohort, linear_networks, orthogonal_loadings

N_LATENTS, N_GENES = 3, 4


def model_of(covariance: Tensor, rho: Tensor) -> DonorModel:
    model = DonorModel(len(covariance), len(rho), 0).double()
    correlation, axes = torch.linalg.eigh(covariance)
    model.latent_correlation.copy_(correlation)
    model.latent_axes.copy_(axes)
    model.gene_correlation.copy_(rho)
    return model


def random_model(seed: int) -> tuple[DonorModel, Tensor, Tensor]:
    """A model with any covariance of the latents between 0 and I, and the truth that it holds."""
    generator = torch.Generator().manual_seed(seed)
    axes = torch.linalg.qr(torch.randn(N_LATENTS, N_LATENTS, generator=generator, dtype=torch.float64))[0]
    covariance = axes @ (0.999 * torch.rand(N_LATENTS, generator=generator, dtype=torch.float64)).diag() @ axes.T
    rho = 0.99 * torch.rand(N_GENES, generator=generator, dtype=torch.float64)
    return model_of(covariance, rho), covariance, rho


def dense_conditional(shared: Tensor, known: Tensor, n_new: int) -> tuple[Tensor, Tensor]:
    """Condition the clique with covariance I within and `shared` between samples on the known ones."""
    n, width = len(known) + n_new, len(shared)
    identity, ones = torch.eye(n, dtype=torch.float64), torch.ones(n, n, dtype=torch.float64)
    eye = torch.eye(width, dtype=torch.float64)
    covariance = torch.kron(identity, eye - shared) + torch.kron(ones, shared)
    cut = len(known) * width
    gain = torch.linalg.solve(covariance[:cut, :cut], covariance[:cut, cut:]).T
    return gain @ known.flatten(), covariance[cut:, cut:] - gain @ covariance[:cut, cut:]


def known_of(model: DonorModel, latents: Tensor, genes: Tensor) -> KnownNoise:
    known = model.nothing_known(1)
    known.n_samples.add_(len(latents))
    known.latents.add_(latents.sum(dim=0))
    known.genes.add_(genes.sum(dim=0))
    return known


def moments(draw: Callable[[Tensor], Tensor], n_inputs: int) -> tuple[Tensor, Tensor]:
    """Mean and covariance of a linear function of `n_inputs` standard normal numbers."""
    mean = draw(torch.zeros(n_inputs, dtype=torch.float64))
    jacobian = torch.stack([draw(unit) - mean for unit in torch.eye(n_inputs, dtype=torch.float64)], dim=1)
    return mean, jacobian @ jacobian.T


def latent_moments(model: DonorModel, donor: Tensor, known: KnownNoise) -> tuple[Tensor, Tensor]:
    n_shared, n_latents = known.latents.shape

    def draw(numbers: Tensor) -> Tensor:
        queue = [numbers[: n_shared * n_latents], numbers[n_shared * n_latents :]]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(donors, "standard_normal", lambda shape, **_: queue.pop(0).view(shape))
            return model.latent_noise(donor, known).flatten()

    return moments(draw, (n_shared + len(donor)) * n_latents)


def gene_moments(model: DonorModel, donor: Tensor, known: KnownNoise) -> tuple[Tensor, Tensor]:
    n_shared, n_genes = known.genes.shape

    def draw(numbers: Tensor) -> Tensor:
        shared, own = numbers.view(n_shared + len(donor), n_genes).split([n_shared, len(donor)])
        return model.gene_noise(donor, known, shared, own).flatten()

    return moments(draw, (n_shared + len(donor)) * n_genes)


@given(seed=st.integers(0, 2**16), n_known=st.integers(0, 5), n_new=st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_new_samples_follow_the_dense_conditional_gaussian(seed: int, n_known: int, n_new: int) -> None:
    model, covariance, rho = random_model(seed)
    generator = torch.Generator().manual_seed(seed + 1)
    latents = 2 * torch.randn(n_known, N_LATENTS, generator=generator, dtype=torch.float64)
    genes = 2 * torch.randn(n_known, N_GENES, generator=generator, dtype=torch.float64)
    donor, known = torch.zeros(n_new, dtype=torch.int64), known_of(model, latents, genes)
    for found, expected in (
        (latent_moments(model, donor, known), dense_conditional(covariance, latents, n_new)),
        (gene_moments(model, donor, known), dense_conditional(rho.diag(), genes, n_new)),
    ):
        for values, truth in zip(found, expected, strict=True):
            torch.testing.assert_close(values, truth, rtol=1e-6, atol=1e-8)


def test_samples_of_other_donors_have_nothing_in_common() -> None:
    model, covariance, rho = random_model(3)
    donor = torch.tensor([0, 0, 1])
    for found, shared in (
        (latent_moments(model, donor, model.nothing_known(2)), covariance),
        (gene_moments(model, donor, model.nothing_known(2)), rho.diag()),
    ):
        same = torch.tensor([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.float64)
        own = torch.eye(len(shared), dtype=torch.float64) - shared
        truth = torch.kron(same, shared) + torch.kron(torch.eye(3, dtype=torch.float64), own)
        torch.testing.assert_close(found[0], torch.zeros_like(found[0]))
        torch.testing.assert_close(found[1], truth, rtol=1e-6, atol=1e-8)


def test_what_is_known_of_one_donor_does_not_tell_of_another() -> None:
    model, _, _ = random_model(4)
    known = model.nothing_known(2)
    for sums in known:
        sums[0] = 3.0
    donor = torch.tensor([0, 1])
    assert latent_moments(model, donor, known)[0].view(2, -1)[0].abs().min() > 0
    assert latent_moments(model, donor, known)[0].view(2, -1)[1].abs().max() == 0
    assert gene_moments(model, donor, known)[0].view(2, -1)[1].abs().max() == 0


def test_an_unfitted_model_makes_samples_independent() -> None:
    model = DonorModel(N_LATENTS, N_GENES, 0).double()
    donor = torch.zeros(2, dtype=torch.int64)
    _, covariance = latent_moments(model, donor, model.nothing_known(1))
    torch.testing.assert_close(covariance, torch.eye(2 * N_LATENTS, dtype=torch.float64))


def test_genes_keep_their_correlation() -> None:
    """The two draws of correlated noise give correlated noise, also where a donor shares much of it."""
    n, rho = 40_000, torch.tensor([0.6, 0.6, 0.2])
    model = model_of(torch.zeros(1, 1), rho).float()
    generator = torch.Generator().manual_seed(0)
    draws = []
    for _ in range(2):
        first = torch.randn(n, 1, generator=generator)
        draws.append(0.8**0.5 * first + 0.2**0.5 * torch.randn(n, 3, generator=generator))
    noise = model.gene_noise(torch.arange(n), model.nothing_known(n), *draws)
    torch.testing.assert_close(noise.var(dim=0), torch.ones(3), rtol=0.03, atol=0)
    thinned = (0.6 * 0.2) ** 0.5 + (0.4 * 0.8) ** 0.5
    correlation = noise.T.corrcoef()
    assert correlation[0, 1] == pytest.approx(0.8, abs=0.02)
    assert correlation[0, 2] == pytest.approx(0.8 * thinned, abs=0.02)


def test_noise_is_centred_by_condition_scaled_and_bounded() -> None:
    scale = NoiseScale(2, 3)
    scale.centre.copy_(torch.tensor([[1.0, 2, 3], [10, 20, 30], [0, 0, 0]]))
    scale.spread.copy_(torch.tensor([1.0, 2, 4]))
    condition = torch.tensor([[1.0, 0], [0, 1], [0, 1]])
    noise = torch.tensor([[12.0, 22, 33], [1, 4, 7], [1e9, -1e9, 3]])
    expected = torch.tensor([[1.0, 0, 0], [0, 1, 1], [LARGEST_NOISE, -LARGEST_NOISE / 2, 0]])
    torch.testing.assert_close(scale(noise, condition), expected)


def test_observation_sums_the_noise_of_each_donor() -> None:
    loadings = orthogonal_loadings(20, 2)
    networks, model = linear_networks(loadings), DonorModel(2, 20, 0)
    expression = torch.randn(5, 20, generator=torch.Generator().manual_seed(1))
    donor = torch.tensor([0, 0, 2, 2, 2])

    def observed(of: Tensor, n_donors: int) -> KnownNoise:
        generator = torch.Generator().manual_seed(2)
        return model.observe(networks, expression, torch.zeros(5, 0), of, n_donors=n_donors, generator=generator)

    together, apart = observed(donor, 3), observed(torch.arange(5), 5)
    assert together.n_samples.flatten().tolist() == [2, 0, 3]
    for sums, single in zip(together, apart, strict=True):
        torch.testing.assert_close(sums, torch.stack([single[:2].sum(0), torch.zeros_like(sums[1]), single[2:].sum(0)]))
    torch.testing.assert_close(apart.latents @ loadings.T + apart.genes, expression)


@pytest.mark.parametrize("n_known", [1, 4])
def test_the_spread_of_the_draws_is_the_uncertainty(n_known: int) -> None:
    """The true values of a hidden sample are standard normal as seen from the draws."""
    loadings = orthogonal_loadings(60, 3, size=0.7)
    covariance, rho = torch.diag(torch.tensor([0.8, 0.5, 0.2])), torch.linspace(0, 0.9, 60)
    cohort = LinearCohort.draw(loadings, covariance, rho, donors=300, samples=n_known + 1)
    networks, model = linear_networks(loadings), model_of(covariance, rho).float()
    hidden = torch.arange(len(cohort.donor)) % (n_known + 1) == 0
    expression, truth = cohort.expression[~hidden], cohort.expression[hidden]
    generator, donor = torch.Generator().manual_seed(1), torch.arange(300)
    draws = []
    with torch.no_grad():
        for _ in range(200):
            condition = torch.zeros(len(expression), 0)
            of = cohort.donor[~hidden]
            known = model.observe(networks, expression, condition, of, n_donors=300, generator=generator)
            output = networks.decode(model.latent_noise(donor, known, generator), torch.zeros(300, 0))
            shared, own = networks.likelihood.noise(output, generator), networks.likelihood.noise(output, generator)
            draws.append(networks.likelihood.push(output, model.gene_noise(donor, known, shared, own)))
    drawn = torch.stack(draws)
    z = (truth - drawn.mean(dim=0)) / drawn.std(dim=0)
    assert z.mean().abs() < 0.05
    assert z.std() == pytest.approx(1.0, abs=0.04)
    assert (z.abs() < 1.96).float().mean() == pytest.approx(0.95, abs=0.01)
    unexplained = (truth - drawn.mean(dim=0)).square().mean() / truth.square().mean()
    assert unexplained < {1: 0.85, 4: 0.7}[n_known]
