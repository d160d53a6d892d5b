"""How long each level of a run took."""

from __future__ import annotations

import time

from layercut.runner.progress import NoProgress


class LevelClock(NoProgress):
    """Notes the seconds of each level of a run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._level = ""

    def begin(self, level: str, num_jobs: int, work: int) -> None:
        """Start the clock."""
        self._level = level
        self.seconds[level] = -time.perf_counter()

    def end(self) -> None:
        """Stop it."""
        self.seconds[self._level] += time.perf_counter()
