"""Arrays of images as the pictures of a chart."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layercut.charts import Picture


def picture(image: NDArray[np.generic], caption: str = "", mark: Literal["", "right", "wrong"] = "") -> Picture:
    """Return an image as a picture.

    Args:
        image: uint8 "c h w" with 1 or 3 channels, or "h w"; of floats, the least becomes black and the greatest white.
        caption: printed below.
        mark: how it is framed.

    Raises:
        ValueError: another shape.
    """
    array = np.asarray(image)
    array = array[None] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[0] not in (1, 3):
        raise ValueError(f"expected an image of 1 or 3 channels, c h w; got the shape {np.shape(image)}")
    if array.dtype != np.uint8:
        array = _stretched(array.astype(np.float64))
    pixels = np.ascontiguousarray(np.broadcast_to(array, (3, *array.shape[1:])).transpose(1, 2, 0))
    return Picture(array.shape[2], array.shape[1], pixels.tobytes(), caption, mark)


def _stretched(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return np.rint(255 * scaled).astype(np.uint8)
