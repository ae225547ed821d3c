"""What a study came to, in the terminal."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from gtexgen.tuning.study import SharedStudy

if TYPE_CHECKING:
    from rich.table import Table

    from gtexgen.tuning.results import StudyResults

__all__ = ["print_summary", "summary_table"]


def summary_table(shared: SharedStudy, results: StudyResults) -> Table:
    """Set the best trial's values and settings above what the study left behind."""
    from rich.table import Table

    counts = ", ".join(f"{number} {state.lower()}" for state, number in results.counts.items() if number)
    table = Table(title=f"Study {shared.settings.name}: {counts or 'no trials'}", show_header=False)
    table.add_column()
    table.add_column()
    if results.best is None:
        table.add_row("best trial", "none came to its end")
    else:
        nearest = "nearest trial, which breaks a constraint"
        table.add_row("best trial" if results.feasible else nearest, str(results.best))
        for name, value in {**results.values, **results.params}.items():
            table.add_row(f"  {name}", f"{value:.6g}" if isinstance(value, float) else str(value))
    return table


def print_summary(shared: SharedStudy, results: StudyResults) -> None:
    """Print the table, the commands that go on from here and, last, the best generator."""
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    console.print(summary_table(shared, results))
    folder = _short(shared.folder)
    lines = {
        "All trials": str(folder / "study.html"),
        "Curves": f"tensorboard --logdir {shlex.quote(str(folder / 'trials'))}",
    }
    lines["Dashboard"] = f"optuna-dashboard {shlex.quote(_storage(shared, folder))}"
    if results.command is not None:
        lines["Train the best"] = results.command.replace(str(shared.folder), str(folder))
    for title, line in lines.items():
        console.print(f"{title:<16}{line}", markup=False)
    if (best := shared.folder / "best" / "generator").exists():
        console.print(str(best), markup=False)


def _storage(shared: SharedStudy, folder: Path) -> str:
    """Name the storage as optuna-dashboard takes it, without a password."""
    if shared.settings.storage is None:
        return str(folder / "journal.log")
    from sqlalchemy.engine import make_url

    return make_url(shared.settings.storage).render_as_string(hide_password=True)


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
