"""MNIST and what has its format, through torchvision: its downloads, its layout on disk, its readers.

What torchvision leaves out is here: it takes any unpacked MNIST file of the right name for the data (its
checksums are of the archives only). torchvision is imported only where files are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from layercut.data.base import DatasetFormat, DatasetInfo, FileCheck, RawDataset, RawImages
from layercut.data.download import download_files
from layercut.data.raw_files import (
    RawFile,
    check_file,
    files_identity,
    idx_file,
    require_intact,
    require_present,
)
from layercut.spec.base import StrictSpec


class NoOptions(StrictSpec):
    """A dataset without options."""


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


MNIST: DatasetFormat = mnist_like(
    "mnist",
    "handwritten digits: 60,000 + 10,000 grey images of 28x28, 10 classes; 12 MB download",
    "MNIST",
    DatasetInfo(
        class_names=tuple(str(digit) for digit in range(10)),
        image_shape=(1, 28, 28),
        train_counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        test_counts=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    ),
    archive_md5={
        "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
    },
    sha256={
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
)

FASHION_MNIST: DatasetFormat = mnist_like(
    "fashion_mnist",
    "Zalando's articles: 60,000 + 10,000 grey images of 28x28, 10 classes; 31 MB download",
    "FashionMNIST",
    DatasetInfo(
        class_names=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
            "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
        image_shape=(1, 28, 28),
        train_counts=(6000,) * 10,
        test_counts=(1000,) * 10,
    ),
    archive_md5={
        "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
    },
    sha256={},
)  # fmt: skip

KMNIST: DatasetFormat = mnist_like(
    "kmnist",
    "Kuzushiji: cursive Japanese characters, 60,000 + 10,000 grey images of 28x28, 10 classes; 21 MB download",
    "KMNIST",
    DatasetInfo(
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        image_shape=(1, 28, 28),
        train_counts=(6000,) * 10,
        test_counts=(1000,) * 10,
    ),
    archive_md5={
        "train-images-idx3-ubyte": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels-idx1-ubyte": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images-idx3-ubyte": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels-idx1-ubyte": "7320c461ea6c1c855c0b718fb2a4b134",
    },
    sha256={},
)
