"""Images replaced by noise in whole or in part, to ask what a source learned from images at all.

Each is a rule (pixels, seed, name of the split, rows) -> pixels. All of it is whole-number arithmetic on the raw
stream of PCG64, which NumPy never changes: a seed gives equal images on every machine. An image's noise depends on its
place in its split, not on the piece of the split it is made with.

Reference:
    "Transferability in DNN" (Bemmerl) trains on MNIST with all pixels noise, which is `noise`, and with structured
    noise, in which a tenth of the pixels are those of the class: `class_noise`. `structured_noise` is another thing.
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

CLASS_NOISE = "class_noise"
"""Name of the variant that needs the labels; all others are in `VARIANTS`."""

SHARED = 0.1
"""Share of the pixels that `class_noise` leaves to the class."""

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


def class_noise(
    pixels: NDArray[np.uint8], seed: int, split: str, rows: NDArray[np.int64], labels: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Replace every pixel by an independent one, but for the tenth of them that all images of a class share.

    Which pixels these are and what they show is drawn once a class, for both splits, so that noise can be learned: a
    linear model tells the classes apart. `labels`: Int64 "n", the dataset's classes, before any grouping.
    """
    made = noise(pixels, seed, split, rows).reshape(len(pixels), -1)
    size = made.shape[1]
    num_shared = round(SHARED * size)
    for label in np.unique(labels):
        drawn = _words(seed, "class noise", int(label), num=2 * size)
        places = np.argsort(drawn[:size], kind="stable")[:num_shared]
        shades = (drawn[size : size + num_shared] >> np.uint64(56)).astype(np.uint8)
        made[np.ix_(labels == label, places)] = shades
    return made.reshape(pixels.shape)


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
