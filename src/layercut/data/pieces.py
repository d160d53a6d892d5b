"""Images that need not fit in memory: produced a piece at a time, on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

PIECE_BYTES = 2**25
"""Pixels of one piece: what reading a dataset holds in memory, whatever its size."""


@dataclass(frozen=True, eq=False)
class LazyImages:
    """Images as an array UInt8 "n channels height width" of which rows are made when they are taken."""

    image_shape: tuple[int, int, int]
    """channels, height, width"""
    rows: NDArray[np.int64]
    """Int64 "n": which of the images that `make` knows."""
    make: Callable[[NDArray[np.int64]], NDArray[np.uint8]] = field(repr=False)
    """Int64 "m" of those -> UInt8 "m channels height width"."""
    dtype: np.dtype[np.uint8] = np.dtype(np.uint8)  # noqa: RUF009 - immutable
    ndim: int = 4

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Return the shape of all images together."""
        return (len(self.rows), *self.image_shape)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: slice) -> NDArray[np.uint8]:
        """Return some consecutive images, made now."""
        return self.make(self.rows[chosen])

    def select(self, chosen: NDArray[np.bool_] | slice) -> LazyImages:
        """Return some of the images, still unmade."""
        return LazyImages(self.image_shape, self.rows[chosen], self.make)


Images: TypeAlias = NDArray[np.uint8] | LazyImages
"""UInt8 "n channels height width", in memory, mapped into it, or made when taken."""


def select_images(images: Images, chosen: NDArray[np.bool_]) -> Images:
    """Return some images in their order, making none."""
    return images.select(chosen) if isinstance(images, LazyImages) else images[chosen]


def joined(first: Images, second: Images) -> LazyImages:
    """Return the images of both as one, those of the first in front; they have one shape."""
    count, (_, channels, height, width) = len(first), first.shape

    def make(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        images = np.empty((len(rows), channels, height, width), dtype=np.uint8)
        for part, chosen, offset in ((first, rows < count, 0), (second, rows >= count, count)):
            for place in np.flatnonzero(chosen):
                row = int(rows[place]) - offset
                images[place] = part[row : row + 1][0]
        return images

    return LazyImages((channels, height, width), np.arange(count + len(second)), make)


def in_pieces(images: Images, piece_bytes: int | None = None) -> Iterator[NDArray[np.uint8]]:
    """Yield all images in order, some at a time: as many as `piece_bytes` hold, but at least one."""
    size = max(1, (piece_bytes or PIECE_BYTES) // prod(images.shape[1:]))
    for start in range(0, len(images), size):
        yield np.ascontiguousarray(images[start : start + size])
