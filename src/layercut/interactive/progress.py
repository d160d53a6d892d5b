"""The progress of a run in a notebook: one line with a bar, updated in place."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from html import escape
from typing import Any

from layercut.records import FailureRecord, Record
from layercut.runner.progress import NoProgress, Pace, Progress

_DRAW_SECONDS = 0.2


def notebook_progress(study: str) -> Progress:
    """Return a bar where a notebook shows it, and nothing anywhere else."""
    show = _display()
    return NoProgress() if show is None else NotebookProgress(study, show)


def in_notebook() -> bool:
    """Return whether a Jupyter kernel runs this code."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return getattr(shell, "kernel", None) is not None


def _display() -> Callable[[str], None] | None:
    if not in_notebook():
        return None
    shown: Any = importlib.import_module("IPython.display")  # there only in a notebook
    place: list[Any] = []

    def show(html: str) -> None:
        if place:
            place[0].update(shown.HTML(html))
        else:
            place.append(shown.display(shown.HTML(html), display_id=True))

    return show


class NotebookProgress:
    """A `layercut.runner.progress.Progress` as HTML, written with `show`, which replaces what it wrote before."""

    def __init__(self, study: str, show: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._study, self._show, self._clock = study, show, clock
        self._level = ""
        self._pace = Pace(0, 0, 0.0)
        self._num_failed = 0
        self._drawn = 0.0

    def begin(self, level: str, num_jobs: int, work: int) -> None:
        """Start a bar."""
        self._level, self._pace = level, Pace(num_jobs, work, self._clock())
        self._draw()

    def advance(self, work: int) -> None:
        """Move the bar; it is drawn a few times a second."""
        self._pace.advance(work, self._clock())
        if self._clock() - self._drawn >= _DRAW_SECONDS:
            self._draw()

    def record(self, record: Record) -> None:
        """Count failures."""
        self._num_failed += isinstance(record, FailureRecord)

    def end(self) -> None:
        """Leave the bar full."""
        self._draw()

    def _draw(self) -> None:
        self._drawn, pace = self._clock(), self._pace
        left = pace.seconds_left(self._drawn)
        parts = [f"{pace.jobs_done:,} of {pace.num_jobs:,} jobs"]
        if left is not None and pace.jobs_done < pace.num_jobs:
            parts.append(f"about {timedelta(seconds=int(left))} left")
        if self._num_failed:
            parts.append(f"{self._num_failed:,} failed")
        self._show(
            f'<div><b>{escape(self._study)}</b>: {escape(self._level)} <progress value="{pace.jobs_done}" '
            f'max="{max(pace.num_jobs, 1)}"></progress> {", ".join(parts)}</div>'
        )
