"""The model card: the README of a generator folder, for whoever finds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gtexgen.version import __version__

if TYPE_CHECKING:
    from gtexgen.generator.fitted import FittedModel

__all__ = ["model_card"]

MOST_COMBINATIONS = 60
PARTS = ("train", "validation", "test")
SPREAD = {
    "val/variance_kept": "variance kept, all samples",
    "val/variance_kept_within": "variance kept, within conditions",
    "val/variance_kept_within_without_noise": "variance kept, within conditions, with `noise=False`",
}

LIMITS = """\
- **Privacy is not promised.** A generator can give back what it saw in training, most of all for rare
  conditions. Handle it and its samples as the licence of the training data asks; `split.json` names donors.
- A condition is as good as its number of training samples in the table above. `allow_unseen` extrapolates
  to combinations that were never seen, and no metric here says how well.
- Values that the model puts below 0, or above the gene's largest in training, are written as 0 or that largest.
- With `noise=False` the spread is narrower than in real samples.
- Synthetic samples are no evidence: take a finding back to real data before it is believed.
"""


def model_card(generator: FittedModel) -> str:
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

{_donors(generator)}

## Training data

Expression store with the fingerprint `{generator.fingerprint}`.

{_parts(generator)}

Training samples of each condition:

{_conditions(generator.training_counts)}

## Held-out metrics

As they were when training ended; losses in nats a sample, summed over genes and latents.

{_rows(("metric", "value"), {name: f"{value:.6g}" for name, value in sorted(generator.metrics.items())})}

## Spread

Variance kept: that of generated samples over that of held-out real ones of the same conditions, on log2(x + 1), the
median over genes. 100 % is right, less is too uniform, more is too noisy. Variance loss: the mean over genes of the
real variance less the generated one.

{_rows(("figure", "value"), _spread(generator))}

## Settings

All of them are in `config.yaml`.

{_rows(("setting", "value"), _settings(generator))}

## Limits

{LIMITS}"""


def _parts(generator: FittedModel) -> str:
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


def _spread(generator: FittedModel) -> dict[str, str]:
    metrics = generator.metrics
    figures = {title: f"{100 * metrics[name]:.1f} %" for name, title in SPREAD.items() if name in metrics}
    if "val/variance_loss" in metrics:
        figures["variance loss"] = f"{metrics['val/variance_loss']:.4g} squared log2 units"
    if "active_latents" in metrics:
        figures["active latents"] = f"{metrics['active_latents']:.0f} of {generator.spec.latent}"
        figures["KL"] = f"{metrics['val/kl']:.4g} nats"
    return figures


def _donors(generator: FittedModel) -> str:
    if generator.donors is None:
        return "Samples are drawn one by one: no two of them belong to one donor, unlike in real tables."
    model, tally = generator.donors
    return f"""\
`sample` draws single samples, no two of one donor. `sample_donors` draws whole synthetic donors, and `complete` the
tissues that a real donor lacks. Noise that the samples of one donor share: up to {model.latent_correlation.max():.0%}
along a direction of the latents, {model.gene_correlation.mean():.0%} of a gene's own on average. For this,
`donors.json` lists the sex and the conditions of each of the {len(tally.donors)} training donors and of its samples,
without names: who knows these of a donor may find it there."""


def _settings(generator: FittedModel) -> dict[str, str]:
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
