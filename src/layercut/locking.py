"""One run at a time on an output directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from layercut.disk import is_disk_full
from layercut.errors import StorageFullError, StudyInProgressError, UserError


@contextmanager
def output_lock(output_dir: Path) -> Iterator[None]:
    """Make the directory and hold it for this process; the system lets go of it however the process ends.

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
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _lock_file(output_dir: Path) -> TextIO:
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        return (output_dir / "run.lock").open("a+")
    except OSError as error:
        if is_disk_full(error):
            raise StorageFullError(f"the disk is full: cannot make the output directory {output_dir}") from error
        raise UserError(
            f"cannot write to the output directory {output_dir}: {error.strerror or error}; give another with -o"
        ) from error
