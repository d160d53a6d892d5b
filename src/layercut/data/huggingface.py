"""A dataset of Hugging Face on disk: what `save_to_disk` wrote, or Parquet files; nothing is downloaded."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from layercut.data.base import DatasetFormat, RawDataset, RawImages
from layercut.data.holdout import HoldoutOptions
from layercut.data.pieces import joined
from layercut.data.torchvision_items import raw_images
from layercut.errors import DataError, few, one_line
from layercut.spec.shape import BACKGROUND, Background, ImageSize, ShapeOptions

_VALIDATION = ("validation", "valid", "val", "dev")
_LABELS = ("label", "labels")
_MISSING = "`dataset: huggingface` needs a package that is not installed: pip install 'layercut[huggingface]'"


class HuggingFaceOptions(HoldoutOptions, ShapeOptions):
    """Options of `dataset: huggingface`."""

    path: Path = Field(
        description="Folder that `save_to_disk` wrote, a Parquet file, or a folder of Parquet files whose names begin "
        "with that of their split."
    )
    image: str | None = Field(default=None, description="Column of the images; absent: the only one that holds some.")
    label: str | None = Field(
        default=None, description="Column of the labels; absent: the only one of classes, or `label`."
    )
    image_size: ImageSize = Field(
        default=None,
        description="Height and width in pixels, or one number for both; absent: all have the same size already.",
    )
    channels: Literal[1, 3] = Field(default=3, description="3: colour, 1: grey; images are converted.")
    background: Background = BACKGROUND


class HuggingFace:
    """Datasets on disk; the splits `train`, `test` and `validation` are those of the study."""

    summary = "a dataset of Hugging Face on disk: a folder of save_to_disk, or Parquet files"
    options = HuggingFaceOptions

    def info(self, options: HuggingFaceOptions) -> None:
        """Return None: only the data tell."""

    def files_key(self, options: HuggingFaceOptions, data_dir: Path) -> str | None:
        """Return a hash of all paths, sizes and times; None where nothing is there."""
        files = _files(options.path.expanduser())
        if not files:
            return None
        digest = hashlib.sha256()
        for path in files:
            status = path.stat()
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()

    def read(self, options: HuggingFaceOptions, data_dir: Path, download: bool) -> RawDataset:
        """Open the dataset; its images are decoded when they are taken.

        Raises:
            DataError: the package or the dataset is missing, or its columns are not images and labels.
        """
        splits = _splits(options.path.expanduser())
        if "train" not in splits:
            raise DataError(f"{options.path}: expected a split `train`; got {few(list(splits), 6)}")
        validation = next((splits[name] for name in _VALIDATION if name in splits), None)
        test = splits.get("test", validation)
        if test is not None and "test_split" in options.model_fields_set:
            raise DataError(f"{options.path} has test images of its own: remove `test_split`")
        names = _class_names([splits["train"], *([test] if test is not None else [])], options)
        train = _images(splits["train"], options, names)
        if test is not validation and validation is not None:
            own = _images(validation, options, names)
            labels = np.concatenate([train.labels, own.labels])
            train = RawImages(joined(train.images, own.images), labels, len(own.labels))
        return RawDataset(train, None if test is None else _images(test, options, names), names)

    def notes(self, options: HuggingFaceOptions, data_dir: Path) -> tuple[str, ...]:
        """Return which split is the test set, where a user might think otherwise.

        Raises:
            DataError: the dataset is missing.
        """
        splits = _splits(options.path.expanduser())
        found = next((name for name in _VALIDATION if name in splits), None)
        return (f"{options.path.name}: `{found}` is the test set",) if found and "test" not in splits else ()


class _Pairs:
    """A split as images with labels, in the form that sets of torchvision have."""

    def __init__(self, split: Any, image: str, label: str, names: Sequence[str]) -> None:
        self._split, self._image = split, image
        index = {name: number for number, name in enumerate(names)}
        self.targets = [one if isinstance(one, int) else index[str(one)] for one in split[label]]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, row: int) -> tuple[Any, int]:
        return self._split[row][self._image], self.targets[row]


def _images(split: Any, options: HuggingFaceOptions, names: Sequence[str]) -> RawImages:
    image, label = _columns(split, options)
    pairs = _Pairs(split, image, label, names)
    return raw_images(str(options.path), pairs, options, options.channels, options.background)


def _columns(split: Any, options: HuggingFaceOptions) -> tuple[str, str]:
    """Return the columns of images and labels.

    Raises:
        DataError: the options name none, and more or less than one comes into question.
    """
    features: Mapping[str, Any] = split.features
    kinds = {name: type(kind).__name__ for name, kind in features.items()}
    images = [options.image] if options.image else [name for name, kind in kinds.items() if kind == "Image"]
    classes = [name for name, kind in kinds.items() if kind == "ClassLabel"]
    labels = [options.label] if options.label else classes or [name for name in _LABELS if name in kinds]
    for what, found in (("image", images), ("label", labels)):
        if len(found) != 1 or found[0] not in kinds:
            got = f"{few(found, 4)} of " if found else ""
            raise DataError(f"{options.path}: say `{what}`, a column; got {got}the columns {few(list(kinds), 8)}")
    return images[0], labels[0]


def _class_names(splits: Sequence[Any], options: HuggingFaceOptions) -> tuple[str, ...]:
    _, label = _columns(splits[0], options)
    told = getattr(splits[0].features[label], "names", None)
    if told:
        return tuple(map(str, told))
    used = sorted({one for split in splits for one in split[label]})
    if all(isinstance(one, int) for one in used):
        return tuple(map(str, range(max(used) + 1)))
    return tuple(map(str, used))


def _splits(path: Path) -> dict[str, Any]:
    """Return the splits of a dataset by name; one alone is `train`.

    Raises:
        DataError: the package is not installed, or there is no such dataset.
    """
    if find_spec("datasets") is None:
        raise DataError(_MISSING)
    library: Any = importlib.import_module("datasets")
    files = _files(path)
    if not files:
        raise DataError(f"{path}: expected a folder of `save_to_disk` or Parquet files; got neither")
    try:
        if files[0].suffix != ".parquet":
            found = library.load_from_disk(str(path))
            return dict(found) if isinstance(found, Mapping) else {"train": found}
        names = {file: file.name.split(".")[0].split("-")[0] for file in files}
        known = ("train", "test", *_VALIDATION)
        if len(files) > 1 and not all(name in known for name in names.values()):
            strange = [file.name for file, name in names.items() if name not in known]
            raise DataError(f"{path}: expected files called train-*.parquet or test-*.parquet; got {few(strange, 4)}")
        by_split: dict[str, list[str]] = {}
        for file, name in names.items():
            by_split.setdefault(name if name in known else "train", []).append(str(file))
        return {name: library.Dataset.from_parquet(parts) for name, parts in by_split.items()}
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: cannot be read as a dataset of Hugging Face: {one_line(error, 300)}") from error


def _files(path: Path) -> list[Path]:
    """Return the Parquet files of a path, or else the files of a saved dataset."""
    if path.is_file():
        return [path] if path.suffix == ".parquet" else []
    if any((path / name).is_file() for name in ("dataset_dict.json", "dataset_info.json")):
        return sorted(file for file in path.rglob("*") if file.is_file())
    return sorted(path.rglob("*.parquet")) if path.is_dir() else []


HUGGING_FACE: DatasetFormat = HuggingFace()
