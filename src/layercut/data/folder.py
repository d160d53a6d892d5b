"""A folder of images: `root/{train,test}/class/*`, or `root/class/*`, or a table of files, labels and splits.

Where there are no test images, a share of each class is kept for tests; what belongs together stays together.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from layercut.data.base import DatasetFormat, RawDataset, RawImages
from layercut.data.decode import decode_images
from layercut.data.folder_layout import FolderLayout, Found, read_layout
from layercut.data.folder_table import find_table, is_table, read_table
from layercut.data.groups import group_numbers
from layercut.data.holdout import HoldoutOptions, share_of_classes, share_of_groups
from layercut.errors import DataError
from layercut.spec.shape import BACKGROUND, Background, ImageSize, ShapeOptions


class FolderOptions(HoldoutOptions, ShapeOptions):
    """Options of `dataset: folder`."""

    path: Path = Field(
        description="Folder with `train/` and `test/` (or `val/`), with one folder per class, or with a metadata.csv; "
        "or such a table."
    )
    image_size: ImageSize = Field(
        default=None,
        description="Height and width in pixels, or one number for both; absent: all have the same size already.",
    )
    channels: Literal[1, 3] = Field(default=3, description="3: colour, 1: grey; images are converted.")
    background: Background = BACKGROUND
    group: str | None = Field(
        default=None,
        description="What belongs together, such as the photographs of one patient, and is never on both sides of a "
        "division into training, validation and test images, or into folds: `folder` (CLASS/GROUP/*), or a column of "
        "metadata.csv; absent: its column `group`, if it has one.",
    )


class ImageFolder:
    """Images in one folder per class; the folders' sorted names are the class names.

    Hidden files and folders are skipped, and so is what lies beside `train/` and `test/`; anything else that is not a
    class folder, or not an image in it, is an error. Links are followed, wherever they lead.
    """

    summary = "your own images: root/{train,test}/class/*, root/class/*, or root/metadata.csv"
    options = FolderOptions

    def info(self, options: FolderOptions) -> None:
        """Return None: only the folder tells."""

    def files_key(self, options: FolderOptions, data_dir: Path) -> str | None:
        """Return a hash of all paths, sizes and times; None where the folder is absent.

        Raises:
            DataError: the folder is there, but not in one of the layouts.
        """
        if not options.path.expanduser().exists():
            return None
        digest = hashlib.sha256()
        layout = layout_of(options)
        images = (*layout.train, *(layout.test or ()), *layout.validation)
        for path in (*(image.path for image in images), *layout.tables):
            status = _stat(path)
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape"))
        if _groups(layout):
            digest.update(b"groups of training images")
        return digest.hexdigest()

    def read(self, options: FolderOptions, data_dir: Path, download: bool) -> RawDataset:
        """Find all images; they are decoded when they are taken.

        Raises:
            DataError: the folder is missing or in another layout; an image is unreadable or has another size.
        """
        layout = layout_of(options)
        if layout.test is not None and "test_split" in options.model_fields_set:
            raise DataError(f"{options.path} already has test images: remove `test_split` or the test images")
        if _groups(layout):
            layout = _with_test_images(layout, options)
        names, first = layout.class_names, (*layout.train, *layout.validation)
        everything = [image.path for image in (*first, *(layout.test or ()))]
        images, num_train = decode_images(everything, options, options.channels, options.background), len(first)
        groups = group_numbers([image.group for image in first if image.group is not None]) if _groups(layout) else None
        train = RawImages(images.select(slice(num_train)), labels_of(first, names), len(layout.validation), groups)
        test = RawImages(images.select(slice(num_train, None)), labels_of(layout.test, names)) if layout.test else None
        return RawDataset(train, test, names)

    def image_files(self, options: FolderOptions, data_dir: Path) -> tuple[list[Path], list[Path]]:
        """Return the files of its training and test images, in their order.

        Raises:
            DataError: the folder is missing, or in another layout.
        """
        layout = _with_test_images(layout_of(options), options)
        train = [image.path for image in (*layout.train, *layout.validation)]
        return train, [image.path for image in layout.test or ()]

    def notes(self, options: FolderOptions, data_dir: Path) -> tuple[str, ...]:
        """Return how the folder is understood, where a user might think otherwise.

        Raises:
            DataError: the folder is missing, or in another layout.
        """
        layout = layout_of(options)
        groups = len(set(_groups(layout)))
        told = f"{options.path.name}: {groups:,} groups stay whole between training, validation and test images"
        return (*layout.notes, *([told] if groups else []))


def layout_of(options: FolderOptions) -> FolderLayout:
    """Return which images a folder holds, or the table in it says; none is opened.

    Raises:
        DataError: there is neither, or it is in another layout.
    """
    path = options.path.expanduser()
    table = path if is_table(path) and path.is_file() else find_table(path)
    if table is not None:
        return read_table(table, options.group)
    if not path.is_dir():
        raise DataError(
            f"{path}: expected a folder of images, got {'a file' if path.exists() else 'nothing'}; correct "
            f"`path` (relative to the study file)"
        )
    return read_layout(path, options.group)


def _groups(layout: FolderLayout) -> list[str]:
    """Return the group of each training image; nothing where there are no groups."""
    return [image.group for image in layout.train if image.group is not None]


def _with_test_images(layout: FolderLayout, options: FolderOptions) -> FolderLayout:
    """Return a layout that has test images: its own, or a share of each class.

    Raises:
        DataError: a class is too small for one, or its groups are too few.
    """
    if layout.test is not None:
        return layout
    names, labels = layout.class_names, labels_of(layout.train, layout.class_names)
    groups = _groups(layout)
    if groups:
        held_out = share_of_groups(labels, groups, names, options.test_split)
    else:
        held_out = share_of_classes(labels, names, options.test_split)
    pairs = list(zip(layout.train, held_out, strict=True))
    train, test = (tuple(image for image, is_test in pairs if is_test == part) for part in (False, True))
    return layout._replace(train=train, test=test)


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}; remove it or repair the link") from error


def labels_of(images: Sequence[Found], class_names: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the number of each image's class: Int64 "n"."""
    index = {name: label for label, name in enumerate(class_names)}
    return np.array([index[image.class_name] for image in images], dtype=np.int64)


FOLDER: DatasetFormat = ImageFolder()
