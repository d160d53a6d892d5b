"""Datasets on disk, decoded once: memory-mapped arrays that all processes share.

    cache_dir/datasets/KEY/   entry.json, {train,test}_{images,labels,hashes}.npy[, train_groups.npy]

An entry is written to a temporary folder and renamed, so a reader sees all of it or nothing, and processes
that build the same entry at once do not disturb each other. A damaged entry is built again.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray
from pydantic import BaseModel

from layercut.data import DATASETS
from layercut.data.base import DatasetInfo, LabelledImages
from layercut.data.content import Content, fingerprint, image_hashes
from layercut.data.pieces import Images, in_pieces
from layercut.data.reading import own_options, parse_options, parse_view, read_dataset
from layercut.data.view import ViewOptions, apply_view
from layercut.errors import DataError
from layercut.files import needing_space
from layercut.keys import canonical_json, content_key

FORMAT_VERSION = 1
"""Raised when the meaning or the layout of an entry changes: older entries are then not looked at."""

_MANIFEST = "entry.json"
_ARRAYS = ("train_images", "train_labels", "train_hashes", "test_images", "test_labels", "test_hashes")
_GROUPS = "train_groups"
"""An array of datasets with groups only."""
_TEMPORARY_PREFIX = ".building-"
_ABANDONED_SECONDS = 24 * 3600
_ATTEMPTS = 5


@dataclass(frozen=True, eq=False)
class LoadedDataset:
    """A dataset as memory-mapped, read-only arrays."""

    train: LabelledImages
    test: LabelledImages
    class_names: tuple[str, ...]
    fingerprint: str
    """SHA-256 of the content of both splits, independent of where it came from."""
    train_hashes: NDArray[np.uint8]
    """UInt8 "n 16": hash of each image's pixels."""
    test_hashes: NDArray[np.uint8]
    folder: Path
    """The cache entry; `open_cached` opens it in another process."""
    num_validation: int = 0
    """So many of the last training images are for validation alone."""
    groups: NDArray[np.int64] | None = None
    """Int64 "n": training images of one number belong together; None where there are no groups."""

    @property
    def content(self) -> Content:
        """Return the splits and class names alone."""
        return Content(self.train, self.test, self.class_names, self.num_validation, self.groups)

    def info(self) -> DatasetInfo:
        """Return class names, image shape and images of each class."""
        return self.content.info()


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
        cached = _open_intact(_entry_folder(cache_dir, task_dataset, checked, view, files_key))
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


def open_cached(folder: Path) -> LoadedDataset:
    """Open a cache entry that `load_dataset` made (its `folder`); quick, for worker processes.

    Raises:
        DataError: the entry is missing or incomplete.
    """
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        names = (*_ARRAYS, *([_GROUPS] if _GROUPS in manifest["arrays"] else []))
        arrays = {name: _open_array(folder, name, manifest["arrays"][name]) for name in names}
        class_names, digest = tuple(manifest["class_names"]), str(manifest["fingerprint"])
        num_validation = int(manifest.get("num_validation", 0))
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise DataError(
            f"{folder}: the cached dataset is missing or damaged ({error}); start the study again to build it"
        ) from error
    train = LabelledImages(arrays["train_images"], arrays["train_labels"])
    test = LabelledImages(arrays["test_images"], arrays["test_labels"])
    hashes = arrays["train_hashes"], arrays["test_hashes"]
    return LoadedDataset(train, test, class_names, digest, *hashes, folder, num_validation, arrays.get(_GROUPS))


def _entry_folder(cache_dir: Path, name: str, options: BaseModel, view: ViewOptions, files_key: str | None) -> Path:
    identity = {
        **({"view": view.identity} if view.identity else {}),
        "dataset": name,
        "options": options.model_dump(mode="json"),
        "files": files_key,
        "format": FORMAT_VERSION,
    }
    return cache_dir / "datasets" / content_key("dataset", identity)


def _open_intact(folder: Path) -> LoadedDataset | None:
    """Open an entry and read all of it; None where it is missing or its content is not what was written."""
    try:
        cached = open_cached(folder)
    except DataError:
        return None
    return cached if fingerprint(cached.content) == cached.fingerprint else None


def _open_array(folder: Path, name: str, expected: Mapping[str, Any]) -> NDArray[Any]:
    array: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    if list(array.shape) != expected["shape"] or str(array.dtype) != expected["dtype"]:
        raise ValueError(f"{name}: expected {expected}, got {list(array.shape)} of {array.dtype}")
    return array


def _store(content: Content, folder: Path) -> LoadedDataset:
    what = f"the dataset does not fit in {folder.parent}; free space, or point LAYERCUT_CACHE at another disk"
    try:
        with needing_space(what):
            folder.parent.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(folder.parent)
            temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir=folder.parent))
            try:
                _write_entry(content, temporary)
                _move_into_place(temporary, folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise DataError(
            f"cannot write the dataset cache {folder.parent}: {error}; point LAYERCUT_CACHE at a folder that "
            f"can be written"
        ) from error
    return open_cached(folder)


def _write_entry(content: Content, folder: Path) -> None:
    for name, part in (("train", content.train), ("test", content.test)):
        hashes = _write_images(folder / f"{name}_images.npy", part.images)
        np.save(folder / f"{name}_labels.npy", part.labels, allow_pickle=False)
        np.save(folder / f"{name}_hashes.npy", hashes, allow_pickle=False)
    if content.groups is not None:
        np.save(folder / f"{_GROUPS}.npy", content.groups, allow_pickle=False)
    written = (*_ARRAYS, *([_GROUPS] if content.groups is not None else []))
    arrays: dict[str, NDArray[Any]] = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in written}
    train, test = (LabelledImages(arrays[f"{name}_images"], arrays[f"{name}_labels"]) for name in ("train", "test"))
    manifest = {
        "arrays": {name: {"shape": list(array.shape), "dtype": str(array.dtype)} for name, array in arrays.items()},
        "class_names": list(content.class_names),
        "fingerprint": fingerprint(content._replace(train=train, test=test)),
        "num_validation": content.num_validation,
    }
    (folder / _MANIFEST).write_text(canonical_json(manifest), encoding="utf-8")


def _write_images(path: Path, images: Images) -> NDArray[np.uint8]:
    """Write images as NumPy would, a piece at a time; return their hashes, UInt8 "n 16".

    Not through a mapped file: on a full disk that would be a signal, not an error.
    """
    hashes = []
    header = {"descr": "|u1", "fortran_order": False, "shape": images.shape}
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for piece in in_pieces(images):
            stream.write(piece.data)
            hashes.append(image_hashes(piece))
    return np.concatenate(hashes)


def _move_into_place(temporary: Path, folder: Path) -> None:
    """Rename an entry to its name; an intact one made meanwhile is kept, a damaged one displaced."""
    for attempt in range(_ATTEMPTS):
        try:
            temporary.rename(folder)
            return
        except OSError:
            if not folder.exists() or attempt == _ATTEMPTS - 1:
                raise
        if _open_intact(folder) is not None:
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
