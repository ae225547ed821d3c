"""The model card: the README of a generator folder, for whoever finds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gtexgen.version import __version__

if TYPE_CHECKING:
    from gtexgen.generator import Generator

__all__ = ["model_card"]

MOST_COMBINATIONS = 60
PARTS = ("train", "validation", "test")

LIMITS = """\
- **Privacy is not promised.** A generator can give back what it saw in training, most of all for rare
  conditions. Handle it and its samples as the licence of the training data asks; `split.json` names donors.
- Samples are drawn one by one: no two of them belong to one donor, unlike real tables.
- A condition is as good as its number of training samples in the table above. `allow_unseen` extrapolates
  to combinations that were never seen, and no metric here says how well.
- Values that the model puts below 0, or above the gene's largest in training, are written as 0 or that largest.
- With `noise=False` the spread is narrower than in real samples.
- Synthetic samples are no evidence: take a finding back to real data before it is believed.
"""


def model_card(generator: Generator) -> str:
    """Describe a generator in Markdown: its data, settings, held-out metrics, use and limits.

    Parameters
    ----------
    generator
        The generator that is about to be saved.
    """
    fields = ", ".join(generator.fields) or "none"
    common = generator.training_counts.sort_values("n", kind="stable").iloc[-1]
    example = ", ".join(f'"{name}": {_python(common[name])}' for name in generator.fields)
    request = f'[{{{example}, "n": 50}}]' if generator.fields else "50"
    return f"""\
# A generator of synthetic gene expression

{len(generator.genes)} genes in {generator.units}; conditions: {fields}.
Made by gtexgen {__version__}.

## Use

```python
from gtexgen import Generator

generator = Generator.load("path/to/this/folder")
table = generator.sample({request}, seed=1)  # a pandas DataFrame; sample_anndata gives AnnData
```

```
gtexgen-generate generator=path/to/this/folder counts=training output=synthetic.parquet seed=1
```

## Training data

Expression store with the fingerprint `{generator.fingerprint}`.

{_parts(generator)}

Training samples of each condition:

{_conditions(generator.training_counts)}

## Held-out metrics

As they were when training ended; losses in nats a sample, summed over genes and latents.

{_rows(("metric", "value"), {name: f"{value:.6g}" for name, value in sorted(generator.metrics.items())})}

## Settings

All of them are in `config.yaml`.

{_rows(("setting", "value"), _settings(generator))}

## Limits

{LIMITS}"""


def _parts(generator: Generator) -> str:
    parts = np.asarray(generator.split.parts)
    rows = {name: int((parts == name).sum()) for name in PARTS}
    donors = {name: len(generator.split.donors[name]) for name in PARTS}
    lines = [f"| {name} | {rows[name]} | {donors[name]} |" for name in PARTS]
    return "\n".join(["| part | samples | donors |", "| --- | --- | --- |", *lines])


def _conditions(counts: pd.DataFrame) -> str:
    shown = counts.sort_values("n", ascending=False, kind="stable").head(MOST_COMBINATIONS)
    lines = [f"| {' | '.join(map(str, row))} |" for row in shown.fillna("missing").itertuples(index=False)]
    head = [f"| {' | '.join(counts.columns)} |", f"|{' --- |' * len(counts.columns)}"]
    more = len(counts) - len(shown)
    return "\n".join([*head, *lines] + ([f"\nand {more} rarer ones, in `conditions.json`."] if more else []))


def _settings(generator: Generator) -> dict[str, str]:
    spec = generator.spec
    return {
        "head": str(spec.head["_target_"]).rpartition(".")[2],
        "likelihood": str(spec.likelihood["_target_"]).rpartition(".")[2],
        "prior": str(spec.prior["_target_"]).rpartition(".")[2],
        "latents": str(spec.latent),
        "hidden layers": ", ".join(map(str, spec.hidden)),
        "scaling": f"{generator.scaling.transform}, {generator.scaling.method}",
        "conditions": ", ".join(f"{name} ({encoding})" for name, encoding in generator.encoder.fields.items())
        or "none",
    }


def _rows(head: tuple[str, str], values: Mapping[str, str]) -> str:
    if not values:
        return "None were recorded."
    lines = [f"| {name} | {value} |" for name, value in values.items()]
    return "\n".join([f"| {head[0]} | {head[1]} |", "| --- | --- |", *lines])


def _python(value: str | float) -> str:
    return f'"{value}"' if isinstance(value, str) else "None"
