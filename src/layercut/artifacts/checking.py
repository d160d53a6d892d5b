"""Check kept trials against the hashes in their cards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from layercut.artifacts.writing import CARD, FILES, file_hash


class CheckedArtifact(NamedTuple):
    """One folder of what is kept."""

    folder: Path
    card: dict[str, Any]
    """Empty where it cannot be read."""
    problems: tuple[str, ...]


def check_artifacts(output_dir: Path) -> Iterator[CheckedArtifact]:
    """Yield every folder of `artifacts/`; cards of older versions have no hashes, their files are taken as they are."""
    for path in sorted((output_dir / "artifacts").rglob(CARD)):
        if not any(part.startswith(".") for part in path.relative_to(output_dir).parts):
            yield _check(path)


def _check(path: Path) -> CheckedArtifact:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        files = dict(card.get(FILES, {}))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        return CheckedArtifact(path.parent, {}, (f"{path} is not a card: {error}",))
    return CheckedArtifact(path.parent, card, tuple(_problems(path.parent, files)))


def _problems(folder: Path, files: dict[str, str]) -> Iterator[str]:
    for name, expected in files.items():
        try:
            if file_hash(folder / name) != expected:
                yield f"{folder / name} is not what was written"
        except OSError as error:
            yield f"{folder / name} cannot be read: {error.strerror}"
