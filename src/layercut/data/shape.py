"""Giving images a size and a number of channels, by a policy that the study file declares.

Pillow's resampling works on whole numbers: equal images give equal pixels on every machine.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from pydantic import BeforeValidator, Field

from layercut.spec.base import StrictSpec

MODES = {1: "L", 3: "RGB"}
"""Pillow's names. To grey: ITU-R 601 luma, (299 R + 587 G + 114 B) / 1000; to colour: grey three times."""


def _square(value: Any) -> Any:
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


def _today(value: Any) -> Any:
    return "crop" if value == "shorter_side_and_center_crop" else value


Length = Annotated[int, Field(ge=1)]
ImageSize = Annotated[tuple[Length, Length] | None, BeforeValidator(_square)]
Resize: TypeAlias = Annotated[Literal["crop", "stretch", "pad"], BeforeValidator(_today)]
Interpolation: TypeAlias = Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]

RESIZE_HELP = (
    "How images get `image_size`: `crop` scales until the shorter side fits and cuts the rest off around the centre, "
    "`stretch` changes the proportions, `pad` scales until the longer side fits and fills up with black."
)
INTERPOLATION_HELP = "Between pixels; with antialiasing where images shrink."


class ShapeOptions(StrictSpec):
    """What images become: keys of every dataset."""

    image_size: ImageSize = Field(
        default=None, description="Height and width in pixels, or one number for both; absent: as they are."
    )
    channels: Literal[1, 3] | None = Field(
        default=None,
        description="3: colour (grey is repeated), 1: grey (ITU-R 601 luma of colour); absent: as they are.",
    )
    resize: Resize = Field(default="crop", description=RESIZE_HELP)
    interpolation: Interpolation = Field(default="bilinear", description=INTERPOLATION_HELP)


class Shape(NamedTuple):
    """What each image becomes."""

    channels: Literal[1, 3]
    height: int
    width: int
    resize: Resize = "crop"
    interpolation: Interpolation = "bilinear"

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return channels, height, width."""
        return self.channels, self.height, self.width


def shaped(image: Image.Image, shape: Shape) -> NDArray[np.uint8]:
    """Return an 8-bit image in another shape: UInt8 "channels height width"."""
    pixels = np.asarray(_resized(image.convert(MODES[shape.channels]), shape))
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
