"""``gtexgen-prepare``: make an expression store."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from gtexgen.commands.stores import default_store, describe_store, prepare_from_settings
from gtexgen.config.application import run_application
from gtexgen.config.schema import PrepareSettings
from gtexgen.config.validation import validate

__all__ = ["main", "prepare"]


def prepare(config: DictConfig) -> None:
    """Make the store that `config` describes and say what went in and what did not."""
    settings = validate(config, PrepareSettings)
    store = Path(settings.store) if settings.store else default_store(settings.data, settings.outputs)
    print(describe_store(prepare_from_settings(settings.data, store, overwrite=settings.overwrite)))
    print(store.resolve())


def main() -> None:
    """Run ``gtexgen-prepare``."""
    run_application("prepare", prepare)
