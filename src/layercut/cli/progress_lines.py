"""Progress as lines, for files and other programs: one per tenth of the work or per minute, whichever comes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType

from layercut.cli.terminal import say
from layercut.records import FailureRecord, Record
from layercut.runner.progress import Pace

LINE_SECONDS = 60.0


class LineProgress:
    """A `layercut.runner.progress.Progress` that writes lines to stderr."""

    def __init__(
        self,
        study: str,
        write: Callable[[str], None] = lambda line: say(line, err=True),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._study, self._write, self._clock = study, write, clock
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._keep_ticking, daemon=True)
        self._level = ""
        self._pace: Pace | None = None
        self._written = 0.0
        self._tenths = 0
        self._num_failed = 0

    def __enter__(self) -> LineProgress:
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._watch.join()

    def begin(self, level: str, num_jobs: int, work: int) -> None:
        """Say what begins."""
        with self._lock:
            self._level, self._pace, self._tenths = level, Pace(num_jobs, work, self._clock()), 0
            self._say("1 job" if num_jobs == 1 else f"{num_jobs:,} jobs")

    def advance(self, work: int) -> None:
        """Write a line where another tenth of the work is done."""
        with self._lock:
            if self._pace is None:
                return
            self._pace.advance(work, self._clock())
            tenths = 10 * self._pace.work_done // max(self._pace.work, 1)
            if tenths > self._tenths and self._pace.jobs_done < self._pace.num_jobs:
                self._tenths = tenths
                self._say(self._state(self._pace))

    def record(self, record: Record) -> None:
        """Count failures."""
        self._num_failed += isinstance(record, FailureRecord)

    def tick(self) -> None:
        """Write a line where none was written for a minute: a job may take hours."""
        with self._lock:
            if self._pace is not None and self._clock() - self._written >= LINE_SECONDS:
                self._say(self._state(self._pace))

    def end(self) -> None:
        """Say how long it took."""
        with self._lock:
            if self._pace is not None:
                self._say(f"done in {clock_time(self._clock() - self._pace.started)}{self._failures()}")
            self._pace = None

    def _keep_ticking(self) -> None:
        while not self._over.wait(1.0):
            self.tick()

    def _state(self, pace: Pace) -> str:
        now = self._clock()
        left = pace.seconds_left(now)
        told = "" if left is None else f", about {clock_time(left)} left"
        jobs = f"{pace.jobs_done:,} of {pace.num_jobs:,} jobs"
        return f"{jobs} after {clock_time(now - pace.started)}{told}{self._failures()}"

    def _failures(self) -> str:
        return f", {self._num_failed:,} failed" if self._num_failed else ""

    def _say(self, what: str) -> None:
        self._written = self._clock()
        self._write(f"{self._study}: {self._level}: {what}")


def clock_time(seconds: float) -> str:
    """Return a duration as a clock shows it.

    Example:
        >>> clock_time(3725.4)
        '1:02:05'
    """
    return str(timedelta(seconds=int(seconds)))
