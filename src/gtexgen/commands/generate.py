"""``gtexgen-generate``: write synthetic samples of a trained generator."""

from __future__ import annotations

import sys
from pathlib import Path

from omegaconf import DictConfig

from gtexgen.config.application import run_application
from gtexgen.config.schema import GenerateSettings
from gtexgen.config.validation import validate
from gtexgen.provenance import describe_process, write_record

__all__ = ["generate", "main"]


def generate(config: DictConfig) -> None:
    """Draw the samples that `config` asks for into a table, and write beside it what made it."""
    settings = validate(config, GenerateSettings)
    from tqdm import tqdm

    from gtexgen.generator import Generator

    output = Path(settings.output)
    generator = Generator.load(settings.generator, device=settings.device)
    record = describe_process() | {
        "generator": str(Path(settings.generator).resolve()),
        "seed": settings.seed,
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    with tqdm(desc=output.name, unit=" samples", disable=not sys.stderr.isatty()) as bar:
        written = generator.write(
            output,
            settings.counts,
            seed=settings.seed,
            noise=settings.noise,
            allow_unseen=settings.allow_unseen,
            progress=bar.update,
        )
    record["counts"] = written.to_dict("records")
    record["trained_on"] = generator.fingerprint
    write_record(output.with_name(f"{output.name}.json"), record)
    print(f"{written['n'].sum():,} samples x {len(generator.genes):,} genes in {generator.units}")
    print(output.resolve())


def main() -> None:
    """Run ``gtexgen-generate``."""
    run_application("generate", generate)
