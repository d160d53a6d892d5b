"""Images as users pass them: arrays or tensors, treated alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layercut.errors import UserError


def given_bytes(images: NDArray[np.uint8] | Tensor) -> NDArray[np.uint8]:
    """Return images as an array, UInt8 "n channels height width", from an array or a tensor on any device.

    Raises:
        UserError: they are something else: what it was, and how to get there.

    Example:
        >>> given_bytes(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)).shape
        (2, 1, 8, 8)
    """
    array = _array_of(images)
    if array.dtype != np.uint8 or array.ndim != 4:
        raise UserError(
            f"expected images as uint8 (n, channels, height, width); got {array.dtype} {array.shape}{_advice(array)}"
        )
    return array


def given_pixels(images: NDArray[Any] | Tensor, device: torch.device) -> Tensor:
    """Return images on the scale of bytes, Float32 "n c h w" in 0..255, from bytes or from floats in 0..1.

    Raises:
        UserError: they are of another type, or floats far above 1.
    """
    if not isinstance(images, np.ndarray | Tensor):
        _array_of(images)  # refuses it
    values = (images if isinstance(images, Tensor) else torch.tensor(images)).to(device)
    if values.dtype == torch.uint8:
        return values.float()
    if not values.is_floating_point():
        raise UserError(f"expected images as uint8, or as floats in 0..1; got {values.dtype} {tuple(values.shape)}")
    if values.numel() and float(values.detach().amax()) > _MOST:
        raise UserError(
            f"expected floats in 0..1; got values up to {float(values.detach().amax()):g}: divide by 255, or pass uint8"
        )
    return values.float() * 255


_MOST = 1.5
"""A little above 1 is what smooth resizing leaves; bytes written as floats are far above."""


def _array_of(images: Any) -> NDArray[Any]:
    if isinstance(images, Tensor):
        return images.detach().cpu().numpy()
    if isinstance(images, np.ndarray):
        return images
    raise UserError(f"expected images as a NumPy array or a torch tensor; got a {type(images).__name__}")


def _advice(array: NDArray[Any]) -> str:
    if array.ndim == 3 and array.dtype == np.uint8:
        return "; one image is `images[None]`, images of one channel are `images[:, None]`"
    if array.dtype.kind == "f":
        return "; pixels are bytes in 0..255, such as `(255 * images).round()` as uint8"
    return ""
