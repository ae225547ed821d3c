"""The samples that ``gtexgen-embed`` is asked for: real ones, and those of a generator or a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from gtexgen.config.schema import EmbedSettings
from gtexgen.data.sample_tables import as_text
from gtexgen.data.splits import PARTS
from gtexgen.data.store import ExpressionStore
from gtexgen.data.tables.base import SAMPLE_ID, name_some
from gtexgen.data.tables.contents import gene_places, open_contents
from gtexgen.errors import ConfigError, DataError, StoreError
from gtexgen.generator import Generator, NetworkGenerator
from gtexgen.generator.counts import combination_numbers, count_combinations

__all__ = ["EmbeddedSamples", "gather_samples"]

FloatArray: TypeAlias = npt.NDArray[np.floating]
IndexArray: TypeAlias = npt.NDArray[np.int64]

KIND = "kind"


@dataclass(frozen=True, eq=False)
class EmbeddedSamples:
    """Samples to embed.

    Attributes
    ----------
    values
        ``(samples, features)`` of each kind, ``real`` first: log2(x + 1) of expression, or latents.
    labels
        ``kind``, ``sample_id``, then the columns of the samples table; a row a sample, kind by kind. What is not known
        of a sample is null.
    record
        Where they come from: plain values.
    """

    values: Mapping[str, FloatArray]
    labels: pd.DataFrame
    record: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class _Kind:
    """Samples of one kind: their labels, and expression ``(samples, genes)`` in store units."""

    samples: pd.DataFrame
    expression: FloatArray


def gather_samples(settings: EmbedSettings) -> EmbeddedSamples:
    """Read, reconstruct, draw and encode what is asked for.

    Raises
    ------
    ConfigError
        A kind is asked for that there is no source of, or the generator does not fit the store.
    DataError
        A file is missing or damaged, or lacks a gene or condition.
    GeneratorError
        The generator cannot draw or encode what is asked for.
    """
    store = ExpressionStore.open(settings.store)
    generator = None if settings.generator is None else Generator.load(settings.generator, device=settings.device)
    sources = _Sources(settings, store, generator)
    kinds = {name: sources.read(name) for name in _asked(settings, sources)}
    values = {name: _values(kind, generator if settings.space == "latent" else None) for name, kind in kinds.items()}
    columns = [str(column) for column in store.samples if column not in {KIND, SAMPLE_ID}]
    labels = [
        kind.samples.reindex(columns=[SAMPLE_ID, *columns]).assign(**{KIND: name}) for name, kind in kinds.items()
    ]
    record = {
        "store": str(store.path.resolve()),
        "fingerprint": store.fingerprint,
        "generator": settings.generator and str(Path(settings.generator).resolve()),
        "synthetic": settings.synthetic and str(Path(settings.synthetic).resolve()),
        "part": sources.part,
        "samples": {name: len(kind.samples) for name, kind in kinds.items()},
    }
    return EmbeddedSamples(values, pd.concat(labels, ignore_index=True)[[KIND, SAMPLE_ID, *columns]], record)


def _asked(settings: EmbedSettings, sources: _Sources) -> list[str]:
    """Give the kinds that are asked for, the real ones first."""
    if settings.kinds is None:
        return list(sources.readers)
    for kind in settings.kinds:
        if kind not in sources.readers:
            remedy = "add synthetic=TABLE" if kind == "synthetic" else "add generator=DIR, of a model with an encoder"
            remedy = "add generator=DIR" if kind == "generated" else remedy
            raise ConfigError(f"kinds names {kind!r}, and nothing gives such samples.\n  Remedy: {remedy}.")
    return [kind for kind in sources.readers if kind == "real" or kind in settings.kinds]


def _values(kind: _Kind, encoder: Generator | None) -> FloatArray:
    """Give what is embedded: the latents of an encoder, or log2(x + 1)."""
    if encoder is None:
        logarithms: FloatArray = np.log2(kind.expression + np.float32(1))
        return logarithms
    table = pd.concat([kind.samples, pd.DataFrame(kind.expression, columns=encoder.labels)], axis=1)
    latents: FloatArray = encoder.encode(table)
    return latents


class _Sources:
    """Where samples of each kind come from."""

    def __init__(self, settings: EmbedSettings, store: ExpressionStore, generator: Generator | None) -> None:
        self._settings = settings
        self._store = store
        self._generator = generator
        self._genes = store.genes if generator is None else generator.genes
        self.part = "all" if generator is None else settings.part or "test"
        self._real: _Kind | None = None
        self.readers: dict[str, Callable[[], _Kind]] = {"real": self._read_real}
        if isinstance(generator, NetworkGenerator):
            self.readers["reconstructed"] = self._reconstruct
        if generator is not None:
            self.readers["generated"] = self._generate
        if settings.synthetic is not None:
            self.readers["synthetic"] = self._read_table

    def read(self, kind: str) -> _Kind:
        """Give the samples of one kind."""
        return self.readers[kind]()

    def _read_real(self) -> _Kind:
        if self._real is None:
            rows = self._rows()
            samples = self._store.samples.iloc[rows].reset_index(drop=True)
            self._real = _Kind(samples, self._store.read(rows, self._genes["label"].tolist()))
        return self._real

    def _rows(self) -> IndexArray:
        """Find the real samples of the part in the store."""
        generator = self._generator
        if generator is None:
            return np.arange(self._store.n_samples)
        if generator.units != self._store.units:
            raise ConfigError(
                f"{self._store.path} is in {self._store.units}, and the generator was trained on {generator.units}.\n"
                "  Remedy: give the store that the generator was trained on."
            )
        if self.part == "all":
            return np.arange(self._store.n_samples)
        split = generator.split
        chosen = {split.sample_ids[row] for part in PARTS if part == self.part for row in split.indices(part)}
        if not chosen:
            raise ConfigError(f"the generator's split has no {self.part} part.\n  Remedy: part=validation or part=all.")
        rows = np.flatnonzero(self._store.samples[SAMPLE_ID].isin(chosen))
        if len(rows) < len(chosen):
            raise StoreError(
                f"it lacks {len(chosen) - len(rows)} of the {len(chosen)} samples of the generator's {self.part} part",
                path=self._store.path,
                remedy="give the store that the generator was trained on, or part=all",
            )
        return rows

    def _reconstruct(self) -> _Kind:
        """Decode the real samples from their posterior means."""
        generator, real = self._given(), self._read_real()
        table = pd.concat([real.samples, pd.DataFrame(real.expression, columns=generator.labels)], axis=1)
        decoded = generator.decode(generator.encode(table), real.samples)
        return _Kind(real.samples, decoded[generator.labels].to_numpy(np.float32))

    def _generate(self) -> _Kind:
        """Draw as many samples of each condition as there are real ones; those that cannot be drawn are left out."""
        generator, real = self._given(), self._read_real().samples
        drawable = combination_numbers(real, generator.training_counts) >= 0
        counts: Any = count_combinations(real[drawable | generator.extrapolates], generator.fields).to_dict("records")
        drawn = generator.iter_samples(counts, seed=self._settings.seed, allow_unseen=generator.extrapolates)
        samples, expression = zip(*drawn, strict=True)
        return _Kind(pd.concat(samples, ignore_index=True), np.concatenate(expression))

    def _read_table(self) -> _Kind:
        fields = [str(column) for column in self._store.samples]
        path = Path(str(self._settings.synthetic))
        contents = open_contents(path, set(fields), self._genes)
        places, missing = gene_places(contents.names, self._genes)
        if missing:
            message = f"{len(missing)} of the {len(self._genes)} genes are not in the table: {name_some(missing)}"
            raise DataError(message, path=path, remedy="give every gene, by its label or its gene id")
        expression = contents.values(places).astype(np.float32)
        if not (np.isfinite(expression) & (expression >= 0)).all():
            message = "it holds values that are not finite, or below 0"
            raise DataError(message, path=path, remedy=f"give expression in the store's units, {self._store.units}")
        return _Kind(contents.text.apply(as_text), expression)

    def _given(self) -> Generator:
        if self._generator is None:
            raise ConfigError("no generator is given.\n  Remedy: add generator=DIR.")
        return self._generator
