"""A class Gaussian fitted to a small cohort, and judgements of what it and others draw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from hydra import compose, initialize_config_dir

from gtexgen import Generator
from gtexgen.assessment.assess import Assessment
from gtexgen.assessment.sources import open_sources
from gtexgen.commands.evaluate import evaluate
from gtexgen.commands.stores import find_or_prepare
from gtexgen.config.baselines import baseline_config
from gtexgen.config.locations import conf_folder
from gtexgen.config.schema import BaselineTrainSettings, EvaluateSettings
from gtexgen.config.validation import validate
from gtexgen.data.splits import Part
from gtexgen.data.store import ExpressionStore
from gtexgen.evaluation.results import Evaluation
from gtexgen.training.baseline import run_baseline

__all__ = ["QUICK", "Fitted", "assessment", "fit_small", "judge", "write_judgement"]

COHORT = ["data.donors=60", "data.samples=400", "data.genes=60", "split.validation=0.3", "split.test=0.3"]
QUICK = ["embedding=pca", "seeds=1", "resamples=20"]


@dataclass(frozen=True)
class Fitted:
    """A training run and the store that it used."""

    run: Path
    store: ExpressionStore

    @property
    def generator(self) -> Generator:
        return Generator.load(self.run)

    def samples(self, part: Part) -> pd.DataFrame:
        """Give the labels of a part's real samples."""
        return self.store.samples.iloc[self.generator.split.indices(part)].reset_index(drop=True)

    def real_table(self, part: Part) -> pd.DataFrame:
        """Give a part's real samples: their labels, then a column a gene, in store units."""
        units = self.store.read(self.generator.split.indices(part))
        return pd.concat([self.samples(part), pd.DataFrame(units, columns=self.store.labels)], axis=1)


def fit_small(folder: Path, *arguments: str) -> Fitted:
    """Fit a class Gaussian of tissue and sex, as ``gtexgen-train`` does."""
    overrides = ["model=class_gaussian", *COHORT, "condition=[tissue,sex]", f"outputs={folder}", "seed=1", *arguments]
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = compose("train", overrides=overrides)
    settings = validate(baseline_config(config, overrides), BaselineTrainSettings)
    store = find_or_prepare(settings)
    run_baseline(settings, store, folder / "run")
    return Fitted(folder / "run", store)


def assessment(*arguments: str) -> Assessment:
    """Prepare what ``gtexgen-evaluate`` would measure."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        settings = validate(compose("evaluate", overrides=[*QUICK, *arguments]), EvaluateSettings)
    return Assessment.prepare(open_sources(settings), settings)


def judge(*arguments: str) -> Evaluation:
    """Measure it, and write nothing."""
    return assessment(*arguments).evaluate(lambda _: None, {})


def write_judgement(output: Path, *arguments: str) -> Path:
    """Run ``gtexgen-evaluate`` in this process."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        config = compose("evaluate", overrides=[*QUICK, f"output={output}", *arguments])
    evaluate(config)
    return output
