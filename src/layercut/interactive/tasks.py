"""Sources and targets as Python objects, turned into the mapping that a study file would have."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from layercut.data import DATASETS
from layercut.data.arrays import GivenArrays, keep_arrays
from layercut.data.base import LabelledImages
from layercut.data.folder_table import is_table
from layercut.errors import DataError, SpecError, UnknownNameError
from layercut.interactive.images import Pair, is_array, is_pair, labels_of, numbered, pixels_of
from layercut.interactive.items import is_dataset, pair_of

_PARTS = ("train", "test", "validation")
_TARGETS = "images and labels (target=(images, labels)), a torch Dataset, a folder, the name of a dataset, or a mapping"


def is_task(value: Any) -> bool:
    """Return whether a value holds images, or names a folder or a dataset with images."""
    if isinstance(value, str | PathLike):
        path = Path(value).expanduser()
        return path.is_dir() or (is_table(path) and path.is_file()) or _is_registered(str(value))
    return (
        is_pair(value)
        or is_dataset(value)
        or (isinstance(value, Mapping) and bool({"dataset", "images", "train"} & set(value)))
    )


def task(value: Any, kept: Path, what: str) -> dict[str, Any]:
    """Return a source or target as a study file has it; arrays are written into `kept`.

    Raises:
        SpecError: it is none.
        DataError: images or labels cannot be used.
    """
    if isinstance(value, str | PathLike):
        return _named(value, what)
    if isinstance(value, Mapping) and "dataset" in value:
        return dict(value)
    if is_array(value):
        raise SpecError(f"{what}: expected images with their labels, ({what}=(images, labels)); got images alone")
    if is_pair(value) or is_dataset(value):
        value = {"train": value}
    if not isinstance(value, Mapping) or not {"images", "train"} & set(value):
        raise SpecError(f"{what}: expected {_TARGETS}; got a {type(value).__name__}")
    return _given(value, kept, what)


def _named(value: str | PathLike[str], what: str) -> dict[str, Any]:
    path = Path(value).expanduser()
    if path.is_dir() or is_table(path):
        return {"dataset": "folder", "path": str(path)}
    if isinstance(value, str) and "/" not in value.removeprefix("torchvision/"):
        return {"dataset": value}  # the plan says which names there are
    raise SpecError(f"{what}: no folder {path}; expected {_TARGETS}")


def _is_registered(name: str) -> bool:
    try:
        DATASETS[name]
    except (UnknownNameError, DataError):
        return False
    return True


def _given(value: Mapping[str, Any], kept: Path, what: str) -> dict[str, Any]:
    """Return the task of images in memory; keys that are not of images stay keys of the study."""
    rest = dict(value)
    label, class_names = str(rest.pop("name", "arrays")), rest.pop("class_names", None)
    size = _size(rest.get("image_size"))
    parts = {part: found for part in _PARTS if (found := _part(rest, part, size, what)) is not None}
    if "train" not in parts:
        raise SpecError(f"{what}: expected training images; got {', '.join(map(repr, parts))} alone")
    names = class_names or next((pair.class_names for pair in parts.values() if pair.class_names), None)
    labels, names = numbered([pair.labels for pair in parts.values()], names, what)
    images = {part: LabelledImages(pair.images, own) for (part, pair), own in zip(parts.items(), labels, strict=True)}
    shapes = {part: one.images.shape[1:] for part, one in images.items()}
    if len(set(shapes.values())) > 1:
        raise DataError(f"{what}: expected images of one shape; got {shapes}")
    train, num_validation = images["train"], 0
    if "validation" in images:
        own = images["validation"]
        num_validation = len(own.labels)
        train = LabelledImages(np.concatenate([train.images, own.images]), np.concatenate([train.labels, own.labels]))
    path = keep_arrays(GivenArrays(train, images.get("test"), names, num_validation), kept, label)
    return {"dataset": "arrays", "path": str(path), **rest}


def _part(rest: dict[str, Any], part: str, size: tuple[int, int] | None, what: str) -> Pair | None:
    """Take one part out of a mapping: `train`, or `images` and `labels`; `test`, or `test_images` and ..."""
    prefix = "" if part == "train" else f"{part}_"
    given, images = rest.pop(part, None), rest.pop(f"{prefix}images", None)
    if given is not None and images is not None:
        raise SpecError(f"{what}: expected {part!r} or '{prefix}images'; got both")
    if images is not None:
        given = (images, rest.pop(f"{prefix}labels", None))
    if given is None:
        return None
    name = f"{what}, {part} images"
    if is_dataset(given):
        return pair_of(given, name, size)
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise SpecError(f"{name}: expected (images, labels) or a torch Dataset; got a {type(given).__name__}")
    if given[1] is None:
        raise SpecError(f"{name}: expected labels too, as '{prefix}labels'; got none")
    pixels = pixels_of(given[0], name)
    return Pair(pixels, labels_of(given[1], len(pixels), name))


def _size(given: Any) -> tuple[int, int] | None:
    if given is None:
        return None
    height, width = given if isinstance(given, list | tuple) else (given, given)
    return int(height), int(width)
