"""Oxford-IIIT Pets: photographs of 37 breeds in many sizes, listed by two annotation files.

    oxford-iiit-pet/   annotations/{trainval,test}.txt, images/BREED_NUMBER.jpg

Reference:
    O. M. Parkhi et al.: Cats and Dogs (CVPR 2012), table 1: training and validation images together are the training
    split here. The published checksums are of the two archives; of the unpacked files, what the lists name is checked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layercut.data.base import DatasetFormat, DatasetInfo, FileCheck, RawDataset, RawImages
from layercut.data.decode import decode_images
from layercut.data.download import download_tree
from layercut.data.raw_files import RawFile, files_identity, require_intact, require_present
from layercut.errors import DataError
from layercut.spec.shape import ImageSize, ShapeOptions

ROOT = "oxford-iiit-pet"
ARCHIVES = (
    RawFile(f"{ROOT}/images.tar.gz", md5="5c4f3ee8e5d25df40f4fd59a7f44e54c"),
    RawFile(f"{ROOT}/annotations.tar.gz", md5="95a8c909bbe2e81eed6a22bccdf3f68f"),
)
_SPLITS = {"train": "trainval", "test": "test"}
_COUNTS = {
    "Abyssinian": (100, 98), "American Bulldog": (100, 100), "American Pit Bull Terrier": (100, 100),
    "Basset Hound": (100, 100), "Beagle": (100, 100), "Bengal": (100, 100), "Birman": (100, 100),
    "Bombay": (96, 88), "Boxer": (100, 99), "British Shorthair": (100, 100), "Chihuahua": (100, 100),
    "Egyptian Mau": (93, 97), "English Cocker Spaniel": (96, 100), "English Setter": (100, 100),
    "German Shorthaired": (100, 100), "Great Pyrenees": (100, 100), "Havanese": (100, 100),
    "Japanese Chin": (100, 100), "Keeshond": (100, 99), "Leonberger": (100, 100), "Maine Coon": (100, 100),
    "Miniature Pinscher": (100, 100), "Newfoundland": (96, 100), "Persian": (100, 100), "Pomeranian": (100, 100),
    "Pug": (100, 100), "Ragdoll": (100, 100), "Russian Blue": (100, 100), "Saint Bernard": (100, 100),
    "Samoyed": (100, 100), "Scottish Terrier": (100, 99), "Shiba Inu": (100, 100), "Siamese": (99, 100),
    "Sphynx": (100, 100), "Staffordshire Bull Terrier": (100, 89), "Wheaten Terrier": (100, 100),
    "Yorkshire Terrier": (100, 100),
}  # fmt: skip


class PetsOptions(ShapeOptions):
    """Options of `dataset: pets`."""

    image_size: ImageSize = Field(
        default=(224, 224), description="Height and width in pixels, or one number for both; photographs have many."
    )
    channels: Literal[1, 3] = Field(default=3, description="3: colour, 1: grey (ITU-R 601 luma).")


class _Listed(NamedTuple):
    """The images of one split: paths relative to the data directory, and Int64 "n" labels."""

    files: tuple[RawFile, ...]
    labels: NDArray[np.int64]


class Pets:
    """Photographs of 37 breeds of cats and dogs."""

    summary = "Oxford-IIIT Pets: 3,680 + 3,669 colour photographs, 37 breeds, resized; 811 MB download"
    options = PetsOptions

    def info(self, options: PetsOptions) -> DatasetInfo:
        """Return the published counts, and the shape that the options give."""
        height, width = options.image_size or (0, 0)
        train, test = zip(*_COUNTS.values(), strict=True)
        return DatasetInfo(tuple(_COUNTS), (options.channels, height, width), train, test)

    def files_key(self, options: PetsOptions, data_dir: Path) -> str | None:
        """Return paths, sizes and times of lists and images; None where one is absent."""
        if not all((data_dir / _list_path(split)).is_file() for split in _SPLITS):
            return None
        lists = [RawFile(_list_path(split)) for split in _SPLITS]
        images = [file for split in _SPLITS for file in _listed(data_dir, split).files]
        return files_identity([*lists, *images], data_dir)

    def read(self, options: PetsOptions, data_dir: Path, download: bool) -> RawDataset:
        """Find all images; they are decoded when they are taken.

        Raises:
            DataError: files are missing, damaged or cannot be downloaded.
            StorageFullError: the disk is full.
        """
        checks = self.verify(data_dir)
        require_intact("pets", checks)
        if download and any(check.status == "missing" for check in checks):
            self.download(data_dir)
        else:
            require_present("pets", checks, data_dir)
        parts = []
        for split in _SPLITS:
            listed = _listed(data_dir, split)
            images = decode_images([data_dir / file.path for file in listed.files], options, options.channels)
            parts.append(RawImages(images, listed.labels))
        return RawDataset(parts[0], parts[1], tuple(_COUNTS))

    def download(self, data_dir: Path) -> None:
        """Fetch what is missing; files that are there are checked, never replaced.

        Raises:
            DataError: a file is damaged, or cannot be fetched.
            StorageFullError: the disk is full.
        """
        checks = self.verify(data_dir)
        require_intact("pets", checks)
        if any(check.status == "missing" for check in checks):
            download_tree("pets", _fetch, self.verify, ARCHIVES, data_dir)

    def verify(self, data_dir: Path) -> list[FileCheck]:
        """Check both lists, and that every image they name is there; images that are are one line."""
        checks = [_check_list(data_dir, split) for split in _SPLITS]
        if any(check.status != "ok" for check in checks):
            return checks
        images = [data_dir / file.path for split in _SPLITS for file in _listed(data_dir, split).files]
        wrong = [check for check in map(_check_image, images) if check.status != "ok"]
        return [*checks, *(wrong or [FileCheck(data_dir / ROOT / "images", "ok", "")])]


def _fetch(folder: Path) -> None:
    import torchvision.datasets  # noqa: PLC0415 - imports torch: only where data are downloaded

    torchvision.datasets.OxfordIIITPet(root=folder, download=True)


def _list_path(split: str) -> str:
    return f"{ROOT}/annotations/{_SPLITS[split]}.txt"


def _check_list(data_dir: Path, split: str) -> FileCheck:
    path = data_dir / _list_path(split)
    if not path.is_file():
        return FileCheck(path, "missing", "expected a file, got nothing")
    try:
        counts = np.bincount(_listed(data_dir, split).labels, minlength=len(_COUNTS)).tolist()
    except DataError as error:
        return FileCheck(path, "damaged", str(error).removeprefix(f"{path}: "))
    expected = [train if split == "train" else test for train, test in _COUNTS.values()]
    if counts != expected:
        return FileCheck(path, "damaged", f"expected {sum(expected)} images, {expected} of each breed; got {counts}")
    return FileCheck(path, "ok", "")


def _check_image(path: Path) -> FileCheck:
    if not path.is_file():
        return FileCheck(path, "missing", "expected a file, got nothing")
    return (
        FileCheck(path, "ok", "")
        if path.stat().st_size
        else FileCheck(path, "damaged", "expected an image, got 0 bytes")
    )


def _listed(data_dir: Path, split: str) -> _Listed:
    """Read a list: image name, breed from 1, species, number within the species.

    Raises:
        DataError: a line is of another form, or its name leads out of the folder of images.
    """
    path = data_dir / _list_path(split)
    files, labels = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        name, _, rest = line.partition(" ")
        breed: Any = rest.split(" ")[0]
        if (
            not name
            or Path(name).name != name
            or "\\" in name
            or not breed.isdecimal()
            or not 1 <= int(breed) <= len(_COUNTS)
        ):
            raise DataError(
                f"{path}: line {number}: expected an image's name and a breed in 1..{len(_COUNTS)}; got {line!r}"
            )
        files.append(RawFile(f"{ROOT}/images/{name}.jpg"))
        labels.append(int(breed) - 1)
    return _Listed(tuple(files), np.asarray(labels, dtype=np.int64))


PETS: DatasetFormat = Pets()
