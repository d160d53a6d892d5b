"""Fetching raw files: bounded in time, silent on stdout, all or nothing."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from layercut.data.disk import is_disk_full
from layercut.data.raw_files import RawFile, check_file, has_md5
from layercut.errors import DataError, StorageFullError

_TIMEOUT_SECONDS = 20.0
"""Without a byte for so long, a connection is given up."""


def download_files(
    name: str,
    fetch: Callable[[Path], object],
    files: Iterable[RawFile],
    archives: Iterable[RawFile],
    data_dir: Path,
) -> None:
    """Let `fetch` download into a temporary folder, check what came, and keep what was missing.

    An interrupted download therefore leaves nothing that looks like a finished one. Archives that already
    lie in the data directory and have the right checksum are used instead of the network.

    Raises:
        DataError: no network, or what came is not what was expected.
        StorageFullError: the disk is full.
    """
    files = tuple(files)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=data_dir) as temporary:
            folder = Path(temporary)
            _reuse_archives(archives, data_dir, folder)
            with _bounded_and_silent():
                fetch(folder)
            _require_complete(name, files, folder)
            _move_missing(files, folder, data_dir)
    except (
        OSError,
        RuntimeError,
        EOFError,
        zlib.error,
        tarfile.TarError,
        http.client.HTTPException,
    ) as error:
        if is_disk_full(error):
            raise StorageFullError(
                f"the disk is full: {name} does not fit in {data_dir}; free space and try again"
            ) from error
        reason = " ".join(str(error).split()) or type(error).__name__
        wanted = ", ".join(file.path for file in files)
        raise DataError(
            f"cannot download {name} into {data_dir}: {reason}; check the network and that the folder can be "
            f"written, or copy these files there from elsewhere: {wanted}"
        ) from error


@contextlib.contextmanager
def _bounded_and_silent() -> Iterator[None]:
    """Limit every connection's wait; what downloaders print goes to stderr."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_SECONDS)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        socket.setdefaulttimeout(before)


def _reuse_archives(archives: Iterable[RawFile], data_dir: Path, folder: Path) -> None:
    for archive in archives:
        if archive.md5 is not None and has_md5(data_dir / archive.path, archive.md5):
            copy = folder / archive.path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(data_dir / archive.path, copy)


def _require_complete(name: str, files: Iterable[RawFile], folder: Path) -> None:
    wrong = [f"{file.path}: {check.problem}" for file in files if (check := check_file(file, folder)).status != "ok"]
    if wrong:
        listed = "; ".join(wrong)
        raise DataError(f"the download of {name} is not what it should be ({listed}); nothing was kept, try again")


def _move_missing(files: Iterable[RawFile], folder: Path, data_dir: Path) -> None:
    for file in files:
        target = data_dir / file.path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            (folder / file.path).replace(target)
