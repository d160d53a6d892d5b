"""Write an artifact so that its folder is either absent or complete."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from layercut.files import folder_written_whole, needing_space

CARD = "card.json"

FILES = "files"
"""The entry of a card with the SHA-256 of each file beside it."""


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def artifact_folder(output_dir: Path, key: str) -> Path:
    """Return where what is kept of a trial lies."""
    return output_dir / "artifacts" / key


def is_kept(output_dir: Path, key: str, what: tuple[str, ...]) -> bool:
    """Return whether an artifact is there and holds all that is asked for."""
    card = artifact_folder(output_dir, key) / CARD
    try:
        kept = json.loads(card.read_text(encoding="utf-8"))["kept"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return set(what) <= set(kept)


def write_artifact(
    output_dir: Path, key: str, card: Mapping[str, Any], files: Mapping[str, Callable[[Path], object]]
) -> Path:
    """Write a card and files, each by its writer, and return their folder; an older artifact is replaced.

    Raises:
        StorageFullError: the disk is full; nothing of this artifact is left behind.
    """
    folder = artifact_folder(output_dir, key)
    with needing_space(f"cannot write {folder}"), folder_written_whole(folder) as unfinished:
        for name, write in files.items():
            write(unfinished / name)
        card = {**card, FILES: {name: file_hash(unfinished / name) for name in files}}
        (unfinished / CARD).write_text(json.dumps(card, indent=2, ensure_ascii=False), encoding="utf-8")
    return folder
