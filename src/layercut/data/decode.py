"""Image files to one array of pixels."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from layercut.errors import DataError

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_MODES = {1: "L", 3: "RGB"}
_WIDE_MODES = ("I", "F", "I;16", "I;16B", "I;16L")
"""More than 8 bits a pixel: Pillow would clip instead of scale."""
_SWAPPED_ORIENTATIONS = (5, 6, 7, 8)
_ORIENTATION_TAG = 0x0112


def decode_images(
    paths: Sequence[Path], channels: int, image_size: tuple[int, int] | None, resize: str
) -> NDArray[np.uint8]:
    """Decode image files, in their order, turned upright as their EXIF orientation says.

    Args:
        channels: 1 (grey) or 3 (colour).
        image_size: height and width; None: all images must have one size already.
        resize: `shorter_side_and_center_crop` or `stretch`; bilinear, with antialiasing.

    Returns:
        UInt8 "n channels height width".

    Raises:
        DataError: a file is no readable 8-bit image (named), or sizes differ and `image_size` is None.
    """
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        height, width = image_size or _common_size(paths, list(threads.map(_upright_size, paths)))
        images = np.empty((len(paths), channels, height, width), dtype=np.uint8)
        decode = partial(_decode, channels=channels, size=(height, width), resize=resize)
        for index, image in enumerate(threads.map(decode, paths)):
            images[index] = image
    return images


def _common_size(paths: Sequence[Path], sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
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


def _decode(path: Path, channels: int, size: tuple[int, int], resize: str) -> NDArray[np.uint8]:
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
            pixels = np.asarray(_resized(upright.convert(_MODES[channels]), size, resize))
    except (DataError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever a broken file makes of them
        raise _unreadable(path, error) from error
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def _resized(image: Image.Image, size: tuple[int, int], resize: str) -> Image.Image:
    height, width = size
    if image.size == (width, height):
        return image
    if resize == "stretch":
        return image.resize((width, height), Image.Resampling.BILINEAR)
    return ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)


def _unreadable(path: Path, error: Exception) -> DataError:
    if not path.exists():
        reason = "nothing there, or a broken link"
    elif isinstance(error, UnidentifiedImageError):
        reason = f"none of {', '.join(_FORMATS)}"
    else:
        reason = str(error) or type(error).__name__
    return DataError(f"{path}: expected an image, cannot read it ({reason}); replace or remove it")
