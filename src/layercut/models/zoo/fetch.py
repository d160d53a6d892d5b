"""Published weight files: where they are stored, and a download that fails within seconds without a network."""

from __future__ import annotations

import hashlib
import http.client
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from layercut.errors import CheckpointError, one_line
from layercut.files import needing_space, written_whole

TIMEOUT_SECONDS = 10.0
"""Without an answer for so long, a server is given up."""

_HASH_IN_NAME = re.compile(r"-([a-f0-9]{8,})\.")


def fetch_url(url: str, folder: Path, what: str) -> Path:
    """Return the file of a URL in a folder, downloaded where it is not there; it must have the hash in its name.

    Raises:
        CheckpointError: it cannot be downloaded, or is not what its name says.
        StorageFullError: the disk is full.
    """
    path = folder / Path(urlsplit(url).path).name
    if path.is_file():
        _check_name(path, path.name, f"{path}", "delete it, or copy it there again")
        return path
    try:
        with needing_space(f"{what} does not fit in {folder}"), written_whole(path) as unfinished:
            _download(url, unfinished)
            _check_name(unfinished, path.name, f"the download of {path.name}", "nothing was kept")
    except (OSError, http.client.HTTPException) as error:
        raise unavailable(what, error, f"copy {url} to {path}") from error
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


def _download(url: str, path: Path) -> None:
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer, path.open("wb") as file:  # noqa: S310
        shutil.copyfileobj(answer, file)
        missing = getattr(answer, "length", None)
    if missing:  # a server that ends early is no error to urllib
        raise ConnectionError(f"the connection ended {missing:,} bytes too early")


def _check_name(path: Path, name: str, what: str, instead: str) -> None:
    expected = _HASH_IN_NAME.search(name)
    if expected is None:
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(expected[1]):
        raise CheckpointError(f"{what} is corrupt: its SHA-256 begins with {digest[:8]}; {instead}")
