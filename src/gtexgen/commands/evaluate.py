"""``gtexgen-evaluate``: judge a synthetic table, or what a generator writes, by held-out real samples."""

from __future__ import annotations

import sys
from pathlib import Path

from omegaconf import DictConfig

from gtexgen.config.application import run_application
from gtexgen.config.schema import EvaluateSettings
from gtexgen.config.validation import validate
from gtexgen.provenance import describe_process

__all__ = ["evaluate", "main"]


def evaluate(config: DictConfig) -> None:
    """Measure what `config` names, fill the output folder and print the scores."""
    settings = validate(config, EvaluateSettings)
    from tqdm import tqdm

    from gtexgen.assessment.assess import Assessment
    from gtexgen.assessment.folder import check_free, write_folder
    from gtexgen.assessment.graphics import gather_graphics
    from gtexgen.assessment.sources import open_sources
    from gtexgen.report.terminal import print_scores

    output = Path(settings.output)
    check_free(output, overwrite=settings.overwrite)
    assessment = Assessment.prepare(open_sources(settings), settings)
    with tqdm(total=assessment.steps + 1, disable=not sys.stderr.isatty()) as bar:

        def step(name: str) -> None:
            bar.set_description(name)
            bar.update()

        evaluation = assessment.evaluate(step, describe_process())
        step("figures")
        write_folder(output, evaluation, gather_graphics(assessment), assessment, overwrite=settings.overwrite)
    print_scores(evaluation)
    print((output / "report.html").resolve())


def main() -> None:
    """Run ``gtexgen-evaluate``."""
    run_application("evaluate", evaluate)
