"""The contents of an opened torchvision dataset: labels, class names, images."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from layercut.data.base import RawImages
from layercut.data.pieces import LazyImages
from layercut.data.shape import Shape, shaped
from layercut.errors import DataError
from layercut.spec.shape import WHITE, Color, ShapeOptions

_LABELS = ("targets", "labels", "_labels", "y")
_PAIRS = ("samples", "_samples", "imgs")
"""Where torchvision's classes keep labels, so that no image is decoded for its label."""


def raw_images(
    name: str, dataset: Any, options: ShapeOptions, channels: Literal[1, 3], background: Color = WHITE
) -> RawImages:
    """Return the images of an opened set, decoded when they are taken.

    Raises:
        DataError: its targets are not classes, its items are not images, or they have several sizes and no
            `image_size` is given (the last also where images are taken).
    """
    if not len(dataset):
        raise DataError(f"{name}: expected images, got none")
    image, target = dataset[0]
    if not isinstance(image, Image.Image):
        raise DataError(f"{name}: expected images as Pillow has them, got {type(image).__name__}")
    _class_of(name, target)
    height, width = options.image_size or (image.height, image.width)
    shape = Shape(channels, height, width, options.resize, options.interpolation, background)

    def make(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        images = np.empty((len(rows), *shape.image_shape), dtype=np.uint8)
        for index, row in enumerate(rows):
            image = dataset[int(row)][0]
            if options.image_size is None and (image.height, image.width) != (height, width):
                raise DataError(
                    f"{name}: images have different sizes (height x width): {height}x{width} and "
                    f"{image.height}x{image.width}; set `image_size`, such as `image_size: 32`"
                )
            try:
                images[index] = shaped(image, shape)
            except DataError as error:
                raise DataError(f"{name}, image {row}: {error}") from error
        return images

    return RawImages(LazyImages(shape.image_shape, np.arange(len(dataset)), make), _labels(name, dataset))


def class_names_of(dataset: Any) -> list[str]:
    """Return the names of an opened set's classes, each once; empty where it tells none."""
    found = getattr(dataset, "classes", None) or getattr(dataset, "categories", None) or []
    names = [name if isinstance(name, str) else ", ".join(map(str, name)) for name in found]
    twice = {name for name, count in Counter(names).items() if count > 1}
    return [f"{name} ({index})" if name in twice else name for index, name in enumerate(names)]


def _labels(name: str, dataset: Any) -> NDArray[np.int64]:
    """Return all labels: Int64 "n"."""
    for attribute in _LABELS:
        found = getattr(dataset, attribute, None)
        if found is not None and _are_labels(found, dataset):
            return np.asarray(found, dtype=np.int64)
    for attribute in _PAIRS:
        pairs = getattr(dataset, attribute, None)
        if isinstance(pairs, list) and pairs and isinstance(pairs[0], tuple) and len(pairs[0]) == 2:
            found = [label for _, label in pairs]
            if _are_labels(found, dataset):
                return np.asarray(found, dtype=np.int64)
    return np.asarray([_class_of(name, dataset[index][1]) for index in range(len(dataset))], dtype=np.int64)


def _are_labels(found: Any, dataset: Any) -> bool:
    """Return whether these are the labels that the items have, as far as first, middle and last tell."""
    values = np.asarray(found)
    if values.shape != (len(dataset),) or not np.issubdtype(values.dtype, np.integer):
        return False
    return all(int(values[index]) == dataset[index][1] for index in {0, len(values) // 2, len(values) - 1})


def _class_of(name: str, target: Any) -> int:
    try:
        label = target.__index__()
    except (AttributeError, TypeError, ValueError):
        label = -1
    if isinstance(target, bool) or label < 0:
        got = f"{type(target).__name__} {target!r:.60}"
        raise DataError(f"{name}: expected one class per image, got {got}; other `splits` may have labels")
    return int(label)
