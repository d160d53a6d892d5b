"""Bring images to a size and number of channels, as the study file says.

Pillow's resampling works on whole numbers: equal images give equal pixels on every machine.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from layercut.data.pixels import plain
from layercut.spec.shape import WHITE, Color, Interpolation, Resize

MODES = {1: "L", 3: "RGB"}
"""Pillow's names. To grey: ITU-R 601 luma, (299 R + 587 G + 114 B) / 1000; to colour: grey three times."""


class Shape(NamedTuple):
    """What each image becomes."""

    channels: Literal[1, 3]
    height: int
    width: int
    resize: Resize = "crop"
    interpolation: Interpolation = "bilinear"
    background: Color = WHITE
    """What shows through transparent pixels."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return channels, height, width."""
        return self.channels, self.height, self.width


def shaped(image: Image.Image, shape: Shape) -> NDArray[np.uint8]:
    """Return a picture of any kind in a shape: UInt8 "channels height width".

    Raises:
        DataError: it is of a kind that has no rule (`pixels.py`).
    """
    pixels = np.asarray(_resized(plain(image, shape.background).convert(MODES[shape.channels]), shape))
    return pixels[None] if shape.channels == 1 else pixels.transpose(2, 0, 1)


def shaped_array(pixels: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    """Return images in another shape; UInt8 "n c h w" -> UInt8 "n channels height width"."""
    images = np.empty((len(pixels), *shape.image_shape), dtype=np.uint8)
    for index, image in enumerate(pixels):
        images[index] = shaped(as_picture(image), shape)
    return images


def as_picture(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return one image as Pillow has it; UInt8 "c h w" with one channel or three."""
    return Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def _resized(image: Image.Image, shape: Shape) -> Image.Image:
    size = shape.width, shape.height
    if image.size == size:
        return image
    resampling = Image.Resampling[shape.interpolation.upper()]
    if shape.resize == "stretch":
        return image.resize(size, resampling)
    if shape.resize == "pad":
        return ImageOps.pad(image, size, resampling)
    return ImageOps.fit(image, size, resampling)
