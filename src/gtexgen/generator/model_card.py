"""The model card: the README of a generator folder, for whoever finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gtexgen.version import __version__

if TYPE_CHECKING:
    from gtexgen.generator.fitted import FittedModel

__all__ = ["CardDetails", "model_card"]

MOST_COMBINATIONS = 60
PARTS = ("train", "validation", "test")
SPREAD = {
    "val/variance_kept": "variance kept, all samples",
    "val/variance_kept_within": "variance kept, within conditions",
    "val/variance_kept_within_without_noise": "variance kept, within conditions, with `noise=False`",
}


@dataclass(frozen=True)
class CardDetails:
    """What a card says of one kind of model.

    Attributes
    ----------
    drawn
        What can be drawn from it.
    spread
        Figures beside those of the variance kept, by title.
    settings
        The settings worth showing, by title.
    limits
        A list of what the model cannot do, in Markdown.
    """

    drawn: str
    spread: Mapping[str, str]
    settings: Mapping[str, str]
    limits: str


def model_card(generator: FittedModel) -> str:
    """Describe a generator in Markdown: its data, settings, held-out metrics, use and limits.

    Parameters
    ----------
    generator
        The generator that is about to be saved.
    """
    details = generator.card_details()
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

How real, useful and private its samples are, beside real samples of other donors:

```
gtexgen-evaluate generator=path/to/this/folder output=report
```

{details.drawn}

## Training data

Expression store with the fingerprint `{generator.fingerprint}`.

{_parts(generator)}

Training samples of each condition:

{_conditions(generator.training_counts)}

## Held-out metrics

As they were when training ended. `val/` is of the validation part, which training may stop by, `train/` of the part
trained on. `reconstruction`, `kl` and `loss` are in nats a sample, summed over genes and latents. `elbo`, the evidence
lower bound, is minus the sum of `reconstruction` and `kl`: the higher, the better; in `train/loss`, `kl` may have a
weight that rises. `mse` is the mean square error of decoded samples, on the scale of the model. Latents are active
where a sample tells something of them. `variance_law` is the variance of inferred latents, their uncertainty
included, the mean over latents: 1 is that of N(0, I). Coverage, precision and recall are best at 1, adversarial
accuracy at 0.5.

{_rows(("metric", "value"), {name: f"{value:.6g}" for name, value in sorted(generator.metrics.items())})}

## Spread

Variance kept: that of generated samples over that of held-out real ones of the same conditions, on log2(x + 1), the
median over genes. 100 % is right, less is too uniform, more is too noisy. Variance loss: the mean over genes of the
real variance less the generated one.

{_rows(("figure", "value"), {**_spread(generator.metrics), **details.spread})}

## Settings

All of them are in `config.yaml`.

{_rows(("setting", "value"), {**details.settings, **_settings(generator)})}

## Limits

{details.limits}"""


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


def _spread(metrics: Mapping[str, float]) -> dict[str, str]:
    figures = {title: f"{100 * metrics[name]:.1f} %" for name, title in SPREAD.items() if name in metrics}
    if "val/variance_loss" in metrics:
        figures["variance loss"] = f"{metrics['val/variance_loss']:.4g} squared log2 units"
    return figures


def _settings(generator: FittedModel) -> dict[str, str]:
    fields = generator.encoder.fields
    return {
        "scaling": f"{generator.scaling.transform}, {generator.scaling.method}",
        "conditions": ", ".join(f"{name} ({encoding})" for name, encoding in fields.items()) or "none",
    }


def _rows(head: tuple[str, str], values: Mapping[str, str]) -> str:
    if not values:
        return "None were recorded."
    lines = [f"| {name} | {value} |" for name, value in values.items()]
    return "\n".join([f"| {head[0]} | {head[1]} |", "| --- | --- |", *lines])


def _python(value: str | float) -> str:
    return f'"{value}"' if isinstance(value, str) else "None"
