"""Datasets on disk, decoded once: an entry for each, `cache_dir/datasets/KEY`, that all processes share.

An entry is written to a temporary folder and renamed, so a reader sees all of it or nothing, and processes
that build the same entry at once do not disturb each other. A damaged entry is built again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import BaseModel

from layercut.data import DATASETS
from layercut.data.cache_entry import LoadedDataset, open_cached, open_intact, write_entry
from layercut.data.content import Content
from layercut.data.reading import own_options, parse_options, parse_view, read_dataset
from layercut.data.view import ViewOptions, apply_view
from layercut.errors import DataError
from layercut.files import needing_space
from layercut.keys import content_key

FORMAT_VERSION = 1
"""Raised when the meaning or the layout of an entry changes: older entries are then not looked at."""

_TEMPORARY_PREFIX = ".building-"
_ABANDONED_SECONDS = 24 * 3600
_ATTEMPTS = 5


def default_data_dir() -> Path:
    """Return where raw files are: `LAYERCUT_DATA`, else `data` in the user's cache folder."""
    return Path(os.environ.get("LAYERCUT_DATA") or platformdirs.user_cache_path("layercut") / "data").expanduser()


def default_cache_dir() -> Path:
    """Return where decoded datasets are: `LAYERCUT_CACHE`, else the user's cache folder."""
    return Path(os.environ.get("LAYERCUT_CACHE") or platformdirs.user_cache_path("layercut")).expanduser()


def load_dataset(
    task_dataset: str,
    options: Mapping[str, Any],
    data_dir: Path,
    cache_dir: Path,
    download: bool,
) -> LoadedDataset:
    """Return a dataset from the cache, reading its raw files first where it is not there or damaged.

    A dataset that is seen otherwise (`view.py`) is an entry of its own, made from the entry of the dataset as it is.
    The cache is keyed by name, options and identity of the raw files (paths, sizes, times); its content is
    checked against its fingerprint. Where the raw files are absent they are downloaded if `download` allows.

    Raises:
        UnknownNameError: no such dataset.
        SpecError: an option is unknown, missing or has an impossible value.
        DataError: raw files are missing, damaged, or cannot be downloaded; or the cache cannot be written.
        StorageFullError: the disk is full.
    """
    checked, view = parse_options(task_dataset, options), parse_view(task_dataset, options)
    files_key = DATASETS[task_dataset].files_key(checked, data_dir)
    if files_key is not None:
        cached = open_intact(_entry_folder(cache_dir, task_dataset, checked, view, files_key))
        if cached is not None:
            return cached
    if view.identity:
        own = load_dataset(task_dataset, own_options(task_dataset, options), data_dir, cache_dir, download)
        content = apply_view(own.content, view)
    else:
        content = read_dataset(task_dataset, checked, data_dir, download)
    if files_key is None:
        files_key = DATASETS[task_dataset].files_key(checked, data_dir)
    return _store(content, _entry_folder(cache_dir, task_dataset, checked, view, files_key))


def is_here(task_dataset: str, options: Mapping[str, Any], data_dir: Path) -> bool:
    """Return whether the raw files of a dataset are on this machine.

    Raises:
        UnknownNameError: no such dataset.
        SpecError: an option is unknown, missing or has an impossible value.
    """
    return DATASETS[task_dataset].files_key(parse_options(task_dataset, options), data_dir) is not None


def _entry_folder(cache_dir: Path, name: str, options: BaseModel, view: ViewOptions, files_key: str | None) -> Path:
    identity = {
        **({"view": view.identity} if view.identity else {}),
        "dataset": name,
        "options": options.model_dump(mode="json"),
        "files": files_key,
        "format": FORMAT_VERSION,
    }
    return cache_dir / "datasets" / content_key("dataset", identity)


def _store(content: Content, folder: Path) -> LoadedDataset:
    what = f"the dataset does not fit in {folder.parent}; free space, or point LAYERCUT_CACHE at another disk"
    try:
        with needing_space(what):
            folder.parent.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(folder.parent)
            temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir=folder.parent))
            try:
                write_entry(content, temporary)
                _move_into_place(temporary, folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise DataError(
            f"cannot write the dataset cache {folder.parent}: {error}; point LAYERCUT_CACHE at a folder that "
            f"can be written"
        ) from error
    return open_cached(folder)


def _move_into_place(temporary: Path, folder: Path) -> None:
    """Rename an entry to its name; an intact one made meanwhile is kept, a damaged one displaced."""
    for attempt in range(_ATTEMPTS):
        try:
            temporary.rename(folder)
            return
        except OSError:
            if not folder.exists() or attempt == _ATTEMPTS - 1:
                raise
        if open_intact(folder) is not None:
            return
        damaged = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir=folder.parent))
        folder.replace(damaged / "damaged")
        shutil.rmtree(damaged, ignore_errors=True)


def _remove_abandoned(parent: Path) -> None:
    """Remove what processes that were killed while building left behind, after a day."""
    for path in parent.glob(f"{_TEMPORARY_PREFIX}*"):
        try:
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
        except FileNotFoundError:
            continue
