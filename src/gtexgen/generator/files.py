"""What each file of a generator folder holds: a generator taken apart, and put together again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
import yaml
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.scaling import Scaling
from gtexgen.data.splits import Split
from gtexgen.errors import ConfigError, GeneratorError
from gtexgen.generator.donors import DonorModel, Donors
from gtexgen.generator.folder import GeneratorFolder
from gtexgen.generator.tally import DonorTally
from gtexgen.models.build import ModelSpec, build_networks
from gtexgen.models.networks import Networks

if TYPE_CHECKING:
    from gtexgen.generator.fitted import FittedModel

__all__ = ["pack", "unpack"]

DONORS = "donors.json"


def pack(generator: FittedModel) -> dict[str, bytes]:
    """Give the contents of every file by its name."""
    config = {"model": generator.spec.to_dict(), "settings": dict(generator.settings)}
    counts = generator.training_counts.astype(object)
    conditions = {
        "encoder": generator.encoder.to_json(),
        "training_counts": counts.where(counts.notna(), None).to_dict("records"),
    }
    metrics = {name: value if math.isfinite(value) else None for name, value in generator.metrics.items()}
    files = {
        "weights.safetensors": _tensors(generator.networks),
        "config.yaml": yaml.safe_dump(config, sort_keys=False).encode(),
        "genes.json": _json(generator.genes.to_dict("list")),
        "conditions.json": _json(conditions),
        "scaling.json": _json(generator.scaling.to_json()),
        "split.json": _json(generator.split.to_json()),
        "metrics.json": _json(metrics),
    }
    if generator.donors is not None:
        files["donors.safetensors"] = _tensors(generator.donors.model)
        files[DONORS] = _json(generator.donors.tally.to_json())
    return files


def unpack(folder: GeneratorFolder) -> dict[str, Any]:
    """Read what `gtexgen.generator.Generator` is made of, its networks on the CPU.

    Raises
    ------
    GeneratorError
        A file is missing or damaged; the message names it.
    """
    spec, settings = folder.read("config.yaml", _config)
    genes = folder.read("genes.json", _genes)
    encoder, training_counts = folder.read("conditions.json", _conditions)
    tensors = folder.read("weights.safetensors", load_tensors)
    return {
        "networks": _networks(folder, spec, len(genes), encoder.n_features, tensors),
        "spec": spec,
        "encoder": encoder,
        "scaling": folder.read("scaling.json", lambda content: Scaling.from_json(json.loads(content))),
        "genes": genes,
        "units": folder.about["units"],
        "fingerprint": folder.about["fingerprint"],
        "training_counts": training_counts,
        "split": folder.read("split.json", lambda content: Split.from_json(json.loads(content))),
        "metrics": folder.read("metrics.json", _metrics),
        "settings": settings,
        "donors": _donors(folder, spec, len(genes), encoder.n_features),
    }


def _tensors(module: nn.Module) -> bytes:
    return save_tensors({name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()})


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, allow_nan=False).encode()


def _config(content: bytes) -> tuple[ModelSpec, dict[str, Any]]:
    config = yaml.safe_load(content)
    return ModelSpec.from_dict(config["model"]), config["settings"]


def _genes(content: bytes) -> pd.DataFrame:
    return pd.DataFrame(json.loads(content), dtype="str")[["label", "gene_id", "version", "symbol"]]


def _conditions(content: bytes) -> tuple[ConditionEncoder, pd.DataFrame]:
    conditions = json.loads(content)
    encoder = ConditionEncoder.from_json(conditions["encoder"])
    columns = [*encoder.fields, "n"]
    counts = pd.DataFrame(conditions["training_counts"], columns=columns)
    return encoder, counts.astype({**dict.fromkeys(encoder.fields, "str"), "n": "int64"})


def _metrics(content: bytes) -> dict[str, float]:
    metrics = json.loads(content)
    return {name: math.nan if value is None else float(value) for name, value in metrics.items()}


def _donors(folder: GeneratorFolder, spec: ModelSpec, n_genes: int, n_conditions: int) -> Donors | None:
    """Read what is known of donors; older generators, and those of lone samples, know nothing."""
    if DONORS not in folder.about["sha256"]:
        return None
    model = DonorModel(spec.latent, n_genes, n_conditions)
    folder.read("donors.safetensors", lambda content: model.load_state_dict(load_tensors(content)))
    return Donors(model, folder.read(DONORS, lambda content: DonorTally.from_json(json.loads(content))))


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
