"""Files on disk: checked before the work starts, written completely or not at all; a full disk has its own error."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from layercut.errors import StorageFullError, UserError, few

_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}
_RUST_ERROR = re.compile(r"\(os error (\d+)\)")
"""How safetensors tells what the system said: its exceptions have no `errno`."""


def why_full(error: BaseException) -> str | None:
    """Return in words that no space, or no quota, is left; None where the error means something else.

    Example:
        >>> why_full(OSError(errno.EDQUOT, "Disk quota exceeded"))
        'the disk quota is used up'
    """
    if isinstance(error, OSError) and error.errno is not None:
        return _FULL.get(error.errno)
    told = _RUST_ERROR.search(str(error))
    return _FULL.get(int(told[1])) if told else None


def studies_below(folder: Path) -> list[Path]:
    """Return the output directories of studies below a folder that is none itself, as a recommendation has several."""
    if (folder / "study.yaml").is_file():
        return []
    return sorted(file.parent for file in folder.glob("*/*/study.yaml"))


def several_studies(folder: Path) -> str | None:
    """Return what to say to those who want the study of a folder that holds several; None where it does not."""
    below = studies_below(folder)
    return f"{folder} holds several studies; name one of them: {few(list(map(str, below)), 5)}" if below else None


@contextmanager
def needing_space(what: str) -> Iterator[None]:
    """Write, or whatever else needs space; `what` completes the sentence "the disk is full: ...".

    Raises:
        StorageFullError: no space, or no quota, is left.
    """
    try:
        yield
    except Exception as error:
        if full := why_full(error):
            raise StorageFullError(f"{full}: {what}") from error
        raise


@contextmanager
def explained(path: Path, instead: str = "choose another path") -> Iterator[None]:
    """Turn what the system says against writing `path` into one line.

    Raises:
        StorageFullError: no space, or no quota, is left.
        UserError: the file or folder cannot be written.
    """
    try:
        with needing_space(f"cannot write {path}"):
            yield
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; {instead}") from error


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield where to write a file, which is then flushed to the disk and renamed to `path`: that is absent or whole.

    Its folder is made. What is no ordinary file, such as a pipe, is written directly.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        yield path
        return
    final = path.resolve()  # a link stays one
    unfinished = final.with_name(f".{os.getpid()}.{final.name}")
    try:
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(final)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(folder: Path) -> Iterator[Path]:
    """Yield a new folder to write into, which then takes the place of `folder`: that is absent, old or whole."""
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        yield unfinished
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


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
