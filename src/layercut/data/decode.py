"""Image files to arrays of pixels."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from layercut.data.pieces import LazyImages
from layercut.data.shape import Shape, shaped
from layercut.errors import DataError
from layercut.spec.shape import ShapeOptions

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_WIDE_MODES = ("I", "F", "I;16", "I;16B", "I;16L")
"""More than 8 bits a pixel: Pillow would clip instead of scale."""
_SWAPPED_ORIENTATIONS = (5, 6, 7, 8)
_ORIENTATION_TAG = 0x0112


def decode_images(paths: Sequence[Path], options: ShapeOptions, channels: Literal[1, 3]) -> LazyImages:
    """Return image files, in their order, as images that are decoded when they are taken.

    They are turned upright as their EXIF orientation says. Without `image_size` all must have one size already.

    Raises:
        DataError: a file is no readable 8-bit image (named; also raised where images are taken), or sizes differ and
            `image_size` is absent.
    """
    height, width = options.image_size or _common_size(paths)
    shape = Shape(channels, height, width, options.resize, options.interpolation)

    def decode(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        images = np.empty((len(rows), *shape.image_shape), dtype=np.uint8)
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
            for index, image in enumerate(threads.map(partial(_decode, shape=shape), [paths[row] for row in rows])):
                images[index] = image
        return images

    return LazyImages(shape.image_shape, np.arange(len(paths)), decode)


def _common_size(paths: Sequence[Path]) -> tuple[int, int]:
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        sizes = list(threads.map(_upright_size, paths))
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
        with Image.open(path, formats=_FORMATS) as image:
            swapped = image.getexif().get(_ORIENTATION_TAG) in _SWAPPED_ORIENTATIONS
            return (image.width, image.height) if swapped else (image.height, image.width)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise whatever a broken file makes of them
        raise _unreadable(path, error) from error


def _decode(path: Path, shape: Shape) -> NDArray[np.uint8]:
    """Return UInt8 "channels height width"."""
    try:
        with Image.open(path, formats=_FORMATS) as opened:
            if opened.mode in _WIDE_MODES:
                raise DataError(
                    f"{path}: expected 8 bits a channel, got mode {opened.mode}; convert it to 8 bits first"
                )
            upright = ImageOps.exif_transpose(opened)
            if upright.mode == "P":  # a palette may hold transparency, which only RGBA keeps
                upright = upright.convert("RGBA")
            return shaped(upright, shape)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever a broken file makes of them
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    if not path.exists():
        reason = "nothing there, or a broken link"
    elif isinstance(error, UnidentifiedImageError):
        reason = f"none of {', '.join(_FORMATS)}"
    else:
        reason = str(error) or type(error).__name__
    return DataError(f"{path}: expected an image, cannot read it ({reason}); replace or remove it")
