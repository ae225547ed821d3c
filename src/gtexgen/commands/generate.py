"""``gtexgen-generate``: write synthetic samples of a trained generator."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from gtexgen.config.application import run_application
from gtexgen.config.schema import GenerateSettings
from gtexgen.config.validation import validate
from gtexgen.errors import ConfigError
from gtexgen.provenance import describe_process, write_record

if TYPE_CHECKING:
    import pandas as pd

    from gtexgen.generator import Generator

__all__ = ["generate", "main"]


def generate(config: DictConfig) -> None:
    """Draw the samples that `config` asks for into a table, and write beside it what made it."""
    settings = validate(config, GenerateSettings)
    asked = _asked(settings)
    from tqdm import tqdm

    from gtexgen.generator import Generator

    output = Path(settings.output)
    generator = Generator.load(settings.generator, device=settings.device)
    record = describe_process() | {
        "generator": str(Path(settings.generator).resolve()),
        "seed": settings.seed,
        "asked": asked,
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    with tqdm(desc=output.name, unit=" samples", disable=not sys.stderr.isatty()) as bar:
        written = _write(generator, settings, asked, progress=bar.update)
    record["counts"] = written.to_dict("records")
    record["trained_on"] = generator.fingerprint
    write_record(output.with_name(f"{output.name}.json"), record)
    print(f"{written['n'].sum():,} samples x {len(generator.genes):,} genes in {generator.units}")
    print(output.resolve())


def _asked(settings: GenerateSettings) -> dict[str, Any]:
    """Return what is asked for, with the options that belong to it.

    Raises
    ------
    ConfigError
        If several things are asked for, or an option belongs to another.
    """
    asked = {
        name: value for name in ("counts", "donors", "given") if (value := getattr(settings, name)) is not None
    } or {"counts": "training"}
    if len(asked) > 1:
        raise ConfigError(
            f"{' and '.join(asked)} are given, and each asks for something else.\n"
            "  Remedy: counts for single samples, donors for whole synthetic donors, or given to complete real ones."
        )
    if "counts" in asked and settings.tissues is not None:
        raise ConfigError(
            "tissues goes with donors or given, and neither is asked for.\n"
            "  Remedy: donors=100 'tissues=[Lung,Liver]', or 'counts={Lung:100,Liver:100}' for single samples."
        )
    if "counts" not in asked and settings.allow_unseen:
        raise ConfigError(
            f"allow_unseen goes with counts: whoever is drawn by {next(iter(asked))} can have the tissues that "
            "training has of that sex.\n  Remedy: leave allow_unseen out."
        )
    if "counts" in asked:
        return asked | {"allow_unseen": settings.allow_unseen}
    return asked | {"tissues": settings.tissues} | ({"draws": settings.draws} if "given" in asked else {})


def _write(generator: Generator, settings: GenerateSettings, asked: dict[str, Any], *, progress: Any) -> pd.DataFrame:
    options: dict[str, Any] = {"seed": settings.seed, "noise": settings.noise, "progress": progress}
    match asked:
        case {"donors": n, "tissues": tissues}:
            return generator.write_donors(settings.output, n, tissues, **options)
        case {"given": table, "tissues": tissues, "draws": draws}:
            return generator.write_completion(settings.output, table, tissues, draws=draws, **options)
    return generator.write(settings.output, **asked, **options)


def main() -> None:
    """Run ``gtexgen-generate``."""
    run_application("generate", generate)
