"""The final tables of training runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from gtexgen.training.fit import FitResult, StopReason

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from gtexgen.training.baseline import BaselineResult

__all__ = ["print_table", "summary_table"]

REASONS: dict[StopReason, str] = {
    "early_stopping": "early stopping",
    "max_epochs": "the last epoch (trainer.max_epochs)",
    "interrupt": "Ctrl-C",
    "pruned": "the study",
}
ROWS = {
    "elbo": "ELBO (nats)",
    "reconstruction": "reconstruction (nats)",
    "kl": "KL (nats)",
    "mse": "MSE (model's scale)",
}
SHARES = {
    "val/variance_kept": "variance kept, all samples",
    "val/variance_kept_within": "variance kept, within conditions",
    "val/coverage": "coverage (ideal 100 %)",
    "val/precision": "precision (ideal 100 %)",
    "val/recall": "recall (ideal 100 %)",
    "val/adversarial_accuracy": "adversarial accuracy (ideal 50 %)",
}


def summary_table(result: FitResult | BaselineResult) -> Table:
    """Lay out what a run came to."""
    return _network_table(result) if isinstance(result, FitResult) else _baseline_table(result)


def _network_table(result: FitResult) -> Table:
    """Set the best epoch's training and validation figures side by side, under what training took.

    The variance kept is that of generated samples as a share of the real one's, a median over genes; coverage,
    precision, recall and adversarial accuracy are those of `gtexgen.training.realism`.
    """
    from rich.table import Table

    minutes, seconds = divmod(round(result.seconds), 60)
    table = Table(
        title=f"Best epoch {result.best_epoch} of {result.epochs}",
        caption=f"ended by {REASONS[result.stopped_by]}\n"
        f"epochs took {minutes} min {seconds:02d} s, {result.samples_per_second:,.0f} samples/s",
    )
    table.add_column("")
    table.add_column("training", justify="right")
    table.add_column("validation", justify="right")
    for name, title in ROWS.items():
        figures = [result.metrics[f"{part}/{name}"] for part in ("train", "val")]
        table.add_row(title, *(f"{value:.4g}" if name == "mse" else f"{value:,.2f}" for value in figures))
    table.add_row("active latents", "", f"{result.metrics['active_latents']:.0f}")
    for title, share in _shares(result.metrics):
        table.add_row(title, "", share)
    return table


def _baseline_table(result: BaselineResult) -> Table:
    """Set what a baseline learnt from above what it keeps of the variance of validation samples."""
    from rich.table import Table

    table = Table(
        title=f"{result.title}: {result.classes:,} classes, {result.samples:,} samples",
        caption=f"fitted in {result.seconds:.1f} s",
    )
    table.add_column("")
    table.add_column("validation", justify="right")
    for title, share in _shares(result.metrics):
        table.add_row(title, share)
    return table


def print_table(table: Table, console: Console | None = None) -> None:
    """Print a table, to standard output unless a console is given."""
    from rich.console import Console

    (console or Console()).print(table)


def _shares(metrics: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    for name, title in SHARES.items():
        yield title, f"{metrics[name]:.1%}" if name in metrics else "undefined"
