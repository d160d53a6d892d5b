"""A folder of images: `root/{train,test}/class/*`, or `root/class/*`, with a share of it kept for tests."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from layercut.data.base import DatasetFormat, RawDataset, RawImages
from layercut.data.decode import decode_images
from layercut.data.holdout import HoldoutOptions
from layercut.errors import DataError, few
from layercut.spec.shape import BACKGROUND, Background, ImageSize, ShapeOptions

_MOST = 5
"""Files, folders and classes that a message tells by name."""


class FolderOptions(HoldoutOptions, ShapeOptions):
    """Options of `dataset: folder`."""

    path: Path = Field(description="Folder with `train/` and `test/`, or with one folder a class.")
    image_size: ImageSize = Field(
        default=None,
        description="Height and width in pixels, or one number for both; absent: all have one size already.",
    )
    channels: Literal[1, 3] = Field(default=3, description="3: colour, 1: grey; images are converted.")
    background: Background = BACKGROUND


class Split(NamedTuple):
    """The image files of one split, a tuple a class, in the order of `class_names`; sorted by name."""

    class_names: tuple[str, ...]
    files: tuple[tuple[Path, ...], ...]


class Layout(NamedTuple):
    """What was found in a folder; `test` is None where it has no test split of its own."""

    train: Split
    test: Split | None


class ImageFolder:
    """Images in one folder a class; the folders' sorted names are the class names.

    Names that begin with a dot are ignored, and so is what lies beside `train/` and `test/`; anything else
    that is not a class folder, or not an image in it, is an error. Links are followed, wherever they lead.
    """

    summary = "your own images: root/{train,test}/class/*, or root/class/*"
    options = FolderOptions

    def info(self, options: FolderOptions) -> None:
        """Return None: only the folder tells."""

    def files_key(self, options: FolderOptions, data_dir: Path) -> str | None:
        """Return a hash of all paths, sizes and times; None where the folder is absent.

        Raises:
            DataError: the folder is there, but not in one of the two layouts.
        """
        root = options.path.expanduser()
        if not root.is_dir():
            return None
        digest = hashlib.sha256()
        layout = find_images(options)
        for split in (layout.train, layout.test):
            for path in [path for files in split.files for path in files] if split else []:
                status = _stat(path)
                digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()

    def read(self, options: FolderOptions, data_dir: Path, download: bool) -> RawDataset:
        """Find all images; they are decoded when they are taken.

        Raises:
            DataError: the folder is missing or in another layout; an image is unreadable or has another size.
        """
        layout = find_images(options)
        if layout.test is not None and "test_split" in options.model_fields_set:
            raise DataError(f"{options.path} has a test folder of its own: remove `test_split`, or the folder")
        test_files = layout.test.files if layout.test else ()
        everything = [path for files in (*layout.train.files, *test_files) for path in files]
        images = decode_images(everything, options, options.channels, options.background)
        num_train = sum(len(files) for files in layout.train.files)
        train = RawImages(images.select(slice(num_train)), _labels(layout.train))
        test = RawImages(images.select(slice(num_train, None)), _labels(layout.test)) if layout.test else None
        return RawDataset(train, test, layout.train.class_names)


def find_images(options: FolderOptions) -> Layout:
    """List the image files of a folder.

    Raises:
        DataError: the folder is missing, empty, or neither of the two layouts.
    """
    root = options.path.expanduser()
    if not root.is_dir():
        raise DataError(
            f"{root}: expected a folder of images, got {'a file' if root.exists() else 'nothing'}; correct "
            f"`path` (relative to the study file)"
        )
    has = {name: (root / name).is_dir() for name in ("train", "test")}
    if not any(has.values()):
        return Layout(_list_split(root), None)
    if not all(has.values()):
        here, absent = sorted(has, key=has.__getitem__, reverse=True)
        raise DataError(
            f"{root} has {here}/ but no {absent}/: expected both, or one folder a class and neither; name "
            f"the folder that holds the {absent} images {absent}/"
        )
    train, test = _list_split(root / "train"), _list_split(root / "test")
    if train.class_names != test.class_names:
        raise DataError(f"{root}: train/ and test/ must hold the same classes; {_only(train, test)}")
    return Layout(train, test)


def _only(train: Split, test: Split) -> str:
    """Return which classes only one of the splits has."""
    names = {"train": set(train.class_names), "test": set(test.class_names)}
    alone = {"train": names["train"] - names["test"], "test": names["test"] - names["train"]}
    return " and ".join(f"only {split}/ has {few(sorted(own), _MOST)}" for split, own in alone.items() if own)


def _list_split(folder: Path) -> Split:
    entries = _visible(folder)
    strays = [entry.name for entry in entries if not entry.is_dir()]
    if strays:
        raise DataError(f"{folder}: expected one folder a class and no files; got {few(strays, _MOST)}: move them away")
    if not entries:
        raise DataError(f"{folder}: expected one folder a class, got an empty folder")
    return Split(tuple(entry.name for entry in entries), tuple(_list_class(Path(entry.path)) for entry in entries))


def _list_class(folder: Path) -> tuple[Path, ...]:
    entries = _visible(folder)
    folders = [entry.name for entry in entries if entry.is_dir()]
    if folders:
        raise DataError(
            f"{folder}: expected the images of one class, got folders: {few(folders, _MOST)}; move the images up, "
            f"or set `path` to the folder whose folders are the classes"
        )
    if not entries:
        raise DataError(f"{folder}: this class has no images; add some or remove the folder")
    return tuple(folder / entry.name for entry in entries)


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    """Return what a folder holds, sorted by name; whether an entry is a folder comes with the listing, mostly."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if not entry.name.startswith(".")), key=_name)
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror or error}") from error


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}; remove it or repair the link") from error


def _labels(split: Split) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.repeat(np.arange(len(split.files), dtype=np.int64), [len(files) for files in split.files])


FOLDER: DatasetFormat = ImageFolder()
