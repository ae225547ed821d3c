"""The folder that an assessment fills: the report, the scores, the tables and the figures."""

from __future__ import annotations

import json
from pathlib import Path

from gtexgen.assessment.assess import Assessment
from gtexgen.assessment.figures import figures
from gtexgen.data.atomic import atomic_folder
from gtexgen.errors import DataError
from gtexgen.evaluation.results import Evaluation
from gtexgen.report.figures.canvas import save_figure
from gtexgen.report.graphics import Graphics
from gtexgen.report.page import write_report

__all__ = ["check_free", "write_folder"]


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is taken, before any work is done.

    Raises
    ------
    DataError
        It holds something and is not to be overwritten; or it is no folder.
    """
    if path.exists() and (not path.is_dir() or (any(path.iterdir()) and not overwrite)):
        raise DataError("it is there already", path=path, remedy="another output=DIR, or overwrite=true")


def write_folder(
    path: Path, evaluation: Evaluation, graphics: Graphics, assessment: Assessment, *, overwrite: bool
) -> None:
    """Write everything; the folder gets its name only once it is complete.

    Parameters
    ----------
    path
        The folder: ``report.html``, ``metrics.json``, ``tables/*.parquet``, ``figures/*.png`` and ``*.svg``, and
        ``feature_space.safetensors``, in which the Frechet distance was taken.
    evaluation, graphics
        What was measured.
    assessment
        What it was measured by.
    overwrite
        Replace a folder that is already there.
    """
    with atomic_folder(path, overwrite=overwrite) as folder:
        write_report(folder / "report.html", evaluation, graphics)
        content = json.dumps(evaluation.to_json(), indent=1, allow_nan=False)
        (folder / "metrics.json").write_text(content + "\n", encoding="utf-8")
        assessment.reference.space.save(folder / "feature_space.safetensors")
        (folder / "figures").mkdir()
        for name, figure in figures(evaluation, graphics):
            save_figure(figure, folder / "figures", name)
        (folder / "tables").mkdir()
        tables = {"counts": evaluation.counts, "genes": evaluation.genes, **evaluation.tables}
        for name, table in tables.items():
            table.to_parquet(folder / "tables" / f"{name}.parquet", index=False)
