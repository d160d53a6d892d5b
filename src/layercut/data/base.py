"""What every dataset becomes: labelled images in memory-mapped arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from layercut.data.groups import GroupCounts
from layercut.data.pieces import Images


class LabelledImages(NamedTuple):
    """Images and their classes.

    images: UInt8 "n channels height width"; labels: Int64 "n", each in 0..num_classes-1.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


class RawImages(NamedTuple):
    """Images and their classes as a loader gives them: `images` may be made only when they are taken."""

    images: Images
    labels: NDArray[np.int64]
    num_validation: int = 0
    """So many of the last ones are for validation alone."""
    groups: NDArray[np.int64] | None = None
    """Int64 "n": images of one number belong together; with test images of the dataset's own only."""


class RawDataset(NamedTuple):
    """What a dataset's loader returns: its own splits and the names of its classes.

    `test` is None where the dataset has no test split of its own (see `holdout.py`).
    """

    train: LabelledImages | RawImages
    test: LabelledImages | RawImages | None
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a dataset, or of a task made of its classes, without its images."""

    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    """channels, height, width"""
    train_counts: tuple[int, ...]
    """Training images of each class, without those for validation alone; where the data were not read, duplicates are
    still among them."""
    test_counts: tuple[int, ...]
    num_validation: int = 0
    """Images of its own for validation, which are not among the training images."""
    groups: GroupCounts | None = None
    """Of the training images; None where each stands for itself."""
    label: str = ""
    """The name of the task in results; empty for a dataset."""

    @property
    def num_classes(self) -> int:
        """Return the number of classes."""
        return len(self.class_names)


class DatasetFormat(Protocol):
    """Where a dataset comes from and how it is read; one instance a dataset, listed in `data/__init__.py`."""

    @property
    def summary(self) -> str:
        """Return one line for `layercut list datasets`."""
        ...

    @property
    def options(self) -> type[BaseModel]:
        """Return the model of the keys that may stand beside `dataset` and `classes` in a study file."""
        ...

    def info(self, options: Any) -> DatasetInfo | None:
        """Return what is known without the data; None where only the data tell."""
        ...

    def files_key(self, options: Any, data_dir: Path) -> str | None:
        """Return a cheap identity of the raw files (paths, sizes, times); None where they are absent.

        Raises:
            DataError: files are there, but not in the layout of the dataset.
        """
        ...

    def read(self, options: Any, data_dir: Path, download: bool) -> RawDataset:
        """Read the raw files, downloading and checking them first where `download` allows.

        Raises:
            DataError: files are missing, damaged or cannot be downloaded.
        """
        ...


@runtime_checkable
class NotedDataset(Protocol):
    """A dataset that says how it understands what it finds."""

    def notes(self, options: Any, data_dir: Path) -> tuple[str, ...]:
        """Return what a user should know before a study of it, a sentence each.

        Raises:
            DataError: files are missing, or not in the layout of the dataset.
        """
        ...


@runtime_checkable
class FiledDataset(Protocol):
    """A dataset whose images are files."""

    def image_files(self, options: Any, data_dir: Path) -> tuple[list[Path], list[Path]]:
        """Return the files of its training and test images, in their order.

        Raises:
            DataError: files are missing, or not in the layout of the dataset.
        """
        ...


class FileCheck(NamedTuple):
    """What was found where a raw file should be."""

    path: Path
    status: Literal["ok", "missing", "damaged"]
    problem: str
    """What was expected and what came; empty where the file is as it should be."""


@runtime_checkable
class DownloadableDataset(Protocol):
    """A dataset whose raw files lie in the data directory and can be fetched, as `layercut data` does."""

    def download(self, data_dir: Path) -> None:
        """Fetch what is missing; files that are there are checked, never replaced.

        Raises:
            DataError: a file is damaged, or cannot be fetched.
            StorageFullError: the disk is full.
        """
        ...

    def verify(self, data_dir: Path) -> list[FileCheck]:
        """Check every raw file: presence, size, checksum."""
        ...
