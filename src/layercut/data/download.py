"""Download raw files: bounded in time, silent on stdout, all or nothing."""

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

from layercut.data.base import FileCheck
from layercut.data.raw_files import RawFile, check_file
from layercut.errors import DataError, few, one_line
from layercut.files import needing_space, require_folder

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
        UserError: the data directory is a file.
        StorageFullError: the disk is full.
    """
    files = tuple(files)
    wanted = ", ".join(file.path for file in files)
    with _told_apart(name, data_dir, wanted), _scratch(data_dir) as folder:
        _reuse_archives(archives, data_dir, folder)
        with _bounded_and_silent(), _confined():
            fetch(folder)
        _require_complete(name, [check_file(file, folder) for file in files], folder)
        _move_missing([file.path for file in files], folder, data_dir)


def download_tree(
    name: str,
    fetch: Callable[[Path], object],
    verify: Callable[[Path], Iterable[FileCheck]],
    archives: Iterable[RawFile],
    data_dir: Path,
) -> None:
    """Download a dataset of many files, whose list comes with it: as `download_files`, archives are not kept.

    Raises:
        DataError: no network, or what came is not what was expected.
        UserError: the data directory is a file.
        StorageFullError: the disk is full.
    """
    archives = tuple(archives)
    unwanted = {archive.path for archive in archives}
    with _told_apart(name, data_dir, ", ".join(sorted(unwanted))), _scratch(data_dir) as folder:
        _reuse_archives(archives, data_dir, folder)
        with _bounded_and_silent(), _confined():
            fetch(folder)
        _require_complete(name, verify(folder), folder)
        came = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
        _move_missing([path for path in came if path not in unwanted], folder, data_dir)


@contextlib.contextmanager
def _scratch(data_dir: Path) -> Iterator[Path]:
    require_folder(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=data_dir) as temporary:
        yield Path(temporary)


@contextlib.contextmanager
def _told_apart(name: str, data_dir: Path, wanted: str) -> Iterator[None]:
    """Say what went wrong: the disk, or everything else that a download may come to."""
    try:
        with needing_space(f"{name} does not fit in {data_dir}"):
            yield
    except (
        OSError,
        RuntimeError,
        EOFError,
        zlib.error,
        tarfile.TarError,
        http.client.HTTPException,
    ) as error:
        reason = one_line(error) or type(error).__name__
        instead = f", or copy these files there from elsewhere: {wanted}" if wanted else ""
        raise DataError(
            f"cannot download {name} into {data_dir}: {reason}; check the network and that the folder can be "
            f"written{instead}"
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


@contextlib.contextmanager
def _confined() -> Iterator[None]:
    """Let no archive write outside the folder that it is unpacked in, nor make links or devices that lead there.

    torchvision unpacks without a filter, which Python before 3.14 takes for trust.
    """
    data_filter = getattr(tarfile, "data_filter", None)
    if data_filter is None:
        raise DataError("downloads need Python 3.11.4 or newer: this one unpacks archives without checking their paths")
    before = tarfile.TarFile.extraction_filter
    tarfile.TarFile.extraction_filter = staticmethod(data_filter)
    try:
        yield
    finally:
        tarfile.TarFile.extraction_filter = before


def _reuse_archives(archives: Iterable[RawFile], data_dir: Path, folder: Path) -> None:
    """Use the archives that lie in the data directory.

    Raises:
        DataError: one of them is truncated or another file.
    """
    for archive in archives:
        check = check_file(archive, data_dir)
        if check.status == "damaged":
            raise DataError(f"{check.path}: {check.problem}; delete it, or replace it with the published archive")
        if check.status == "ok":
            copy = folder / archive.path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(data_dir / archive.path, copy)


def _require_complete(name: str, checks: Iterable[FileCheck], folder: Path) -> None:
    wrong = [f"{check.path.relative_to(folder)}: {check.problem}" for check in checks if check.status != "ok"]
    if wrong:
        listed = few(wrong, 5, "; ")
        raise DataError(f"the download of {name} is corrupt ({listed}); nothing was kept, try again")


def _move_missing(paths: Iterable[str], folder: Path, data_dir: Path) -> None:
    for path in paths:
        target = data_dir / path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            (folder / path).replace(target)
