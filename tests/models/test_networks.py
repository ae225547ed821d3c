"""Shapes, choices and bounds of the encoder and the decoder."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gtexgen.models.build import ModelSpec, build_model
from gtexgen.models.networks import ACTIVATIONS, NORMALISATIONS, Decoder, Encoder


def linear_widths(module: nn.Module) -> list[tuple[int, int]]:
    return [(layer.in_features, layer.out_features) for layer in module.modules() if isinstance(layer, nn.Linear)]


def test_the_decoder_mirrors_the_encoder() -> None:
    encoder = Encoder(50, 3, 4, hidden=[32, 16])
    decoder = Decoder(4, 3, hidden=[32, 16])
    assert linear_widths(encoder) == [(53, 32), (32, 16), (16, 8)]
    assert linear_widths(decoder) == [(7, 16), (16, 32)]
    assert decoder.n_features == 32


def test_no_hidden_layer_is_a_linear_model() -> None:
    assert linear_widths(Encoder(50, 3, 4, hidden=[])) == [(53, 8)]
    assert linear_widths(Decoder(4, 3, hidden=[])) == []
    assert Decoder(4, 3, hidden=[]).n_features == 7


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_choice_gives_finite_values(activation: str, normalisation: str) -> None:
    encoder = Encoder(50, 3, 4, hidden=[32], activation=activation, normalisation=normalisation, dropout=0.1)
    mean, log_variance = encoder(torch.randn(6, 50), torch.eye(3).repeat(2, 1))
    assert mean.shape == log_variance.shape == (6, 4)
    assert mean.isfinite().all()
    assert log_variance.isfinite().all()


def test_the_condition_enters_both_networks() -> None:
    networks = build_model(ModelSpec(latent=4, hidden=[8]), 11, 3).networks
    expression, latent = torch.randn(1, 11), torch.randn(1, 4)
    first, second = torch.eye(3)[:1], torch.eye(3)[1:2]
    assert not torch.equal(networks.infer(expression, first).mean, networks.infer(expression, second).mean)
    assert not torch.equal(networks.decode(latent, first)[0], networks.decode(latent, second)[0])


def test_dropout_is_for_training_only() -> None:
    encoder = Encoder(50, 0, 4, hidden=[32], dropout=0.5)
    expression, condition = torch.randn(6, 50), torch.zeros(6, 0)
    assert not torch.equal(encoder(expression, condition).mean, encoder(expression, condition).mean)
    encoder.eval()
    assert torch.equal(encoder(expression, condition).mean, encoder(expression, condition).mean)


def test_the_log_variance_is_bounded_and_keeps_its_gradient() -> None:
    encoder = Encoder(5, 0, 2, hidden=[])
    with torch.no_grad():
        encoder.posterior.bias.fill_(40.0)
    _, log_variance = encoder(torch.randn(3, 5), torch.zeros(3, 0))
    log_variance.sum().backward()
    assert (log_variance <= 10).all()
    assert (log_variance > 9.9).all()
    assert encoder.posterior.bias.grad is not None
    assert (encoder.posterior.bias.grad[2:] > 0).all()


def test_without_noise_a_sample_is_the_mean_of_its_latent() -> None:
    networks = build_model(ModelSpec(latent=4, hidden=[8]), 11, 3).networks
    condition = torch.eye(3)
    latent = networks.prior.sample(condition, torch.Generator().manual_seed(1))
    expected = networks.likelihood.mean(networks.decode(latent, condition))
    assert torch.equal(networks.sample(condition, torch.Generator().manual_seed(1), noise=False), expected)
    assert not torch.equal(networks.sample(condition, torch.Generator().manual_seed(1)), expected)
