"""One run at a time on an output directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from layercut.errors import StudyInProgressError


@contextmanager
def output_lock(output_dir: Path) -> Iterator[None]:
    """Hold the directory for this process; the system lets go of it however the process ends.

    Raises:
        StudyInProgressError: another process holds it; the message has its id.
    """
    path = output_dir / "run.lock"
    with path.open("a+") as file:
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
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
