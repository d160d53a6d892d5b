"""Copy models and arrays that were given from Python from the cache into the run that needs them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from layercut.data.cache import default_cache_dir
from layercut.files import folder_written_whole, require_folder
from layercut.models import MODELS
from layercut.models.families import BoundFamily
from layercut.spec import StudySpec
from layercut.spec.load import make_study

GIVEN = "given"
"""The folder of the cache, and of an output directory, in which arrays and models lie by content."""

_FIELDS = ("path", "folder", "checkpoint")


def with_given(spec: StudySpec, output_dir: Path) -> StudySpec:
    """Copy the objects given for a study into the output directory and return a study that reads them there.

    Raises:
        UserError: the output directory is a file.
        OSError: it cannot be copied.
    """
    cache, own = default_cache_dir() / GIVEN, output_dir.absolute() / GIVEN
    values = spec.model_dump(mode="json", exclude_unset=True)
    found = [(entry, field) for entry, field in _places(values) if Path(entry[field]).is_relative_to(cache)]
    if not found:
        return spec
    require_folder(output_dir)
    for entry, field in found:
        inside = Path(entry[field]).relative_to(cache)
        content, name = inside.parts[:2]
        _copied(cache / content / name, own / content / name)
        entry[field] = str(own / inside)
    changed = make_study(values)
    changed._file, changed._lines = spec._file, spec._lines
    return changed


def bound_to_process(spec: StudySpec) -> str | None:
    """Return why other processes cannot build a model of a study; None where they can."""
    families = [(MODELS[one.name], one.options) for one in spec.model if one.name in MODELS]
    reasons = [family.bound_to_process(options) for family, options in families if isinstance(family, BoundFamily)]
    return next((reason for reason in reasons if reason), None)


def portable(values: dict[str, Any], output_dir: Path) -> dict[str, Any]:
    """Return the values of a study with paths into its output directory relative to it, so that it can be moved."""
    own = output_dir.absolute()
    for entry, field in _places(values):
        if Path(entry[field]).is_relative_to(own / GIVEN):
            entry[field] = str(Path(entry[field]).relative_to(own))
    return values


def _places(values: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the mappings and keys of a study at which paths stand."""
    for key in ("source", "target", "model"):
        entries = values[key]
        for entry in entries if isinstance(entries, list) else [entries]:
            yield from ((entry, field) for field in _FIELDS if isinstance(entry.get(field), str))


def _copied(there: Path, here: Path) -> None:
    """Copy a folder whose parent is named by its content, unless it is here; the disk holds files once if it can."""
    if here.exists():
        return
    with folder_written_whole(here) as unfinished:
        for file in there.iterdir():
            try:
                os.link(file, unfinished / file.name)
            except OSError:  # another disk, or one without links
                shutil.copy2(file, unfinished / file.name)
