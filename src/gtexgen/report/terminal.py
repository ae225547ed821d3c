"""The score table in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gtexgen.evaluation.results import SUBJECT, Evaluation
from gtexgen.report.privacy import privacy_findings
from gtexgen.report.score_table import Cell, score_table
from gtexgen.report.verdict import summary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["print_scores", "terminal_table"]


def terminal_table(evaluation: Evaluation) -> Table:
    """Set each metric of the subject, with its 95 % interval, beside those of real samples and of the baselines.

    What is undefined is a dash with the number of a reason, which stands under the table.
    """
    from rich.markup import escape
    from rich.table import Table

    content = score_table(evaluation)
    reasons = [f"[{number}] {why}" for number, why in enumerate(content.reasons, start=1)]
    table = Table(
        title=escape(evaluation.title), caption=escape("\n".join(reasons)), caption_justify="left", title_justify="left"
    )
    table.add_column("metric")
    table.add_column("ideal", justify="right")
    for name in evaluation.candidates.values():
        table.add_column(escape(name), justify="right")
    for group in content.groups:
        table.add_section()
        table.add_row(f"[bold]{group.question}[/bold]")
        for row in group.rows:
            table.add_row(row.metric.title, row.ideal, *(escape(_text(cell)) for cell in row.cells))
    return table


def print_scores(evaluation: Evaluation, console: Console | None = None) -> None:
    """Print the table, what it comes to and the notes, to standard output unless a console is given."""
    from rich.console import Console

    console = console or Console()
    console.print(terminal_table(evaluation))
    for sentence in [*summary(evaluation), *map(str, privacy_findings(evaluation))]:
        console.print(sentence, markup=False)
    for note in evaluation.notes:
        console.print(f"Note: {note}", markup=False)


def _text(cell: Cell) -> str:
    """Write a cell; the interval is the subject's alone, so that the table fits a terminal."""
    if cell.footnote is not None:
        return f"{cell.text} [{cell.footnote}]"
    if cell.candidate == SUBJECT and cell.interval is not None:
        return f"{cell.text} [{cell.interval[0]}, {cell.interval[1]}]"
    return cell.text
