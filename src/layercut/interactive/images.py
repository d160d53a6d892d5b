"""Images and labels in memory, in whatever form, brought into the one form that is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from layercut.errors import DataError, few

_CHANNELS = (1, 3)


class Pair(NamedTuple):
    """Images and what they show, as given."""

    images: NDArray[np.uint8]
    """UInt8 "n channels height width"."""
    labels: NDArray[Any]
    """Whole numbers or texts "n"."""
    class_names: tuple[str, ...] | None = None
    """Of the numbers 0, 1, ...; None where nobody says."""


def is_array(value: Any) -> bool:
    """Return whether a value is an array or a tensor."""
    return isinstance(value, np.ndarray | torch.Tensor)


def is_pair(value: Any) -> bool:
    """Return whether a value is images and labels as arrays."""
    return isinstance(value, tuple | list) and len(value) == 2 and (is_array(value[0]) or _are_arrays(value[0]))


def _are_arrays(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(is_array(one) and one.ndim > 1 for one in value)


def pixels_of(images: Any, what: str) -> NDArray[np.uint8]:
    """Return images as UInt8 "n channels height width"; `what`: how errors call them.

    Raises:
        DataError: their type, range or shape leaves open which pixels they are.
    """
    if _are_arrays(images):
        shapes = {tuple(one.shape) for one in images}
        if len(shapes) > 1:
            listed = few(sorted(map(str, shapes)), 3)
            raise DataError(
                f"{what}: expected images of one shape; got {listed}: resize them, or write them into a folder with "
                "one folder per class (target='photos')"
            )
        images = np.stack([_array(one) for one in images])
    if not is_array(images):
        raise DataError(f"{what}: expected an array or a tensor of images; got a {type(images).__name__}")
    return _channels_first(_bytes(_array(images), what), what)


def labels_of(labels: Any, num_images: int, what: str) -> NDArray[Any]:
    """Return one label an image: Int64 "n", or texts.

    Raises:
        DataError: they are as many as there are images in no reading.
    """
    found = np.asarray(_array(labels) if is_array(labels) else labels)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1:
        advice = ": write labels.argmax(1)" if found.ndim == 2 else ""
        raise DataError(f"{what}: expected one label per image; got labels of shape {found.shape}{advice}")
    if len(found) != num_images:
        raise DataError(f"{what}: expected as many labels as images; got {len(found)} and {num_images}")
    if found.dtype.kind == "f" and np.all(found == np.round(found)):
        found = found.astype(np.int64)
    if found.dtype.kind in "iu":
        return found.astype(np.int64)
    if found.dtype.kind in "bUO" and all(isinstance(one, str | bool | np.bool_) for one in found.tolist()):
        return found.astype(str)
    raise DataError(f"{what}: expected labels as whole numbers or texts; got {found.dtype}")


def numbered(
    parts: Sequence[NDArray[Any]], class_names: Sequence[str] | None, what: str
) -> tuple[list[NDArray[np.int64]], tuple[str, ...]]:
    """Return the labels of several parts as numbers of classes, and the names of the classes.

    Without names, the classes are the labels that there are, in their order.

    Raises:
        DataError: a label is none of the named classes.
    """
    kinds = {part.dtype.kind == "i" for part in parts}
    if len(kinds) > 1:
        raise DataError(f"{what}: expected numbers or texts as labels of all parts; got both")
    used = np.unique(np.concatenate(parts))
    if class_names is None:
        return [np.searchsorted(used, part).astype(np.int64) for part in parts], tuple(map(str, used.tolist()))
    names = tuple(map(str, class_names))
    if len(set(names)) < len(names):
        raise DataError(f"{what}: expected different class_names; got {few(names, 8)}")
    known = range(len(names)) if kinds == {True} else names
    unknown = [str(one) for one in used.tolist() if one not in known]
    if unknown:
        legal = f"0..{len(names) - 1}, numbers of the class_names" if kinds == {True} else few(names, 8)
        raise DataError(f"{what}: expected labels among {legal}; got {few(unknown, 4)}")
    if kinds == {True}:
        return [part.astype(np.int64) for part in parts], names
    index = {name: number for number, name in enumerate(names)}
    return [np.array([index[one] for one in part.tolist()], dtype=np.int64) for part in parts], names


def _array(values: Any) -> NDArray[Any]:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def _bytes(images: NDArray[Any], what: str) -> NDArray[np.uint8]:
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind not in "biuf" or not images.size:
        raise DataError(f"{what}: expected pixels as numbers; got {images.dtype} {images.shape}")
    if images.dtype.kind == "b":
        return images.astype(np.uint8) * 255
    low, high = float(images.min()), float(images.max())
    if images.dtype.kind in "iu" and low >= 0 and high <= 255:
        return images.astype(np.uint8)
    if images.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.round(images * 255).astype(np.uint8)
    if low < 0:
        advice = "undo their normalisation: layercut scales pixels itself, as `normalization` says"
    else:
        advice = "scale them, such as `(images * (255 / images.max())).astype('uint8')`"
    raise DataError(
        f"{what}: expected pixels as bytes in 0..255 or as floats in 0..1; got {images.dtype} in {low:g}..{high:g}: "
        f"{advice}"
    )


def _channels_first(images: NDArray[np.uint8], what: str) -> NDArray[np.uint8]:
    if images.ndim == 3:
        return np.ascontiguousarray(images[:, None])
    if images.ndim != 4:
        raise DataError(
            f"{what}: expected images as (n, channels, height, width), (n, height, width, channels) or (n, height, "
            f"width); got {images.shape}: reshape them"
        )
    first, last = images.shape[1] in _CHANNELS, images.shape[3] in _CHANNELS
    if first and last:
        raise DataError(f"{what}: got images of shape {images.shape}, whose channels may come first or last: pad them")
    if not first and not last:
        raise DataError(f"{what}: expected one channel or three, first or last; got images of shape {images.shape}")
    return np.ascontiguousarray(images if first else images.transpose(0, 3, 1, 2))
