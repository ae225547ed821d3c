"""What the fitted flow does beyond any fitted density."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gtexgen.errors import ConfigError
from gtexgen.models.priors.coupling_flow import CouplingFlow
from gtexgen.models.priors.fitted_flow import FittedFlow

N_LATENTS, N_CONDITIONS = 5, 2


@pytest.fixture
def flow() -> CouplingFlow:
    """A flow with weights at random, which bends a lot."""
    flow = CouplingFlow(N_LATENTS, N_CONDITIONS, n_layers=6, n_hidden=8, n_steps=0)
    generator = torch.Generator().manual_seed(0)
    flow.load_state_dict(
        {name: 0.5 * torch.randn(tensor.shape, generator=generator) for name, tensor in flow.state_dict().items()}
    )
    return flow


@pytest.fixture
def values() -> Tensor:
    return torch.randn(200, N_LATENTS, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def condition() -> Tensor:
    return torch.eye(N_CONDITIONS)[torch.arange(200) % N_CONDITIONS]


def test_is_a_bijection(flow: CouplingFlow, values: Tensor, condition: Tensor) -> None:
    noise = flow.pull(values, condition)
    assert (noise - values).abs().mean() > 0.2
    torch.testing.assert_close(flow.push(noise, condition), values, rtol=1e-3, atol=1e-4)


def test_change_of_volume_is_that_of_its_jacobian(flow: CouplingFlow, values: Tensor, condition: Tensor) -> None:
    _, log_volume = flow(values, condition)
    for row in range(5):
        jacobian = torch.autograd.functional.jacobian(
            lambda value, row=row: flow.pull(value[None], condition[row : row + 1])[0], values[row]
        )
        torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, log_volume[row], rtol=1e-3, atol=1e-4)


def test_every_latent_is_moved_by_every_other(flow: CouplingFlow, values: Tensor, condition: Tensor) -> None:
    jacobian = torch.autograd.functional.jacobian(lambda value: flow.pull(value[None], condition[:1])[0], values[0])
    assert (jacobian != 0).all()


def test_depends_on_the_condition(flow: CouplingFlow, values: Tensor) -> None:
    first, second = (flow.pull(values, torch.eye(N_CONDITIONS)[[row] * 200]) for row in range(2))
    assert (first - second).abs().max() > 0.01


def test_is_the_identity_until_it_is_fitted(values: Tensor, condition: Tensor) -> None:
    flow = CouplingFlow(N_LATENTS, N_CONDITIONS, n_layers=4, n_hidden=8, n_steps=100)
    assert torch.equal(flow.pull(values, condition), values)


def test_never_ends_worse_than_the_identity_on_what_it_holds_out() -> None:
    """A handful of samples in many dimensions would only be learnt by heart."""
    values = torch.randn(1, 30, 20, generator=torch.Generator().manual_seed(0))
    flow = CouplingFlow(20, 0, n_layers=4, n_hidden=32, n_steps=200)
    flow.fit(values, torch.zeros(30, 0), torch.Generator().manual_seed(0))
    fresh = torch.randn(2_000, 20, generator=torch.Generator().manual_seed(1))
    identity = CouplingFlow(20, 0, n_layers=4, n_hidden=32, n_steps=0)
    none = torch.zeros(2_000, 0)
    assert (flow.log_prob(fresh, none) - identity.log_prob(fresh, none)).mean() > -0.1


def test_has_nothing_that_an_optimiser_could_train() -> None:
    assert list(FittedFlow(4, 3).parameters()) == []


@pytest.mark.parametrize("option", ["layers", "hidden", "steps", "shrinkage"])
def test_options_out_of_range_are_refused(option: str) -> None:
    with pytest.raises(ConfigError, match=f"prior.{option} must be"):
        FittedFlow(2, 2, **{option: -1})
