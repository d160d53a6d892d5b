"""Convert pictures of every kind to 8 bits of grey or colour: one table of rules.

| picture                                     | becomes                                                       |
|---------------------------------------------|---------------------------------------------------------------|
| black and white, grey                       | grey                                                          |
| palette                                     | the colours that its numbers stand for                        |
| YCbCr, HSV, CMYK                            | colour, by Pillow's formulas; colour profiles are not applied |
| transparent, wholly or partly, in any mode  | laid over the background: what is hidden does not count       |
| 16 bits                                     | the higher 8 of them                                          |
| several frames or pages                     | the first                                                     |
| whole numbers of 32 bits, decimals, CIE Lab | refused: black and white are not defined                      |
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from layercut.errors import DataError
from layercut.spec.shape import Color

_TO_RGB = ("P", "YCbCr", "HSV", "CMYK", "RGBX")
_WIDE = ("I;16", "I;16B", "I;16L", "I;16N")
_MOST_16_BITS = 65535


def plain(image: Image.Image, background: Color) -> Image.Image:
    """Return a picture in Pillow's mode `L` or `RGB`, as the table of this module says.

    Raises:
        DataError: it is of a kind without a rule.
    """
    if image.mode in _WIDE or (image.mode == "I" and image.format == "PPM"):
        image = _higher_bits(image)
    if image.has_transparency_data:
        return _flattened(image, background)
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in _TO_RGB:
        return image.convert("RGB")
    raise DataError(
        f"expected 8 or 16 bits per channel, in grey or colour, got Pillow's mode {image.mode}; "
        "convert it to 8 bits first"
    )


def _higher_bits(image: Image.Image) -> Image.Image:
    """Return grey of 16 bits as grey of 8; one shade of it may be declared transparent."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > _MOST_16_BITS:
        raise DataError(f"expected 16 bits, got values in {values.min()}..{values.max()}; convert it to 8 bits first")
    grey = Image.fromarray((values >> 8).astype(np.uint8))
    clear = image.info.get("transparency")
    if clear is not None:
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey


def _flattened(image: Image.Image, background: Color) -> Image.Image:
    clear = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(clear, tuple) and max(clear) > 255:  # of 16 bits, as the pixels were
        image = image.copy()
        image.info["transparency"] = tuple(value >> 8 for value in clear)
    opaque = _UNMULTIPLIED.get(image.mode, _as_it_is)(image).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, (*background, 255)), opaque).convert("RGB")


def _as_it_is(image: Image.Image) -> Image.Image:
    return image


_UNMULTIPLIED: dict[str, Callable[[Image.Image], Image.Image]] = {"La": lambda image: image.convert("LA")}
"""Modes that Pillow converts to RGBA in two steps only."""
