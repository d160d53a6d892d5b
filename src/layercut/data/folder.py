"""A folder of images: `root/{train,test}/class/*`, or `root/class/*`, with a share of it kept for tests."""

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
from layercut.data.folder_layout import Found, read_layout
from layercut.data.holdout import HoldoutOptions
from layercut.errors import DataError
from layercut.spec.shape import BACKGROUND, Background, ImageSize, ShapeOptions


class FolderOptions(HoldoutOptions, ShapeOptions):
    """Options of `dataset: folder`."""

    path: Path = Field(description="Folder with `train/` and `test/` (or `val/`), or with one folder a class.")
    image_size: ImageSize = Field(
        default=None,
        description="Height and width in pixels, or one number for both; absent: all have one size already.",
    )
    channels: Literal[1, 3] = Field(default=3, description="3: colour, 1: grey; images are converted.")
    background: Background = BACKGROUND


class ImageFolder:
    """Images in one folder a class; the folders' sorted names are the class names.

    Hidden files and folders are skipped, and so is what lies beside `train/` and `test/`; anything else that is not a
    class folder, or not an image in it, is an error. Links are followed, wherever they lead.
    """

    summary = "your own images: root/{train,test}/class/*, or root/class/*"
    options = FolderOptions

    def info(self, options: FolderOptions) -> None:
        """Return None: only the folder tells."""

    def files_key(self, options: FolderOptions, data_dir: Path) -> str | None:
        """Return a hash of all paths, sizes and times; None where the folder is absent.

        Raises:
            DataError: the folder is there, but not in one of the layouts.
        """
        root = options.path.expanduser()
        if not root.is_dir():
            return None
        digest = hashlib.sha256()
        layout = read_layout(root)
        for image in (*layout.train, *(layout.test or ())):
            status = _stat(image.path)
            digest.update(f"{image.path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()

    def read(self, options: FolderOptions, data_dir: Path, download: bool) -> RawDataset:
        """Find all images; they are decoded when they are taken.

        Raises:
            DataError: the folder is missing or in another layout; an image is unreadable or has another size.
        """
        layout = read_layout(options.path.expanduser())
        if layout.test is not None and "test_split" in options.model_fields_set:
            raise DataError(f"{options.path} has a test folder of its own: remove `test_split`, or the folder")
        everything = [image.path for image in (*layout.train, *(layout.test or ()))]
        images = decode_images(everything, options, options.channels, options.background)
        num_train, names = len(layout.train), layout.class_names
        train = RawImages(images.select(slice(num_train)), _labels(layout.train, names))
        test = RawImages(images.select(slice(num_train, None)), _labels(layout.test, names)) if layout.test else None
        return RawDataset(train, test, names)

    def notes(self, options: FolderOptions, data_dir: Path) -> tuple[str, ...]:
        """Return how the folder is understood, where a user might think otherwise.

        Raises:
            DataError: the folder is missing, or in another layout.
        """
        return read_layout(options.path.expanduser()).notes


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}; remove it or repair the link") from error


def _labels(images: Sequence[Found], class_names: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    index = {name: label for label, name in enumerate(class_names)}
    return np.array([index[image.class_name] for image in images], dtype=np.int64)


FOLDER: DatasetFormat = ImageFolder()
