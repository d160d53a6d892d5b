"""Datasets whose files are known beforehand, through torchvision: its downloads, its layout on disk, its readers.

What torchvision leaves out is here: it takes any unpacked MNIST file of the right name for the data (its
checksums are of the archives only). torchvision is imported only where files are read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from layercut.data.base import DatasetInfo, FileCheck, RawDataset, RawImages
from layercut.data.download import download_files
from layercut.data.raw_files import (
    RawFile,
    check_file,
    files_identity,
    idx_file,
    require_intact,
    require_present,
)
from layercut.errors import DataError
from layercut.spec.base import NoOptions

_LABEL_OF_ZERO = 10
"""SVHN's files give the digit 0 the label 10; here it is class 0."""


@dataclass(frozen=True)
class TorchvisionDataset:
    """A dataset that torchvision can download, with all that is known of its files beforehand."""

    name: str
    summary: str
    torchvision_class: str
    known: DatasetInfo
    files: tuple[RawFile, ...]
    archives: tuple[RawFile, ...]
    """What torchvision downloads and unpacks; used from the data directory where they already lie there."""
    read_split: Callable[[Path, bool], RawImages]
    """(data directory, train or test) -> images; called only after all files were checked."""
    options: type[BaseModel] = NoOptions
    downloads: tuple[Mapping[str, str], ...] = field(default=({},))
    """Further arguments of the class, for each download that together bring all files."""

    def info(self, options: Any) -> DatasetInfo:
        """Return the published class names, image shape and counts."""
        return self.known

    def files_key(self, options: Any, data_dir: Path) -> str | None:
        """Return paths, sizes and times of the raw files; None where one is absent."""
        return files_identity(self.files, data_dir)

    def read(self, options: Any, data_dir: Path, download: bool) -> RawDataset:
        """Check all raw files and read them; missing ones are downloaded first where that is allowed.

        Raises:
            DataError: files are missing, damaged or cannot be downloaded.
            StorageFullError: the disk is full.
        """
        checks = self.verify(data_dir)
        require_intact(self.name, checks)
        if download and any(check.status == "missing" for check in checks):
            self.download(data_dir)
        else:
            require_present(self.name, checks, data_dir)
        return RawDataset(self.read_split(data_dir, True), self.read_split(data_dir, False), self.known.class_names)

    def download(self, data_dir: Path) -> None:
        """Fetch what is missing; files that are there are checked, never replaced.

        Raises:
            DataError: a file is damaged, or cannot be fetched.
            StorageFullError: the disk is full.
        """
        checks = self.verify(data_dir)
        require_intact(self.name, checks)
        if any(check.status == "missing" for check in checks):
            download_files(self.name, self._fetch, self.files, self.archives, data_dir)

    def verify(self, data_dir: Path) -> list[FileCheck]:
        """Check every raw file: presence, size, header, checksum."""
        return [check_file(file, data_dir) for file in self.files]

    def _fetch(self, folder: Path) -> None:
        import torchvision.datasets  # noqa: PLC0415 - imports torch: only where data are downloaded

        for arguments in self.downloads:
            getattr(torchvision.datasets, self.torchvision_class)(root=folder, download=True, **arguments)


def mnist_like(
    name: str,
    summary: str,
    torchvision_class: str,
    known: DatasetInfo,
    *,
    archive_md5: Mapping[str, str],
    sha256: Mapping[str, str],
) -> TorchvisionDataset:
    """Return a dataset of four IDX files in `<class>/raw/`; their sizes and headers follow from the counts.

    Args:
        archive_md5: MD5 of each `.gz` file by the name of the file inside, as torchvision has it.
        sha256: SHA-256 of the unpacked files by name, where known.
    """
    raw = f"{torchvision_class}/raw"
    files = []
    for prefix, counts in (("train", known.train_counts), ("t10k", known.test_counts)):
        for suffix, shape in (("images-idx3-ubyte", known.image_shape[1:]), ("labels-idx1-ubyte", ())):
            file_name = f"{prefix}-{suffix}"
            files.append(idx_file(f"{raw}/{file_name}", (sum(counts), *shape), sha256.get(file_name)))
    archives = tuple(RawFile(f"{raw}/{file_name}.gz", md5=md5) for file_name, md5 in archive_md5.items())
    return TorchvisionDataset(name, summary, torchvision_class, known, tuple(files), archives, partial(_read_idx, raw))


def _read_idx(raw: str, data_dir: Path, train: bool) -> RawImages:
    # The class itself would prefer a `processed/` folder of old torchvision versions to the checked files.
    from torchvision.datasets.mnist import read_image_file, read_label_file  # noqa: PLC0415 - imports torch

    prefix = data_dir / raw / ("train" if train else "t10k")
    images = read_image_file(f"{prefix}-images-idx3-ubyte").numpy()
    labels = read_label_file(f"{prefix}-labels-idx1-ubyte").numpy()
    return RawImages(images[:, None], labels)


def read_cifar(torchvision_class: str, data_dir: Path, train: bool) -> RawImages:
    """Read one split of CIFAR through torchvision, which unpickles its files: their checksums were compared."""
    import torchvision.datasets  # noqa: PLC0415 - imports torch: only where data are read

    with warnings.catch_warnings():
        # The files were pickled by NumPy 1.x with an integer where NumPy 2.4 wants a boolean.
        warnings.simplefilter("ignore", np.exceptions.VisibleDeprecationWarning)
        cifar = getattr(torchvision.datasets, torchvision_class)(root=data_dir, train=train)
    images = np.ascontiguousarray(cifar.data.transpose(0, 3, 1, 2))
    return RawImages(images, np.asarray(cifar.targets, dtype=np.int64))


def read_svhn(data_dir: Path, train: bool) -> RawImages:
    """Read one of the two files of SVHN.

    Raises:
        DataError: it is no MATLAB file of images and labels.
    """
    from scipy.io import loadmat  # noqa: PLC0415 - only where data are read

    path = data_dir / f"{'train' if train else 'test'}_32x32.mat"
    try:
        values: dict[str, Any] = loadmat(path, variable_names=("X", "y"))
        images, labels = values["X"], values["y"]
    except Exception as error:  # scipy raises whatever a broken file makes of it
        raise DataError(
            f"{path}: expected a MATLAB 5 file with X and y, cannot read it ({error}); replace it"
        ) from error
    if images.ndim != 4 or images.dtype != np.uint8:
        raise DataError(f"{path}: expected X as bytes in 4 dimensions; got {images.dtype} in {images.ndim}; replace it")
    digits = labels.astype(np.int64).ravel()
    digits[digits == _LABEL_OF_ZERO] = 0
    return RawImages(np.transpose(images, (3, 2, 0, 1)), digits)
