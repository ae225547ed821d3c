"""What an assessment starts from: the table or the generator, the store, and who was trained on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import yaml

from gtexgen.assessment.labels import implied_labels
from gtexgen.assessment.membership import Membership, by_list, by_new_split, by_split
from gtexgen.config.schema import EvaluateSettings
from gtexgen.data.store import ExpressionStore
from gtexgen.data.tables.base import name_some
from gtexgen.data.tables.judged import JudgedTable, Scale, read_judged_table
from gtexgen.errors import ConfigError, DataError
from gtexgen.evaluation.samples import EVERYTHING
from gtexgen.generator import Generator
from gtexgen.generator.folder import GeneratorFolder

__all__ = ["CONDITIONS", "Sources", "open_sources"]

CONDITIONS = ("tissue", "subtissue", "sex", "age")
DEFAULT_GENERATOR = "outputs/latest"


@dataclass(frozen=True, eq=False)
class Sources:
    """What an assessment starts from.

    Attributes
    ----------
    store
        The real samples.
    membership
        Their parts.
    generator
        None where a table is judged that no generator of ours is known to have made.
    run_folder
        The folder of the run that made the generator, where it still is.
    table
        The table that is judged; None where the generator draws tables.
    genes
        By which is judged: labels of the store.
    condition
        The label by which tables are compared; `EVERYTHING` to compare all samples as one.
    fields
        The labels, of `CONDITIONS`, that the table or the generator knows.
    title
        What is judged, in a few words.
    notes
        What a reader must know.
    """

    store: ExpressionStore
    membership: Membership
    generator: Generator | None
    run_folder: Path | None
    table: JudgedTable | None
    genes: list[str]
    condition: str
    fields: list[str]
    title: str
    notes: list[str]


def open_sources(settings: EvaluateSettings) -> Sources:
    """Find and open everything, before any work is done.

    Raises
    ------
    ConfigError, DataError, GeneratorError
        Something is missing, damaged, or does not belong together.
    """
    folder = _generator_folder(settings)
    generator = None if folder is None else Generator.load(folder, device=settings.device)
    run_folder = None if folder is None or not (folder.parent / "config.yaml").is_file() else folder.parent
    store = ExpressionStore.open(_store_path(settings, generator, run_folder))
    if generator is not None:
        _check_units(store, generator)
    membership = _membership(settings, store, generator, folder)
    if settings.synthetic is None:
        generator = cast("Generator", generator)
        table, genes = None, generator.labels
        fields = [name for name in CONDITIONS if name in generator.fields]
        condition = _condition(settings, [*fields, *implied_labels(fields, store.samples)], str(folder))
        title = f"Generator {_run_name(folder)}"
    else:
        table = _table(settings, store, generator)
        genes = table.genes
        fields = [name for name in CONDITIONS if name in table.labels]
        condition = _condition(settings, [*fields, *implied_labels(fields, store.samples)], settings.synthetic)
        title = f"Table {Path(settings.synthetic).name}"
    notes = [*membership.notes]
    if generator is not None and generator.fingerprint != store.fingerprint:
        notes.append("The store is not the one that the generator was trained on; samples are matched by their ids.")
    if table is not None:
        notes += [*table.notes, *_strange(table, store, condition, settings)]
    return Sources(store, membership, generator, run_folder, table, genes, condition, fields, title, notes)


def _generator_folder(settings: EvaluateSettings) -> Path | None:
    """Find the generator that is named, or that wrote the table, or that was trained last."""
    if settings.generator is not None:
        return GeneratorFolder(settings.generator).path
    if settings.synthetic is None:
        return GeneratorFolder(DEFAULT_GENERATOR).path
    record = Path(f"{settings.synthetic}.json")
    if settings.trained_on is not None or not record.is_file():
        return None
    try:
        folder = Path(json.loads(record.read_text(encoding="utf-8"))["generator"])
    except (ValueError, KeyError, TypeError):
        return None
    return GeneratorFolder(folder).path if folder.exists() else None


def _run_name(folder: Path | None) -> str:
    """Give the name of the run that made a generator, or of its folder where there is no run."""
    path = Path(str(folder)).resolve()
    return path.parent.name if path.name == "generator" else path.name


def _store_path(settings: EvaluateSettings, generator: Generator | None, run_folder: Path | None) -> Path:
    if settings.store is not None:
        return Path(settings.store)
    if run_folder is not None and generator is not None:
        trained_on = yaml.safe_load((run_folder / "config.yaml").read_text(encoding="utf-8"))["store"]
        if trained_on is not None and Path(trained_on).exists():
            return Path(trained_on)
    raise ConfigError(
        "nothing says where the real samples are.\n  Remedy: store=DIR, an expression store; gtexgen-prepare makes one."
    )


def _membership(
    settings: EvaluateSettings, store: ExpressionStore, generator: Generator | None, folder: Path | None
) -> Membership:
    if settings.trained_on is not None:
        return by_list(store.samples, Path(settings.trained_on), seed=settings.seed)
    if generator is not None:
        return by_split(store.samples, generator.split, f"the split of {folder}")
    return by_new_split(store.samples, asdict(settings.split), seed=settings.seed)


def _table(settings: EvaluateSettings, store: ExpressionStore, generator: Generator | None) -> JudgedTable:
    genes = store.genes if generator is None else store.genes[store.genes["label"].isin(set(generator.labels))]
    return read_judged_table(
        str(settings.synthetic),
        genes,
        asdict(settings.columns),
        next(iter(settings.condition or {}), None),
        labelled=settings.condition is None,
        scale=cast("Scale", settings.scale),
        shared_genes=settings.genes == "shared",
        negative_as_zero=settings.negative == "zero",
    )


def _condition(settings: EvaluateSettings, fields: list[str], what: str) -> str:
    """Choose the label by which tables are compared."""
    if settings.condition is None:
        return fields[0] if fields else EVERYTHING
    asked = [*settings.condition]
    if len(asked) > 1:
        raise ConfigError(
            f"condition={'_'.join(asked)}: tables are compared by one label.\n  Remedy: condition={asked[0]}, say."
        )
    if asked and asked[0] not in fields:
        raise ConfigError(
            f"condition={asked[0]}: {what} has the labels {', '.join(fields) or 'none'}.\n"
            "  Remedy: one of these, or condition=none to compare all samples as one."
        )
    return asked[0] if asked else EVERYTHING


def _strange(table: JudgedTable, store: ExpressionStore, condition: str, settings: EvaluateSettings) -> list[str]:
    """Say which labels of the table no real sample has, and refuse a table that has no others."""
    if condition == EVERYTHING:
        return []
    labels, known = table.labels[condition].dropna(), store.samples[condition].dropna()
    strange = labels[~labels.isin(set(known))]
    names = name_some(sorted(set(strange)))
    if len(strange) == len(labels):
        raise DataError(
            f"no real sample has a {condition} of the table, which has {names or 'none'}",
            path=settings.synthetic,
            column=asdict(settings.columns)[condition],
            remedy=f"name them as the store does: {name_some(sorted(set(known)))}",
        )
    return [f"{len(strange):,} samples have a {condition} that no real sample has: {names}"] if names else []


def _check_units(store: ExpressionStore, generator: Generator) -> None:
    """Refuse real samples that are measured otherwise than those that the generator learned."""
    if generator.units != store.units:
        raise ConfigError(
            f"{store.path} is in {store.units}, and the generator was trained on {generator.units}.\n"
            f"  Remedy: store=DIR, one in {generator.units}."
        )
