"""Published weight files: where they are kept, and a download that fails within seconds where there is no network."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from layercut.disk import is_disk_full
from layercut.errors import CheckpointError, StorageFullError, one_line

TIMEOUT_SECONDS = 10.0
"""Without an answer for so long, a server is given up."""

_HASH_IN_NAME = re.compile(r"-([a-f0-9]{8,})\.")


def fetch_url(url: str, folder: Path, what: str) -> Path:
    """Return the file of a URL in a folder, downloaded where it is not there yet; the hash in its name is checked.

    Raises:
        CheckpointError: it cannot be downloaded, or is not what its name says.
        StorageFullError: the disk is full.
    """
    path = folder / Path(urlsplit(url).path).name
    if path.is_file():
        return path
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer, temporary.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(answer, file)
        _check_name(temporary, path.name)
        temporary.replace(path)
    except OSError as error:
        if is_disk_full(error):
            raise StorageFullError(f"the disk is full: {what} does not fit in {folder}") from error
        raise unavailable(what, error, f"copy {url} to {path}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def require_server(url: str, what: str, instead: str) -> None:
    """Ask a server for anything, once: libraries that download retry for the better part of a minute.

    Raises:
        CheckpointError: it does not answer.
    """
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=TIMEOUT_SECONDS).close()  # noqa: S310
    except urllib.error.HTTPError:
        return  # it answers
    except OSError as error:
        raise unavailable(what, error, instead) from error


def unavailable(what: str, error: Exception, instead: str) -> CheckpointError:
    """Return the error of a download that failed, and what to do instead."""
    reason = one_line(error, 200) or type(error).__name__
    return CheckpointError(
        f"cannot download the weights {what}: {reason}; check the network, or {instead} on a machine that has one, "
        "or name a file with source: {checkpoint: PATH}"
    )


def _check_name(path: Path, name: str) -> None:
    expected = _HASH_IN_NAME.search(name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if expected is not None and not digest.startswith(expected[1]):
        raise CheckpointError(
            f"the download of {name} is not what it should be: its SHA-256 begins with {digest[:8]}; nothing was kept"
        )
