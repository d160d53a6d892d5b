"""Datasets of PyTorch and Hugging Face, read item by item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset

from layercut.data.shape import Shape, shaped
from layercut.data.torchvision_items import class_names_of
from layercut.errors import DataError
from layercut.interactive.images import Pair, is_array, labels_of, pixels_of

_AGAIN = 4
"""So many of the first items are read twice: what is drawn at random differs."""


def is_dataset(value: Any) -> bool:
    """Return whether a value is a dataset of items, or something in its place that is refused in words."""
    return isinstance(value, torch.utils.data.Dataset | DataLoader) or (
        hasattr(value, "__getitem__")
        and hasattr(value, "__len__")
        and not isinstance(value, str | bytes | Mapping | list | tuple)
        and not is_array(value)
    )


def pair_of(dataset: Any, what: str, size: tuple[int, int] | None) -> Pair:
    """Return the images and labels of a dataset; `size`: height and width that pictures get.

    Raises:
        DataError: its items are no images with one label, or differ from reading to reading.
    """
    if isinstance(dataset, DataLoader):
        raise DataError(f"{what}: expected a dataset; got a DataLoader: pass its dataset, `loader.dataset`")
    if isinstance(dataset, IterableDataset):
        raise DataError(f"{what}: expected a dataset with a length; got an IterableDataset: pass its images as arrays")
    if not len(dataset):
        raise DataError(f"{what}: expected images; got an empty dataset")
    names = _names(dataset)
    for index in range(min(_AGAIN, len(dataset))):
        _require_equal(dataset, index, what, size)
    pixels, labels = zip(*_items(dataset, what, size), strict=True)
    shapes = {one.shape for one in pixels}
    if len(shapes) > 1:
        raise DataError(
            f"{what}: expected images of one shape; got {', '.join(sorted(map(str, shapes))[:3])}: say a size, such as "
            "target={'train': dataset, 'image_size': 224}"
        )
    return Pair(np.stack(pixels), labels_of(list(labels), len(pixels), what), names)


def _names(dataset: Any) -> tuple[str, ...] | None:
    base = dataset
    while isinstance(base, torch.utils.data.Subset):
        base = base.dataset
    label = _columns(base)
    told = getattr(base.features[label[1]], "names", None) if label else class_names_of(base)
    return tuple(told) if told else None


def _columns(dataset: Any) -> tuple[str, str] | None:
    """Return the columns of images and labels of a dataset of Hugging Face; None of any other."""
    features = getattr(dataset, "features", None)
    if not isinstance(features, Mapping):
        return None
    images = [name for name, kind in features.items() if type(kind).__name__ == "Image"]
    labels = [name for name, kind in features.items() if type(kind).__name__ == "ClassLabel"]
    labels = labels or [name for name in features if name in ("label", "labels")]
    if len(images) != 1 or len(labels) != 1:
        raise DataError(
            f"expected one column of images and one of labels; got the columns {', '.join(features)}: select two"
        )
    return images[0], labels[0]


def _items(dataset: Any, what: str, size: tuple[int, int] | None) -> Iterator[tuple[NDArray[np.uint8], Any]]:
    for index in range(len(dataset)):
        yield _item(dataset, index, what, size)


def _item(dataset: Any, index: int, what: str, size: tuple[int, int] | None) -> tuple[NDArray[np.uint8], Any]:
    item, columns = dataset[index], _columns(dataset)
    if columns is not None:
        item = item[columns[0]], item[columns[1]]
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise DataError(f"{what}: expected items (image, label); got a {type(item).__name__}")
    image, label = item
    if is_array(label) and label.ndim == 0:
        label = label.item()
    if isinstance(image, Image.Image):
        height, width = size or (image.height, image.width)
        channels = 1 if image.mode in ("1", "L") else 3
        return shaped(image, Shape(channels, height, width)), label  # type: ignore[arg-type]
    if is_array(image):
        return pixels_of(image[None], f"{what}, item {index}")[0], label
    raise DataError(f"{what}: expected images of Pillow, arrays or tensors; item {index} has a {type(image).__name__}")


def _require_equal(dataset: Any, index: int, what: str, size: tuple[int, int] | None) -> None:
    first, second = (_item(dataset, index, what, size)[0] for _ in range(2))
    if not np.array_equal(first, second):
        raise DataError(
            f"{what}: item {index} is another image at every reading: remove random transforms; what is done to "
            "training images is said in training={'augmentation': ['flip']}"
        )
