"""One run at a time on an output directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from layercut.errors import StudyInProgressError
from layercut.files import explained

_NAME = "run.lock"
_INSTEAD = "give another output directory with -o"


@contextmanager
def output_lock(output_dir: Path) -> Iterator[None]:
    """Make the directory and lock it for this process; the system releases the lock however the process ends.

    Raises:
        StudyInProgressError: another process holds it; the message has its id.
        UserError: it cannot be made or written.
        StorageFullError: the disk is full.
    """
    with _lock_file(output_dir) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise StudyInProgressError(
                f"the process {holder} is running a study in {output_dir}; wait for it, stop it, or give another "
                "output directory with -o"
            ) from None
        file.seek(0)
        file.truncate()
        with explained(output_dir / _NAME, _INSTEAD):
            file.write(f"{os.getpid()}\n")
            file.flush()
        yield


def _lock_file(output_dir: Path) -> TextIO:
    with explained(output_dir, _INSTEAD):
        output_dir.mkdir(parents=True, exist_ok=True)
        return (output_dir / _NAME).open("a+")
