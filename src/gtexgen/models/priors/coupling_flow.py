"""A small conditional normalising flow of affine couplings, fitted with early stopping."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import functional_call

from gtexgen.models.noise import standard_normal
from gtexgen.models.priors.base import log_density_of_noise
from gtexgen.models.priors.refined_gaussian import Residual

__all__ = ["CouplingFlow"]

LOG_SCALE_BOUND = 2.0

HELD_OUT = 6  # one in six samples
BATCH_SIZE = 256
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.3
AVERAGING = 0.99
STEPS_A_LOOK = 50
PATIENCE = 8  # looks


class Coupling(NamedTuple):
    """One layer: which latents it keeps, ``(latents,)`` of 0 and 1, and the network that moves the others."""

    kept: Tensor
    hidden_weight: Tensor
    hidden_bias: Tensor
    output_weight: Tensor
    output_bias: Tensor

    def affine(self, values: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Give log-scale and shift of ``(batch, latents)``, both 0 for the kept ones."""
        seen = torch.cat([self.kept * values, condition], dim=1)
        hidden = torch.tanh(torch.addmm(self.hidden_bias, seen, self.hidden_weight))
        raw, shift = torch.addmm(self.output_bias, hidden, self.output_weight).chunk(2, dim=1)
        moved = 1 - self.kept
        return moved * LOG_SCALE_BOUND * torch.tanh(raw / LOG_SCALE_BOUND), moved * shift


class CouplingFlow(Residual):
    r"""A bijection between whitened latents and standard normal noise, which starts as the identity.

    Each layer keeps some of the latents and moves the others by what the kept ones and the condition say:

    .. math:: u_\text{moved} \leftarrow u_\text{moved} \odot e^{s} + t, \quad
        (s, t) = \tanh((u_\text{kept}, c)^T W_1 + b_1)^T W_2 + b_2, \quad |s| < 2

    Dinh, Sohl-Dickstein and Bengio 2017, *Density estimation using Real NVP*. Two layers at a time split the latents
    by one binary digit of their number: L latents are all told apart after :math:`2 \lceil \log_2 L \rceil` layers.

    It learns from draws of five in six samples by AdamW, its weights averaged over the last steps, and stops when the
    sixth no longer gains; of all states, the identity among them, the best for the sixth is kept. With fewer than six
    samples it stays the identity.

    Parameters
    ----------
    n_latents, n_conditions
        Widths of the latent vector and of the encoded condition.
    n_layers, n_hidden
        Number of couplings, and width of the hidden layer of each.
    n_steps
        The most steps that the fit takes.
    """

    kept: Tensor
    hidden_weight: Tensor
    hidden_bias: Tensor
    output_weight: Tensor
    output_bias: Tensor

    def __init__(self, n_latents: int, n_conditions: int, n_layers: int, n_hidden: int, n_steps: int) -> None:
        super().__init__()
        self.n_steps = n_steps
        self.register_buffer("kept", _alternate_digits(n_latents, n_layers), persistent=False)
        self.register_buffer("hidden_weight", torch.zeros(n_layers, n_latents + n_conditions, n_hidden))
        self.register_buffer("hidden_bias", torch.zeros(n_layers, n_hidden))
        self.register_buffer("output_weight", torch.zeros(n_layers, n_hidden, 2 * n_latents))
        self.register_buffer("output_bias", torch.zeros(n_layers, 2 * n_latents))

    def forward(self, values: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Give the noise behind ``(batch, latents)`` and the logarithm of the change in volume, ``(batch,)``."""
        log_volume = torch.zeros_like(values[:, 0])
        for coupling in self._couplings():
            log_scale, shift = coupling.affine(values, condition)
            values = torch.addcmul(shift, values, log_scale.exp())
            log_volume = log_volume + log_scale.sum(dim=1)
        return values, log_volume

    def log_prob(self, values: Tensor, condition: Tensor) -> Tensor:
        """Give the log-density of ``(batch, latents)``, ``(batch,)``."""
        noise, log_volume = self.forward(values, condition)
        return log_density_of_noise(noise) + log_volume

    def push(self, noise: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Undo the layers from last to first."""
        values = noise
        for coupling in reversed(self._couplings()):
            log_scale, shift = coupling.affine(values, condition)
            values = (values - shift) * torch.exp(-log_scale)
        return values

    def pull(self, values: Tensor, condition: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Apply the layers from first to last."""
        return self.forward(values, condition)[0]

    def _couplings(self) -> list[Coupling]:
        stacked = (self.kept, self.hidden_weight, self.hidden_bias, self.output_weight, self.output_bias)
        return [Coupling(*tensors) for tensors in zip(*stacked, strict=True)]

    def fit(self, draws: Tensor, condition: Tensor, generator: torch.Generator) -> None:
        """Fit to ``(draws, samples, latents)`` and ``(samples, conditions)``; see `Residual.fit`."""
        order = torch.randperm(len(condition), generator=generator)
        held_out, learnt = order.tensor_split([len(order) // HELD_OUT])
        self._start(generator)
        with torch.inference_mode(mode=False), torch.enable_grad():
            draws, condition = draws.clone(), condition.clone()
            judged = draws[:, held_out].flatten(0, 1), condition[held_out].repeat(len(draws), 1)
            best, score, waited = self._state(), self.log_prob(*judged).mean(), 0
            for state in self._train(draws[:, learnt], condition[learnt], generator):
                self.load_state_dict(state)
                reached = self.log_prob(*judged).mean()
                if reached > score:
                    best, score, waited = self._state(), reached, 0
                else:
                    waited += 1
                if waited == PATIENCE:
                    break
            self.load_state_dict(best)

    def _start(self, generator: torch.Generator) -> None:
        """Set the weights at random, but those of the output to 0: the identity."""
        for tensor in self.state_dict().values():
            tensor.zero_()
        latents = self.hidden_weight[:, : self.kept.shape[1]]
        latents.copy_(standard_normal(latents.shape, like=latents, generator=generator) / math.sqrt(latents.shape[1]))

    def _state(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self.state_dict().items()}

    def _train(self, draws: Tensor, condition: Tensor, generator: torch.Generator) -> Iterator[dict[str, Tensor]]:
        """Minimise the negative log-density of minibatches; now and then, give the weights' running average."""
        weights = {name: tensor.requires_grad_() for name, tensor in self._state().items()}
        average = self._state()
        optimiser = torch.optim.AdamW(weights.values(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
        for step in range(1, self.n_steps + 1):
            sample = torch.randint(draws.shape[1], (BATCH_SIZE,), generator=generator)
            draw = torch.randint(draws.shape[0], (BATCH_SIZE,), generator=generator)
            noise, log_volume = functional_call(self, weights, (draws[draw, sample], condition[sample]))
            optimiser.zero_grad()
            (-log_density_of_noise(noise) - log_volume).mean().backward()
            optimiser.step()
            for name, tensor in average.items():
                tensor.lerp_(weights[name].detach(), 1 - AVERAGING)
            if step % STEPS_A_LOOK == 0:
                yield average


def _alternate_digits(n_latents: int, n_layers: int) -> Tensor:
    """Say which latents each layer keeps, ``(layers, latents)`` of 0 and 1."""
    n_digits = max((n_latents - 1).bit_length(), 1)
    latent, layer = torch.arange(n_latents), torch.arange(n_layers)[:, None]
    digit = (latent >> (layer // 2 % n_digits)) & 1
    return (digit == layer % 2).float()
