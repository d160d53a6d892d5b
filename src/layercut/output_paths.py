"""Where files go that a user asked for: refused before the work where nothing can be written there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from layercut.disk import is_disk_full
from layercut.errors import UserError


def require_folder(folder: Path) -> None:
    """Check that a folder is there, or could be made; nothing is made.

    Raises:
        UserError: it, or a part of its path, is a file.
    """
    there = next((place for place in (folder, *folder.parents) if place.exists()), None)
    if there is not None and not there.is_dir():
        which = "it" if there == folder else str(there)
        raise UserError(f"cannot write into {folder}: {which} is a file, not a folder; choose another path")


def require_file(path: Path) -> None:
    """Check that a file could be written; one that is there is replaced.

    Raises:
        UserError: a folder has that name, or a part of the path is a file.
    """
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder; move it away, or choose another path")
    require_folder(path.parent)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system says against writing `path` into one line; a full disk is left to the command line.

    Raises:
        UserError: the file or folder cannot be written.
    """
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise
        raise UserError(f"cannot write {path}: {error.strerror or error}; choose another path") from error
