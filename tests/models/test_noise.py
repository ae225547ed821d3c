"""Seeded noise."""

from __future__ import annotations

import pytest
import torch

from gtexgen.models.noise import standard_normal


def test_a_generator_reproduces_its_noise_and_moves_on() -> None:
    like = torch.zeros(1)
    generator = torch.Generator().manual_seed(1)
    first, second = (standard_normal((3, 2), like=like, generator=generator) for _ in range(2))
    again = standard_normal((3, 2), like=like, generator=torch.Generator().manual_seed(1))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_noise_takes_the_type_of_the_other_tensor(dtype: torch.dtype) -> None:
    noise = standard_normal((3,), like=torch.zeros(1, dtype=dtype))
    assert noise.dtype == dtype


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cpu_generator_gives_the_same_noise_on_a_gpu() -> None:
    on_cpu, on_gpu = (
        standard_normal((3,), like=torch.zeros(1, device=device), generator=torch.Generator().manual_seed(1))
        for device in ("cpu", "cuda")
    )
    assert on_gpu.device.type == "cuda"
    assert torch.equal(on_cpu, on_gpu.cpu())
