"""What a run tells whoever watches it."""

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
