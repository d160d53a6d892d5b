"""Pictures as files inside a page."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from layercut.charts.chart import Picture

_LARGE = 1024
"""Pixels from which a palette saves more than it takes."""


def data_url(picture: Picture) -> str:
    """Return a picture as a PNG in a `data:` address; no pixel is lost."""
    image = _few_colors(picture) or Image.frombytes("RGB", (picture.width, picture.height), picture.pixels)
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _few_colors(picture: Picture) -> Image.Image | None:
    """Return a large picture of at most 256 colours as numbers of a palette, a third of the size; None otherwise."""
    if picture.width * picture.height < _LARGE:
        return None
    pixels = np.frombuffer(picture.pixels, dtype=np.uint8).reshape(-1, 3)
    colors, numbers = np.unique(pixels, axis=0, return_inverse=True)
    if len(colors) > 256:
        return None
    image = Image.frombytes("P", (picture.width, picture.height), numbers.astype(np.uint8).tobytes())
    image.putpalette(colors.tobytes())
    return image
