"""What the files of networks hold: their weights, what is known of donors, and the calibration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
import yaml
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from gtexgen.errors import ConfigError, GeneratorError
from gtexgen.generator.calibration import Calibration
from gtexgen.generator.donors import DonorModel, Donors
from gtexgen.generator.files import to_json
from gtexgen.generator.folder import GeneratorFolder
from gtexgen.generator.tally import DonorTally
from gtexgen.models.build import ModelSpec, build_networks
from gtexgen.models.networks import Networks

if TYPE_CHECKING:
    from gtexgen.generator.networks import NetworkGenerator

__all__ = ["pack_networks", "unpack_networks"]

DONORS = "donors.json"
CALIBRATION = "calibration.json"


def pack_networks(generator: NetworkGenerator) -> dict[str, bytes]:
    """Give the contents of the networks' own files by name."""
    files = {"weights.safetensors": _tensors(generator.networks)}
    if generator.donors is not None:
        files["donors.safetensors"] = _tensors(generator.donors.model)
        files[DONORS] = to_json(generator.donors.tally.to_json())
    if (calibration := generator.calibration) is not None:
        files["calibration.safetensors"] = save_arrays(calibration.arrays())
        files[CALIBRATION] = to_json({"column": calibration.column, "classes": calibration.classes})
    return files


def unpack_networks(folder: GeneratorFolder, n_genes: int, n_conditions: int) -> dict[str, Any]:
    """Read ``networks``, ``spec``, ``donors`` and ``calibration``, on the CPU.

    Raises
    ------
    GeneratorError
        A file is missing or damaged; the message names it.
    """
    spec = folder.read("config.yaml", lambda content: ModelSpec.from_dict(yaml.safe_load(content)["model"]))
    tensors = folder.read("weights.safetensors", load_tensors)
    return {
        "networks": _networks(folder, spec, n_genes, n_conditions, tensors),
        "spec": spec,
        "donors": _donors(folder, spec, n_genes, n_conditions),
        "calibration": _calibration(folder),
    }


def _tensors(module: nn.Module) -> bytes:
    return save_tensors({name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()})


def _donors(folder: GeneratorFolder, spec: ModelSpec, n_genes: int, n_conditions: int) -> Donors | None:
    """Read what is known of donors; older generators, and those of lone samples, know nothing."""
    if DONORS not in folder.about["sha256"]:
        return None
    model = DonorModel(spec.latent, n_genes, n_conditions)
    folder.read("donors.safetensors", lambda content: model.load_state_dict(load_tensors(content)))
    return Donors(model, folder.read(DONORS, lambda content: DonorTally.from_json(json.loads(content))))


def _calibration(folder: GeneratorFolder) -> Calibration | None:
    """Read the calibration; older generators, and those that were trained without, have none."""
    if CALIBRATION not in folder.about["sha256"]:
        return None
    about = folder.read(CALIBRATION, json.loads)
    return folder.read(
        "calibration.safetensors",
        lambda content: Calibration.restore(about["column"], about["classes"], load_arrays(content)),
    )


def _networks(
    folder: GeneratorFolder, spec: ModelSpec, n_genes: int, n_conditions: int, tensors: Mapping[str, Tensor]
) -> Networks:
    """Build the networks, without touching Torch's default generator, and fill in their weights."""
    try:
        with torch.random.fork_rng(devices=[]):
            networks = build_networks(spec, n_genes, n_conditions)
    except ConfigError as error:
        raise GeneratorError(f"{folder.path / 'config.yaml'}: {error}") from error
    try:
        networks.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise GeneratorError(
            f"{folder.path / 'weights.safetensors'} does not fit the model in config.yaml: {error}"
        ) from error
    return networks
