"""How far a study is."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from gtexgen.tuning.study import SharedStudy

__all__ = ["StudyProgress"]

TERMINAL_SECONDS = 0.2
LOG_SECONDS = 30.0


class StudyProgress:
    """A bar over the trials of a study, whoever runs them, with the best value so far.

    Parameters
    ----------
    shared
        The study.
    """

    def __init__(self, shared: SharedStudy) -> None:
        from tqdm import tqdm

        self._shared = shared
        self._told = {trial.number for trial in shared.trials() if trial.state.is_finished()}
        self._bar = tqdm(
            total=shared.settings.trials,
            desc=shared.settings.name,
            unit="trial",
            mininterval=TERMINAL_SECONDS if sys.stderr.isatty() else LOG_SECONDS,
            dynamic_ncols=True,
        )

    def __enter__(self) -> Self:
        """Show how far the study was before."""
        self.update()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show how far it came."""
        self.update()
        self._bar.close()

    def update(self) -> None:
        """Look at the study, and move."""
        from optuna.trial import TrialState

        states = [trial.state for trial in self._shared.trials()]
        ended = sum(state.is_finished() for state in states) - self._bar.n
        figures = {"pruned": states.count(TrialState.PRUNED), "failed": states.count(TrialState.FAIL)}
        self._bar.set_postfix({**self._best(), **figures}, refresh=False)
        self._bar.update(ended)
        if ended:
            self._tell_failures()
            self._bar.refresh()

    def _tell_failures(self) -> None:
        """Say of each trial that has just failed why it did."""
        from optuna.trial import TrialState

        for trial in self._shared.trials():
            if trial.state == TrialState.FAIL and trial.number not in self._told:
                self._told.add(trial.number)
                error = str(trial.user_attrs.get("error") or "unknown")
                self._bar.write(f"Trial {trial.number} failed: {error}", file=sys.stderr)

    def _best(self) -> dict[str, str]:
        """Give the best values of each objective alone."""
        settings, completed = self._shared.settings, [trial.values for trial in self._shared.trials() if trial.values]
        if not completed:
            return {}
        best = {"maximize": max, "minimize": min}
        columns = zip(settings.objectives, settings.directions, zip(*completed, strict=True), strict=True)
        return {objective: f"{best[direction](values):.4g}" for objective, direction, values in columns}
