"""Images and labels given as arrays, kept in a folder that resumed runs and workers read.

FOLDER/{train,test}_{images,labels}.npy, about.json    written by `keep_arrays`
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layercut.data.base import DatasetFormat, LabelledImages, RawDataset, RawImages
from layercut.data.holdout import HoldoutOptions
from layercut.errors import DataError, one_line
from layercut.files import folder_written_whole, needing_space
from layercut.keys import canonical_json

_ABOUT = "about.json"


class ArraysOptions(HoldoutOptions):
    """Options of `dataset: arrays`."""

    path: Path = Field(description="The folder in which `layercut.study(target=...)` has kept the arrays.")


class GivenArrays(NamedTuple):
    """Images and labels as arrays, checked: labels count the classes."""

    train: LabelledImages
    test: LabelledImages | None
    class_names: tuple[str, ...]
    num_validation: int = 0
    """So many of the last training images are for validation alone."""


class Arrays:
    """Arrays that were given from Python."""

    summary = "images and labels given from Python, as layercut.study(target=...) keeps them"
    options = ArraysOptions

    def info(self, options: ArraysOptions) -> None:
        """Return None: only the arrays tell."""

    def files_key(self, options: ArraysOptions, data_dir: Path) -> str | None:
        """Return a hash of names, sizes and times; None where the folder is absent."""
        folder = options.path.expanduser()
        if not (folder / _ABOUT).is_file():
            return None
        found = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
        told = [[name, status.st_size, status.st_mtime_ns] for name, status in found]
        return hashlib.sha256(canonical_json(told).encode()).hexdigest()

    def read(self, options: ArraysOptions, data_dir: Path, download: bool) -> RawDataset:
        """Open the arrays.

        Raises:
            DataError: a file is missing or damaged.
        """
        folder = options.path.expanduser()
        try:
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
            names, num_validation = tuple(map(str, about["class_names"])), int(about["num_validation"])
            train = _opened(folder, "train")
            test = _opened(folder, "test") if about["has_test"] else None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{folder}: expected arrays as `layercut.study(target=...)` keeps them: {one_line(error, 200)}; give "
                "the images to `layercut.study` again"
            ) from error
        if test is not None and "test_split" in options.model_fields_set:
            raise DataError("the arrays have test images of their own: remove `test_split` or the test images")
        return RawDataset(RawImages(*train, num_validation), test, names)


def keep_arrays(given: GivenArrays, parent: Path, name: str) -> Path:
    """Write arrays into a folder `name` below one of `parent` that is named by their content; return it.

    Raises:
        StorageFullError: the disk is full.
    """
    parts = {"train": given.train, **({"test": given.test} if given.test is not None else {})}
    arrays = {f"{part}_{field}": array for part, pair in parts.items() for field, array in pair._asdict().items()}
    about = {
        "class_names": list(given.class_names),
        "num_validation": given.num_validation,
        "has_test": given.test is not None,
    }
    folder = parent / _content(arrays, about)[:32] / name
    if not (folder / _ABOUT).is_file():
        with needing_space(f"cannot write {folder}"), folder_written_whole(folder) as unfinished:
            for field, array in arrays.items():
                np.save(unfinished / f"{field}.npy", array, allow_pickle=False)
            (unfinished / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
    return folder


def _content(arrays: dict[str, NDArray[Any]], about: dict[str, Any]) -> str:
    digest = hashlib.sha256(canonical_json(about).encode())
    for field, array in arrays.items():
        digest.update(f"{field} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _opened(folder: Path, part: str) -> LabelledImages:
    images, labels = (
        np.load(folder / f"{part}_{field}.npy", mmap_mode="r", allow_pickle=False) for field in ("images", "labels")
    )
    return LabelledImages(images, np.asarray(labels))


ARRAYS: DatasetFormat = Arrays()
