"""``gtexgen-embed``: draw real, reconstructed, generated or latent samples in two or three dimensions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from omegaconf import DictConfig

from gtexgen.config.application import run_application
from gtexgen.config.schema import EmbedSettings
from gtexgen.config.validation import did_you_mean, validate
from gtexgen.errors import ConfigError, DataError
from gtexgen.provenance import describe_process, write_record

if TYPE_CHECKING:
    from gtexgen.commands.embedded_samples import EmbeddedSamples
    from gtexgen.evaluation.embedding import Embedding, Method

__all__ = ["embed", "main"]

METHOD_TITLES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
PLACED = {
    "pca": "The axes are fitted to the real samples, and the others projected on them.",
    "umap": "UMAP is fitted to the real samples, and the others are placed among them by its transform.",
    "tsne": "t-SNE cannot place samples: all are embedded jointly, so that the others move the real ones too.",
}
SPACES = {
    "expression": "Expression on log2(x + 1)",
    "latent": "Latents: where the encoder places the samples (posterior means)",
}


def embed(config: DictConfig) -> None:
    """Embed what `config` names, fill the output folder and print where it is."""
    settings = validate(config, EmbedSettings)
    _check(settings)
    from gtexgen.commands.embedded_samples import gather_samples
    from gtexgen.evaluation.embedding import embed as embed_values

    samples = gather_samples(settings)
    if settings.colour not in samples.labels:
        raise ConfigError(
            f"colour={settings.colour}: the samples have no such column."
            f"{did_you_mean(settings.colour, map(str, samples.labels))}"
        )
    method = cast("Method", settings.method)
    others = {kind: values for kind, values in samples.values.items() if kind != "real"}
    embedding = embed_values(samples.values["real"], others, method, settings.dimensions, seed=settings.seed)
    asked = {name: getattr(settings, name) for name in ("space", "method", "dimensions", "seed")}
    record = {**describe_process(), **samples.record, **asked}
    _write(settings, samples, embedding, record)
    print(_title(settings, samples))
    print(Path(settings.output).resolve())


def _check(settings: EmbedSettings) -> None:
    """Refuse what goes with a generator where there is none, and an output that is taken, before any work."""
    if settings.generator is None:
        for name, asked in {"part": settings.part is not None, "space=latent": settings.space == "latent"}.items():
            if asked:
                raise ConfigError(f"{name} goes with a generator, and none is given.\n  Remedy: add generator=DIR.")
    output = Path(settings.output)
    if output.is_dir() and any(output.iterdir()) and not settings.overwrite:
        raise DataError(
            "the folder exists and is not empty", path=output, remedy="give another name, or set overwrite=true"
        )


def _title(settings: EmbedSettings, samples: EmbeddedSamples) -> str:
    counts = ", ".join(f"{len(values):,} {kind}" for kind, values in samples.values.items())
    what = "latents" if settings.space == "latent" else "expression"
    return f"{METHOD_TITLES[settings.method]} of {what}: {counts}"


def _write(settings: EmbedSettings, samples: EmbeddedSamples, embedding: Embedding, record: dict[str, Any]) -> None:
    """Write page, figures, coordinates, projector and record; the folder appears once all are complete."""
    import numpy as np
    import pandas as pd

    from gtexgen.data.atomic import atomic_folder
    from gtexgen.report.embedding_page import embedding_page
    from gtexgen.report.figures.canvas import save_figure
    from gtexgen.report.figures.embedding import embedding_figure
    from gtexgen.report.projector import write_projector

    coordinates = np.concatenate(list(embedding.coordinates.values()))
    kinds = samples.labels["kind"].tolist()
    title = _title(settings, samples)
    drawn: dict[str, Any] = {"axes": embedding.axes, "title": title}
    sentences = [SPACES[settings.space]]
    if len(samples.values) > 1:
        sentences.append(PLACED[settings.method])
    with atomic_folder(settings.output, overwrite=settings.overwrite) as folder:
        figure = embedding_figure(coordinates, samples.labels, kinds, settings.colour, **drawn)
        save_figure(figure, folder, "embedding")
        page = embedding_page(
            coordinates, samples.labels, kinds, settings.colour, **drawn, sentences=sentences, provenance=record
        )
        (folder / "embedding.html").write_text(page, encoding="utf-8")
        columns = [f"{settings.method}_{axis + 1}" for axis in range(settings.dimensions)]
        placed = pd.DataFrame(coordinates, columns=columns)
        pd.concat([samples.labels, placed], axis=1).to_parquet(folder / "embedding.parquet", index=False)
        write_projector(folder / "projector", np.concatenate(list(embedding.components.values())), samples.labels)
        write_record(folder / "embedding.json", record)


def main() -> None:
    """Run ``gtexgen-embed``."""
    run_application("embed", embed)
