"""Any classification dataset of torchvision, by the name of its class.

Its files lie in `torchvision/NAME/` of the data directory, as that class keeps them; what it checks when it downloads
is all that is known of them. Constructors differ: `train=` or `split=` or neither is found from the signature.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from layercut.data.base import DatasetFormat, FileCheck, RawDataset
from layercut.data.download import download_tree
from layercut.data.holdout import HoldoutOptions
from layercut.data.torchvision_items import class_names_of, raw_images
from layercut.errors import DataError, UnknownNameError, did_you_mean, one_line
from layercut.spec.shape import BACKGROUND, Background, ImageSize, ShapeOptions

_OTHER_TARGETS = {
    "boxes": ("CocoDetection", "VOCDetection", "Kitti", "WIDERFace"),
    "masks": ("VOCSegmentation", "SBDataset", "Cityscapes"),
    "captions": ("CocoCaptions", "Flickr8k", "Flickr30k", "SBU"),
    "videos": ("HMDB51", "UCF101", "Kinetics", "MovingMNIST"),
    "pairs of images": ("LFWPairs", "PhotoTour"),
    "several labels an image": ("CelebA",),
    "images of one class only": ("LSUNClass",),
    "random images": ("FakeData",),
    "folders of images, for which there is `dataset: folder`": ("ImageFolder", "DatasetFolder", "VisionDataset"),
}
_OTHER_FAMILIES = ("Flow", "StereoMatching")
"""Begin the names of base classes whose targets are fields of motion or depth."""
_OURS = ("root", "download", "train", "transform", "target_transform", "transforms", "loader", "is_valid_file")
_SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": ("trainval", "train"),
    "test": ("test", "val", "valid", "validation"),
}
"""Names of splits in the order in which they are tried."""


class TorchvisionOptions(HoldoutOptions, ShapeOptions):
    """Options of `dataset: torchvision/NAME`."""

    image_size: ImageSize = Field(
        default=None,
        description="Height and width in pixels, or one number for both; absent: all have the same size already.",
    )
    channels: Literal[1, 3] = Field(default=3, description="3: colour, 1: grey; images are converted.")
    background: Background = BACKGROUND
    splits: dict[Literal["train", "test"], str] = Field(
        default={},
        description="Which of the set's splits are training and test images; absent: trainval or train, and test or "
        "val. Of a set without splits, a fraction of each class is set aside (`test_split`).",
    )
    arguments: dict[str, str | int | float | bool] = Field(
        default={}, description="Further arguments of the class: `{split: letters}` for EMNIST."
    )


class TorchvisionSet:
    """One class of `torchvision.datasets`."""

    options = TorchvisionOptions

    def __init__(self, class_name: str, torchvision_class: type[Any]) -> None:
        self.name = f"torchvision/{class_name}"
        self.summary = f"{class_name}, as torchvision reads it"
        self._class = torchvision_class
        self._parameters = _parameters(torchvision_class)

    def info(self, options: TorchvisionOptions) -> None:
        """Return None: only the data tell."""

    def folder(self, data_dir: Path) -> Path:
        """Return where the files of the set lie."""
        return data_dir / self.name

    def files_key(self, options: TorchvisionOptions, data_dir: Path) -> str | None:
        """Return a hash of all paths, sizes and times; None where nothing is there."""
        files = _files(self.folder(data_dir))
        if not files:
            return None
        digest = hashlib.sha256()
        for path in files:
            status = path.stat()
            digest.update(
                f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="surrogateescape")
            )
        return digest.hexdigest()

    def read(self, options: TorchvisionOptions, data_dir: Path, download: bool) -> RawDataset:
        """Open the set; its images are decoded when they are taken.

        Raises:
            DataError: files are missing, damaged or cannot be downloaded; or its targets are not classes.
            StorageFullError: the disk is full.
        """
        folder = self.folder(data_dir)
        if not _files(folder):
            if not download:
                raise DataError(
                    f"{self.name} is not in {folder}; run `layercut data download {self.name}`, or put its files "
                    f"there as torchvision expects them"
                )
            self._download(options, data_dir)
        train = self._open(options, folder, "train", download=False)
        test = self._open(options, folder, "test", download=False) if self._has_splits() else None
        if test is not None and "test_split" in options.model_fields_set:
            raise DataError(f"{self.name} has its own test split: remove `test_split`")
        names = class_names_of(train)
        parts = [
            raw_images(self.name, part, options, options.channels, options.background)
            for part in (train, test)
            if part is not None
        ]
        used = np.unique(np.concatenate([part.labels for part in parts]))
        new_label = np.full(int(used.max()) + 1, -1, dtype=np.int64)
        new_label[used] = np.arange(len(used))
        parts = [part._replace(labels=new_label[part.labels]) for part in parts]
        kept = tuple(names[index] if index < len(names) else str(index) for index in used)
        return RawDataset(parts[0], parts[1] if test is not None else None, kept)

    def download(self, data_dir: Path) -> None:
        """Let torchvision fetch and check the set, unless it is there.

        Raises:
            DataError: a file is damaged, or cannot be fetched.
            StorageFullError: the disk is full.
        """
        damaged = [check for check in self.verify(data_dir) if check.status == "damaged"]
        if damaged:
            raise DataError(
                f"{damaged[0].path}: {damaged[0].problem}\ndelete it and run `layercut data download {self.name}`"
            )
        if not _files(self.folder(data_dir)):
            self._download(TorchvisionOptions(), data_dir)

    def verify(self, data_dir: Path) -> list[FileCheck]:
        """Let torchvision open the set, which checks what it knows of it."""
        folder = self.folder(data_dir)
        if not _files(folder):
            return [FileCheck(folder, "missing", "expected the files of the set, got nothing")]
        try:
            for split in ("train", "test") if self._has_splits() else ("train",):
                self._open(TorchvisionOptions(), folder, split, download=False)
        except DataError as error:
            return [FileCheck(folder, "damaged", str(error))]
        return [FileCheck(folder, "ok", "")]

    def _has_splits(self) -> bool:
        return "train" in self._parameters or "split" in self._parameters

    def _download(self, options: TorchvisionOptions, data_dir: Path) -> None:
        if "download" not in self._parameters:
            raise DataError(
                f"torchvision cannot download {self._class.__name__}; put its files into {self.folder(data_dir)} as "
                f"torchvision's documentation of the class says"
            )

        def fetch(folder: Path) -> None:
            for split in _SPLITS if self._has_splits() else ("train",):
                self._open(options, folder, split, download=True)

        download_tree(self.name, fetch, lambda folder: (), (), self.folder(data_dir))

    def _open(self, options: TorchvisionOptions, folder: Path, split: str, download: bool) -> Any:
        """Return the set's own object for one split: the first name of it that the class knows."""
        problems = []
        for arguments in self._arguments(options, split):
            if "download" in self._parameters:  # some download unless told otherwise
                arguments["download"] = download
            try:
                with contextlib.redirect_stdout(sys.stderr):
                    return self._class(root=str(folder), **arguments)
            except ValueError as error:  # "Unknown value 'test' for argument split. Valid values are ..."
                problems.append(str(error))
            except MemoryError:
                raise
            except Exception as error:  # readers raise whatever a broken file makes of them
                if download and not isinstance(error, ImportError):
                    raise
                raise DataError(f"{self.name} in {folder}: torchvision cannot read it: {one_line(error)}") from error
        raise DataError(f"{self.name}: no {split} split: {one_line(problems[-1])}; name it in `splits`")

    def _arguments(self, options: TorchvisionOptions, split: str) -> Iterator[dict[str, Any]]:
        """Yield arguments to try, in order.

        Raises:
            DataError: the class has no such argument, or needs one that is not given.
        """
        given = dict(options.arguments)
        legal = [name for name in self._parameters if name not in _OURS]
        for name in given:
            if name not in legal:
                has = ", ".join(legal) or "none"
                raise DataError(f"{self.name} has no argument {name!r}{did_you_mean(name, legal)}; it has {has}")
        if "train" in self._parameters:
            given["train"] = split == "train"
        by_split = "split" in self._parameters and "train" not in self._parameters
        for name, parameter in self._parameters.items():
            chosen_here = name in _OURS or (by_split and name == "split")
            if parameter.default is inspect.Parameter.empty and not chosen_here and name not in given:
                raise DataError(f"{self.name} needs `arguments: {{{name}: ...}}`")
        if not by_split:
            yield given
            return
        default = self._parameters["split"].default
        names = (options.splits[split],) if split in options.splits else _SPLITS[split]
        more = (default,) if split == "train" and split not in options.splits and isinstance(default, str) else ()
        for name in dict.fromkeys([*names, *more]):
            yield {**given, "split": name}


class TorchvisionSets:
    """All sets of torchvision whose targets are classes, by the names of their classes there."""

    def names(self) -> list[str]:
        """Return all their names."""
        return sorted(name for name, found in _classes().items() if _other_targets(name, found) is None)

    def __getitem__(self, name: str, /) -> DatasetFormat:
        """Return one of them.

        Raises:
            UnknownNameError: torchvision has no set of that name.
            DataError: its targets are not classes.
        """
        if name not in _classes():
            raise UnknownNameError("dataset of torchvision", name, self.names())
        other = _other_targets(name, _classes()[name])
        if other is not None:
            raise DataError(f"torchvision/{name} has {other}: expected images with one class each")
        return TorchvisionSet(name, _classes()[name])


def _classes() -> dict[str, type[Any]]:
    import torchvision.datasets  # noqa: PLC0415 - imports torch: only where such a set is named

    found = {name: getattr(torchvision.datasets, name) for name in torchvision.datasets.__all__}
    return {name: value for name, value in found.items() if inspect.isclass(value)}


def _other_targets(name: str, torchvision_class: type[Any]) -> str | None:
    """Return what a set has instead of one class per image; None where it may have classes."""
    if any(base.__name__.lstrip("_").startswith(_OTHER_FAMILIES) for base in torchvision_class.__mro__):
        return "fields of motion or depth"
    return next((targets for targets, names in _OTHER_TARGETS.items() if name in names), None)


def _parameters(torchvision_class: type[Any]) -> dict[str, inspect.Parameter]:
    """Return the constructor's parameters, those of the parents too where it hands on the rest."""
    found: dict[str, inspect.Parameter] = {}
    for base in torchvision_class.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
        named = {p.name: p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        found = {**named, **found}
        if all(parameter.kind != parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


TORCHVISION_SETS = TorchvisionSets()
