"""Decode image files into arrays of pixels."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from layercut.data.pieces import LazyImages
from layercut.data.shape import Shape, shaped
from layercut.errors import DataError
from layercut.spec.shape import WHITE, Color, ShapeOptions

_USUAL = ("JPEG", "PNG", "GIF", "BMP", "PPM", "TIFF", "WEBP")
_NOT_READ = ("BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF")
"""Formats that Pillow knows by sight only, or has another program draw."""
_SWAPPED_ORIENTATIONS = (5, 6, 7, 8)
_ORIENTATION_TAG = 0x0112


def decode_images(
    paths: Sequence[Path], options: ShapeOptions, channels: Literal[1, 3], background: Color = WHITE
) -> LazyImages:
    """Return image files, in their order, as images that are decoded when they are taken.

    They are turned upright as their EXIF orientation says, and their pixels are what `pixels.py` makes of them.
    Without `image_size` all must have one size already.

    Raises:
        DataError: a file is no readable image (named; also raised where images are taken), or sizes differ and
            `image_size` is absent.
    """
    height, width = options.image_size or _common_size(paths)
    shape = Shape(channels, height, width, options.resize, options.interpolation, background)

    def decode(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        images = np.empty((len(rows), *shape.image_shape), dtype=np.uint8)
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
            for index, image in enumerate(threads.map(partial(_decode, shape=shape), [paths[row] for row in rows])):
                images[index] = image
        return images

    return LazyImages(shape.image_shape, np.arange(len(paths)), decode)


def upright_sizes(paths: Sequence[Path]) -> list[tuple[int, int]]:
    """Return height and width of each image file, turned upright; no pixel is decoded.

    Raises:
        DataError: a file is no readable image.
    """
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        return list(threads.map(_upright_size, paths))


def _common_size(paths: Sequence[Path]) -> tuple[int, int]:
    sizes = upright_sizes(paths)
    found = Counter(sizes)
    if len(found) == 1:
        return sizes[0]
    listed = ", ".join(f"{height}x{width} ({count} images)" for (height, width), count in found.most_common(5))
    more = f" and {len(found) - 5} other sizes" if len(found) > 5 else ""
    odd = next(path for path, size in zip(paths, sizes, strict=True) if size != found.most_common(1)[0][0])
    raise DataError(
        f"images have different sizes (height x width): {listed}{more}; {odd} is the first that differs from "
        f"most; set `image_size`, such as `image_size: 32`"
    )


def _upright_size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path, formats=_formats()) as image:
            swapped = image.getexif().get(_ORIENTATION_TAG) in _SWAPPED_ORIENTATIONS
            return (image.width, image.height) if swapped else (image.height, image.width)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise whatever a broken file makes of them
        raise _unreadable(path, error) from error


def _decode(path: Path, shape: Shape) -> NDArray[np.uint8]:
    """Return UInt8 "channels height width"."""
    try:
        with Image.open(path, formats=_formats()) as opened:
            upright = ImageOps.exif_transpose(opened)
            upright.format = opened.format
            return shaped(upright, shape)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:  # decoders raise whatever a broken file makes of them
        raise _unreadable(path, error) from error


@lru_cache
def _formats() -> tuple[str, ...]:
    """Return the formats that Pillow reads; first those that are met most."""
    Image.init()
    return tuple(dict.fromkeys([*_USUAL, *sorted(set(Image.OPEN) - set(_NOT_READ))]))


def _unreadable(path: Path, error: Exception) -> DataError:
    if not path.exists():
        reason = "missing, or a broken link"
    elif isinstance(error, UnidentifiedImageError):
        reason = "in no format that Pillow reads, such as JPEG, PNG, TIFF or WebP"
    else:
        reason = str(error) or type(error).__name__
    return DataError(f"{path}: expected an image, cannot read it ({reason}); replace or remove it")
