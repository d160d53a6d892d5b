"""Progress on the terminal: a bar a level, with work done, rate and time left. Everything goes to stderr."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from layercut.records import FailureRecord, Record


class RunProgress:
    """A `layercut.progress.Progress` drawn with rich."""

    def __init__(self, study: str) -> None:
        self._study = study
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[jobs_done]}/{task.fields[num_jobs]} jobs"),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._bar: TaskID | None = None
        self._jobs_done = 0
        self._num_failed = 0

    def __enter__(self) -> RunProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bars.live.is_started:  # else stopping writes an empty line, above an error message too
            self._bars.stop()

    def begin(self, level: str, num_jobs: int, work: int) -> None:
        """Start a bar."""
        self._bars.start()
        self._jobs_done = 0
        self._bar = self._bars.add_task(f"{self._study}: {level}", total=work, jobs_done=0, num_jobs=num_jobs, note="")

    def advance(self, work: int) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._jobs_done += 1
            self._bars.update(self._bar, advance=work, jobs_done=self._jobs_done)

    def record(self, record: Record) -> None:
        """Count failures beside the bar."""
        if isinstance(record, FailureRecord) and self._bar is not None:
            self._num_failed += 1
            self._bars.update(self._bar, note=f"[red]{self._num_failed} failed[/red]")

    def end(self) -> None:
        """Leave the bar full."""
        self._bar = None
