"""What a call has taken, on the disk while it works: one that is killed is counted as far as that."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from layercut.files import explained

PERIOD = 2.0
"""Seconds between two writes, of which a killed call loses at most one."""

_NAME = ".spent"


@contextmanager
def pulse(output_dir: Path, identity: str, spent_seconds: float) -> Iterator[None]:
    """Write down every few seconds what a recommendation has taken, beginning with `spent_seconds`; removed at the end.

    A call that ends in order, also by Ctrl-C, has its seconds in the journal. The thread has a clock of its own, and
    leaves the ledger to its one writer.

    Raises:
        UserError: the file cannot be written.
        StorageFullError: the disk is full.
    """
    path, stopped, began = output_dir / _NAME, threading.Event(), time.monotonic()
    with explained(path):
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)

    def beat() -> None:
        """One write each: whenever the process is killed, the first line is whole."""
        while True:
            seconds = spent_seconds + time.monotonic() - began
            os.pwrite(file, f"{identity} {seconds:.1f}\n".encode(), 0)
            if stopped.wait(PERIOD):
                break

    thread = threading.Thread(target=beat, name="pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        os.close(file)
        path.unlink(missing_ok=True)


def last_pulse(output_dir: Path, identity: str) -> float:
    """Return what a killed call for the same question had taken with all before it; 0 where none was killed."""
    try:
        first, _, _ = (output_dir / _NAME).read_text(encoding="utf-8").partition("\n")
    except FileNotFoundError:
        return 0.0
    asked, _, seconds = first.partition(" ")
    return float(seconds) if asked == identity else 0.0
