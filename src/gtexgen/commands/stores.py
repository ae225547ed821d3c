"""From the settings of ``data`` to an expression store; shared by prepare and train."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from gtexgen.config.schema import DemoSettings, FilesSettings, GtexSettings, RunSettings, SelectSettings
from gtexgen.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from gtexgen.data.demo.cohort import Units
    from gtexgen.data.formats.sources import GeneMajorSource, Orientation, SampleMajorSource
    from gtexgen.data.prepare import PreparedStore
    from gtexgen.data.selection import Drop
    from gtexgen.data.store import ExpressionStore

__all__ = ["default_store", "describe_store", "find_or_prepare", "prepare_from_settings"]

log = logging.getLogger(__name__)


def default_store(data: DemoSettings | GtexSettings | FilesSettings, outputs: str) -> Path:
    """Return the folder of the store that `data` describes: other settings, other folder."""
    digest = hashlib.sha256(json.dumps(asdict(data), sort_keys=True, default=str).encode()).hexdigest()
    return Path(outputs) / "stores" / f"{data.name}-{digest[:10]}"


def find_or_prepare(settings: RunSettings) -> ExpressionStore:
    """Open the store that `settings` names, or that of its data, which is made on first use."""
    from gtexgen.data.store import ExpressionStore

    if settings.store is not None:
        return ExpressionStore.open(settings.store)
    path = default_store(settings.data, settings.outputs)
    if not path.exists():
        _prepare_once(settings, path)
    return ExpressionStore.open(path)


def _prepare_once(settings: RunSettings, path: Path) -> None:
    """Prepare the store, unless another run is already at it: then wait until it is there."""
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.parent / f".{path.name}.lock"):
        if not path.exists():
            what = "the simulated demo cohort" if isinstance(settings.data, DemoSettings) else settings.data.name
            log.info("No store is named. Preparing %s on first use: %s", what, path)
            log.info("%s", describe_store(prepare_from_settings(settings.data, path)))


def prepare_from_settings(
    data: DemoSettings | GtexSettings | FilesSettings, path: Path, *, overwrite: bool = False
) -> PreparedStore:
    """Make the store that `data` describes in the folder `path`.

    Raises
    ------
    DataError
        If a file does not hold what it should, or `path` is taken.
    """
    if isinstance(data, DemoSettings):
        return _prepare_demo(data, path, overwrite=overwrite)
    if isinstance(data, GtexSettings):
        return _prepare_release(data, path, overwrite=overwrite)
    return _prepare_files(data, path, overwrite=overwrite)


def describe_store(prepared: PreparedStore) -> str:
    """Say what went into a store and what did not, and why."""
    from gtexgen.data.units import UNKNOWN_UNITS

    store = prepared.store
    donors, tissues = store.samples["donor_id"].nunique(), store.samples["tissue"].nunique()
    kept = (
        f"Kept {store.n_samples:,} samples of {donors:,} donors and {tissues} tissues "
        f"x {store.n_genes:,} genes, in {store.units}"
    )
    if store.units == UNKNOWN_UNITS:
        kept += " (name them with data.units=TPM)"
    return "\n".join([kept, *map(_describe_drop, prepared.dropped)])


def _describe_drop(drop: Drop) -> str:
    more = ", ..." if drop.count > len(drop.examples) else ""
    return f"Dropped {drop.count:,} {drop.what}: {drop.why} ({', '.join(drop.examples)}{more})"


def _prepare_demo(data: DemoSettings, path: Path, *, overwrite: bool) -> PreparedStore:
    from gtexgen.data.demo.cohort import simulate_cohort

    cohort = simulate_cohort(
        donors=data.donors,
        samples=data.samples,
        genes=data.genes,
        seed=data.seed,
        units=cast("Units", data.units),
    )
    settings = {key: value for key, value in asdict(data).items() if key != "select"}
    return _write(
        cohort.as_source(),
        cohort.samples,
        data.select,
        path,
        cohort.units,
        origin=settings,
        companions=cohort.truth.save,
        overwrite=overwrite,
    )


def _prepare_release(data: GtexSettings, path: Path, *, overwrite: bool) -> PreparedStore:
    from gtexgen.data.annotations import read_samples
    from gtexgen.data.formats.sources import open_source
    from gtexgen.data.portal.releases import download_release

    files = download_release(data.release, data.folder, base_url=data.base_url, retries=data.retries)
    samples = read_samples(files.samples, subjects=files.subjects)
    tables = [files.samples, files.subjects]
    return _write(open_source(files.expression), samples, data.select, path, "TPM", tables=tables, overwrite=overwrite)


def _prepare_files(data: FilesSettings, path: Path, *, overwrite: bool) -> PreparedStore:
    from gtexgen.data.annotations import SampleColumns, read_samples, samples_from_frame
    from gtexgen.data.formats.sources import open_source
    from gtexgen.data.units import units_of

    expression = Path(data.expression)
    columns = SampleColumns(**asdict(data.columns))
    orientation = cast("Orientation", data.orientation)
    if data.samples is not None:
        samples = read_samples(data.samples, subjects=data.subjects, columns=columns)
        source = open_source(expression, orientation=orientation, sample_ids=set(samples["sample_id"]))
    else:
        source = open_source(expression, orientation=orientation)
        if source.embedded_samples is None:
            raise DataError(
                "the file holds no sample annotations",
                path=expression,
                remedy="add data.samples=TABLE, a table with a row a sample (GTEx: SampleAttributesDS.txt)",
            )
        samples = samples_from_frame(source.embedded_samples, subjects=data.subjects, columns=columns, path=expression)
    units = units_of(expression) if data.units == "auto" else data.units
    tables = [Path(table) for table in (data.samples, data.subjects) if table is not None]
    return _write(source, samples, data.select, path, units, tables=tables, overwrite=overwrite)


def _write(
    source: GeneMajorSource | SampleMajorSource,
    samples: pd.DataFrame,
    select: SelectSettings,
    path: Path,
    units: str,
    *,
    tables: list[Path] | None = None,
    origin: dict[str, object] | None = None,
    companions: Callable[[Path], object] | None = None,
    overwrite: bool,
) -> PreparedStore:
    from gtexgen.data.gene_selection import GeneSelector
    from gtexgen.data.prepare import prepare_store
    from gtexgen.data.selection import select_samples

    choice = select_samples(
        samples,
        source.sample_ids,
        tissues=select.tissues,
        where=select.where,
        min_samples=select.min_samples,
        incomplete=cast("Literal['error', 'drop']", select.incomplete),
        path=tables[0] if tables else source.path,
    )
    selector = GeneSelector(genes=select.genes, min_expression=select.min_expression, top_variance=select.top_variance)
    return prepare_store(
        source,
        choice,
        selector,
        path,
        units=units,
        files=tables or (),
        origin=origin,
        companions=companions,
        overwrite=overwrite,
    )
