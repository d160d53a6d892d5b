"""Images of which only part is left: noise in their place, to ask what a source learned of images at all.

Each is a rule (pixels, seed, name of the split, rows) -> pixels. All of it is whole-number arithmetic on the raw
stream of PCG64, which NumPy never changes: a seed gives equal images on every machine. An image's noise depends on its
place in its split, not on the piece of the split it is made with.

Reference:
    Seed study 003 trains on MNIST with "all pixels noise" and with "structured noise" and describes neither further;
    what they are here is told below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from layercut.seeding import derive_seed

Variant: TypeAlias = Callable[[NDArray[np.uint8], int, str, NDArray[np.int64]], NDArray[np.uint8]]
"""Pixels UInt8 "n c h w", seed, split, rows Int64 "n" in the split -> UInt8 "n c h w"."""

SMOOTHINGS = 4
"""Passes of (1, 2, 1) over rows and columns: blobs of about three pixels, as wide as the strokes of MNIST."""


def noise(pixels: NDArray[np.uint8], seed: int, split: str, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Replace every pixel by an independent one, uniform in 0..255; labels stay and mean nothing."""
    size = prod(pixels.shape[1:])
    drawn = [_words(seed, "noise", split, int(row), num=-(-size // 8)).view(np.uint8)[:size] for row in rows]
    return np.stack(drawn).reshape(pixels.shape)


def structured_noise(pixels: NDArray[np.uint8], seed: int, split: str, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Move the pixels of each image so that they form smooth noise: its shades stay, its shapes do not.

    White noise is smoothed, and its k-th brightest pixel takes the k-th brightest shade of the image's channel: an
    image keeps the histogram of each channel, and neighbours stay alike.
    """
    height, width = pixels.shape[2:]
    result = np.empty_like(pixels)
    for image, row, out in zip(pixels, rows, result, strict=True):
        white = _words(seed, "structured noise", split, int(row), num=height * width) >> np.uint64(32)
        order = np.argsort(_smooth(white.astype(np.int64).reshape(height, width)).ravel(), kind="stable")
        for channel, target in zip(image, out, strict=True):
            target.ravel()[order] = np.sort(channel, axis=None)
    return result


def shuffled_pixels(pixels: NDArray[np.uint8], seed: int, split: str, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Move the pixels of all images, of both splits, by one permutation: content stays, neighbourhood does not."""
    num, channels, height, width = pixels.shape
    order = np.argsort(_words(seed, "shuffled pixels", num=height * width), kind="stable")
    return pixels.reshape(num, channels, -1)[:, :, order].reshape(pixels.shape)


VARIANTS: Mapping[str, Variant] = {
    "noise": noise,
    "structured_noise": structured_noise,
    "shuffled_pixels": shuffled_pixels,
}


def _smooth(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return binomially smoothed values, edges joined; those of 32 bits have 48 bits then."""
    for _ in range(SMOOTHINGS):
        for axis in (0, 1):
            values = np.roll(values, 1, axis) + 2 * values + np.roll(values, -1, axis)
    return values


def _words(seed: int, *names: str | int, num: int) -> NDArray[np.uint64]:
    """Return so many 64-bit words of the stream of these names."""
    words = np.random.PCG64(derive_seed(seed, *names)).random_raw(num)
    return np.asarray(words, dtype="<u8")
