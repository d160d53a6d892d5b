"""An entry of the dataset cache: memory-mapped arrays of one decoded dataset.

entry.json, {train,test}_{images,labels,hashes}.npy[, train_groups.npy]
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layercut.data.base import DatasetInfo, LabelledImages
from layercut.data.content import Content, fingerprint, image_hashes
from layercut.data.pieces import Images, in_pieces
from layercut.errors import DataError
from layercut.keys import canonical_json

_MANIFEST = "entry.json"
_ARRAYS = ("train_images", "train_labels", "train_hashes", "test_images", "test_labels", "test_hashes")
_GROUPS = "train_groups"
"""An array of datasets with groups only."""


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


def open_intact(folder: Path) -> LoadedDataset | None:
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


def write_entry(content: Content, folder: Path) -> None:
    """Write the content of a dataset into an empty folder, and what tells whether it is intact."""
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
