"""What the files of a generator folder hold, whatever its model: a generator taken apart, and put together again."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from gtexgen.data.conditions import ConditionEncoder
from gtexgen.data.scaling import Scaling
from gtexgen.data.splits import Split
from gtexgen.generator.folder import GeneratorFolder

if TYPE_CHECKING:
    from gtexgen.generator.fitted import FittedModel

__all__ = ["pack", "to_json", "unpack"]


def pack(generator: FittedModel) -> dict[str, bytes]:
    """Give the contents of every file by its name."""
    model, own_files = generator.pack_model()
    config = {"model": model, "settings": dict(generator.settings)}
    counts = generator.training_counts.astype(object)
    conditions = {
        "encoder": generator.encoder.to_json(),
        "training_counts": counts.where(counts.notna(), None).to_dict("records"),
    }
    metrics = {name: value if math.isfinite(value) else None for name, value in generator.metrics.items()}
    shared = {
        "config.yaml": yaml.safe_dump(config, sort_keys=False).encode(),
        "genes.json": to_json(generator.genes.to_dict("list")),
        "conditions.json": to_json(conditions),
        "scaling.json": to_json(generator.scaling.to_json()),
        "split.json": to_json(generator.split.to_json()),
        "metrics.json": to_json(metrics),
    }
    return shared | own_files


def unpack(folder: GeneratorFolder) -> dict[str, Any]:
    """Read the fields that every `gtexgen.generator.fitted.FittedModel` has.

    Raises
    ------
    GeneratorError
        A file is missing or damaged; the message names it.
    """
    encoder, training_counts = folder.read("conditions.json", _conditions)
    return {
        "encoder": encoder,
        "scaling": folder.read("scaling.json", lambda content: Scaling.from_json(json.loads(content))),
        "genes": folder.read("genes.json", _genes),
        "units": folder.about["units"],
        "fingerprint": folder.about["fingerprint"],
        "training_counts": training_counts,
        "split": folder.read("split.json", lambda content: Split.from_json(json.loads(content))),
        "metrics": folder.read("metrics.json", _metrics),
        "settings": folder.read("config.yaml", lambda content: dict(yaml.safe_load(content)["settings"])),
    }


def to_json(value: Any) -> bytes:
    """Write plain values."""
    return json.dumps(value, indent=1, allow_nan=False).encode()


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
