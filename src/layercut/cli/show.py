"""Progress of a run on stderr: one bar per level on a terminal, lines anywhere else."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console, ConsoleDimensions
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from layercut.cli.progress_lines import LineProgress, clock_time
from layercut.records import FailureRecord, Record
from layercut.runner.progress import Pace

_ECHO_WIDTH = 8
"""Columns that are left free at the right: a terminal echoes Ctrl-C as `^C`, and a line that it wraps is not erased."""


def run_progress(study: str) -> BarProgress | LineProgress:
    """Return what shows the progress of a run where stderr leads."""
    is_terminal = sys.stderr.isatty() and Console(stderr=True).is_interactive
    return BarProgress(study) if is_terminal else LineProgress(study)


class BarProgress:
    """A `layercut.runner.progress.Progress` drawn with rich: bars of jobs."""

    def __init__(self, study: str, console: Console | None = None) -> None:
        self._study = study
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} jobs"),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            _TimeLeft(),
            console=console or _NarrowConsole(stderr=True),
        )
        self._bar: TaskID | None = None
        self._pace = Pace(0, 0, 0.0)
        self._num_failed = 0

    def __enter__(self) -> BarProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with _uninterrupted():  # else a second Ctrl-C leaves half a bar and no cursor
            if self._bars.live.is_started:  # else stopping writes an empty line, above an error message too
                self._bars.stop()

    def begin(self, level: str, num_jobs: int, work: int) -> None:
        """Start a bar."""
        self._bars.start()
        self._pace = Pace(num_jobs, work, time.monotonic())
        self._bar = self._bars.add_task(f"{self._study}: {level}", total=num_jobs, note="", pace=self._pace)

    def advance(self, work: int) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._pace.advance(work, time.monotonic())
            self._bars.update(self._bar, advance=1)

    def record(self, record: Record) -> None:
        """Count failures beside the bar."""
        if isinstance(record, FailureRecord) and self._bar is not None:
            self._num_failed += 1
            self._bars.update(self._bar, note=f"[red]{self._num_failed} failed[/red]")

    def end(self) -> None:
        """Leave the bar full."""
        self._bar = None


class _NarrowConsole(Console):
    """A console whose lines end before the terminal's do."""

    @property
    def size(self) -> ConsoleDimensions:
        width, height = super().size
        return ConsoleDimensions(max(width - _ECHO_WIDTH, 1), height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        raise AttributeError("the size is the terminal's")


class _TimeLeft(ProgressColumn):
    """Time left by work: jobs differ in size."""

    def render(self, task: Task) -> Text:
        left = task.fields["pace"].seconds_left(time.monotonic())
        return Text("" if left is None or task.finished else f"{clock_time(left)} left", style="progress.remaining")


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait for what is done within."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
