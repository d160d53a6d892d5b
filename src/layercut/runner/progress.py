"""Progress of a run, as shown to the user."""

from __future__ import annotations

from typing import Protocol

from layercut.records import Record


class Progress(Protocol):
    """Called by the runner, in this order for each level: begin, advance ..., end."""

    def begin(self, level: str, num_jobs: int, work: int) -> None:
        """Start a level of so many jobs; `work` is its estimated floating-point operations."""
        ...

    def advance(self, work: int) -> None:
        """Count work as done."""
        ...

    def record(self, record: Record) -> None:
        """Show a record that came back."""
        ...

    def end(self) -> None:
        """Finish the level."""
        ...


class Pace:
    """The progress of a level: finished jobs, with the time left derived from their estimated work."""

    def __init__(self, num_jobs: int, work: int, now: float) -> None:
        self.num_jobs, self.jobs_done = num_jobs, 0
        self.work, self.work_done = work, 0
        self.started = self._advanced = now

    def advance(self, work: int, now: float) -> None:
        """Count a job of so much work as done."""
        self.jobs_done += 1
        self.work_done += work
        self._advanced = now

    def seconds_left(self, now: float) -> float | None:
        """Return the time that the rest takes at the rate so far; None before the first job is done.

        Example:
            >>> pace = Pace(num_jobs=2, work=40, now=0.0)
            >>> pace.advance(10, now=5.0)
            >>> pace.seconds_left(now=8.0)
            12.0
        """
        if not self.work_done:
            return None
        rest = (self._advanced - self.started) * (self.work - self.work_done) / self.work_done
        return max(0.0, rest - (now - self._advanced))


class NoProgress:
    """Shows nothing."""

    def begin(self, level: str, num_jobs: int, work: int) -> None:
        """Show nothing."""

    def advance(self, work: int) -> None:
        """Show nothing."""

    def record(self, record: Record) -> None:
        """Show nothing."""

    def end(self) -> None:
        """Show nothing."""
