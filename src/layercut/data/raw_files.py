"""Raw files of a dataset: what is expected in the data directory, and whether it is there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from layercut.data.base import FileCheck
from layercut.errors import DataError
from layercut.keys import canonical_json


@dataclass(frozen=True)
class RawFile:
    """What is known of a raw file; whatever is given is checked."""

    path: str
    """Relative to the data directory, with `/`."""
    size_bytes: int | None = None
    header: bytes = b""
    """First bytes of the file."""
    sha256: str | None = None
    md5: str | None = None


def idx_file(path: str, shape: Sequence[int], sha256: str | None = None) -> RawFile:
    """Return the description of an IDX file of unsigned bytes: its header and size follow from its shape.

    Reference:
        Y. LeCun, C. Cortes, C. Burges: The MNIST database, "File formats": magic number 0, 0, type, number of
        dimensions, then each dimension as a big-endian 32-bit integer.
    """
    header = bytes([0, 0, 8, len(shape)])
    num_values = 1
    for length in shape:
        header += length.to_bytes(4, "big")
        num_values *= length
    return RawFile(path, size_bytes=len(header) + num_values, header=header, sha256=sha256)


def check_file(file: RawFile, data_dir: Path) -> FileCheck:
    """Compare a file with what is known of it; cheap checks first."""
    path = data_dir / file.path
    if not path.is_file():
        return FileCheck(path, "missing", "expected a file, got nothing")
    try:
        problem = _problem(file, path)
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
    return FileCheck(path, "damaged" if problem else "ok", problem)


def require_intact(name: str, checks: Iterable[FileCheck]) -> None:
    """Refuse files that are there but are not what they should be.

    Raises:
        DataError: names each damaged file, what was expected, what came, what to do.
    """
    damaged = [f"{check.path}: {check.problem}" for check in checks if check.status == "damaged"]
    if damaged:
        listed = "\n".join(damaged)
        raise DataError(f"{listed}\ndelete what is damaged and run `layercut data download {name}`")


def require_present(name: str, checks: Iterable[FileCheck], data_dir: Path) -> None:
    """Refuse to continue without files that may not be downloaded.

    Raises:
        DataError: names the missing files and how to get them.
    """
    missing = [check.path.relative_to(data_dir).as_posix() for check in checks if check.status == "missing"]
    if missing:
        raise DataError(
            f"{name} is not in {data_dir}: expected {', '.join(missing)}; run "
            f"`layercut data download {name}`, or point --data-dir or LAYERCUT_DATA at a folder that holds "
            f"these files (torchvision's layout)"
        )


def files_identity(files: Iterable[RawFile], data_dir: Path) -> str | None:
    """Return paths, sizes and modification times of all files as text; None where one is absent."""
    found = []
    for file in files:
        path = data_dir / file.path
        if not path.is_file():
            return None
        status = path.stat()
        found.append([str(path.resolve()), status.st_size, status.st_mtime_ns])
    return canonical_json(found)


def _problem(file: RawFile, path: Path) -> str:
    size = path.stat().st_size
    if file.size_bytes is not None and size != file.size_bytes:
        hint = " (truncated)" if size < file.size_bytes else ""
        return f"expected {file.size_bytes} bytes, got {size}{hint}"
    with path.open("rb") as stream:
        header = stream.read(len(file.header))
    if header != file.header:
        return f"expected the header {file.header.hex(' ')}, got {header.hex(' ')}"
    for algorithm, expected in (("sha256", file.sha256), ("md5", file.md5)):
        if expected is not None and (got := _checksum(path, algorithm)) != expected:
            return f"expected the {algorithm.upper()} checksum {expected}, got {got} ({size} bytes)"
    return ""


def _checksum(path: Path, algorithm: str) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()
