"""Test images that are near copies of training images: taken a second later, cropped, saved again, darkened.

Two images are near copies where their difference hashes differ in few bits, and their thumbnails are then seen to be
nearly proportional: a hash alone takes two empty skies for one.

Reference:
    N. Krawetz: "Kind of Like That" (2013): dHash, 8 x 8 signs of the differences between neighbours in a row of a
    grey thumbnail of 9 x 8. We differ in averaging over areas, and in the second look.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from layercut.data.subset import Task
from layercut.errors import few

MOST_BITS = 10
"""Of 64, in which the hashes of near copies may differ; of unrelated photographs about 32 do."""
LEAST_CORRELATION = 0.9
"""Of the thumbnails of near copies. Of the 37,485 pairs of a training and a test photograph of ants and bees none comes
nearer than 14 bits and a correlation of 0.78; a photograph saved anew, darker, or cut by 4 % differs in 4 bits at the
median."""
LEAST_SIDE = 32
"""Pixels; the thumbnails of smaller images are too alike."""
MOST_PAIRS = 2 * 10**9
"""Pairs of a training and a test image that are looked at, some seconds' work."""
_THUMBNAIL = 16
_PIECE_IMAGES = 256
_PIECE_PAIRS = 2**24


class NearCopy(NamedTuple):
    """A test image and the training image that it is nearly: positions in the dataset's splits."""

    test: int
    train: int


class _Sketches(NamedTuple):
    hashes: NDArray[np.uint64]
    """UInt64 "n"."""
    thumbnails: NDArray[np.float32]
    """Float32 "n 256", each of mean 0 and length 1; of length 0 where the image has one shade."""


def near_copies(task: Task) -> list[NearCopy]:
    """Return the test images of a task that are nearly one of its training images, each with the nearest.

    Equal images are no near copies: they are dropped from training. Nothing is returned where images are smaller than
    `LEAST_SIDE` or pairs are more than `MOST_PAIRS`.
    """
    trained_on = task.train_index[: len(task.train_index) - task.num_validation]
    num_pairs = len(trained_on) * len(task.test_index)
    if min(task.dataset.info().image_shape[1:]) < LEAST_SIDE or num_pairs > MOST_PAIRS:
        return []
    train = _sketches(task.dataset.train.images, trained_on)
    test = _sketches(task.dataset.test.images, task.test_index)
    return [NearCopy(int(task.test_index[one]), int(trained_on[other])) for one, other in _pairs(test, train)]


def near_copies_notes(label: str, task: Task, train: Sequence[Path], test: Sequence[Path]) -> tuple[str, ...]:
    """Say which test images of a task are near copies of its training images.

    `train` and `test` are the files of all images of its dataset, those of other classes too.
    """
    found = near_copies(task)
    if not found:
        return ()
    pairs = [f"{_named(test[copy.test])} and {_named(train[copy.train])}" for copy in found]
    what = (
        "image is a near copy of a training image" if len(found) == 1 else "images are near copies of training images"
    )
    return (
        f"{label}: {len(found):,} test {what}, which makes test accuracy look better than it is ({few(pairs, 3)}); "
        "remove them, or keep what belongs together in one `group`",
    )


def _named(path: Path) -> str:
    """Return a file with the two folders around it, which tell its split and its class."""
    return "/".join(path.parts[-3:])


def _pairs(test: _Sketches, train: _Sketches) -> Iterator[tuple[int, int]]:
    size = max(1, _PIECE_PAIRS // max(1, len(train.hashes)))
    for start in range(0, len(test.hashes), size):
        differing = np.bitwise_count(test.hashes[start : start + size, None] ^ train.hashes[None, :])
        rows, columns = np.nonzero(differing <= MOST_BITS)
        alike = np.einsum("ij,ij->i", test.thumbnails[start + rows], train.thumbnails[columns])
        best: dict[int, tuple[float, int]] = {}
        for row, column, value in zip(rows.tolist(), columns.tolist(), alike.tolist(), strict=True):
            if value >= LEAST_CORRELATION and value > best.get(row, (0.0, 0))[0]:
                best[row] = value, column
        for row, (_, column) in sorted(best.items()):
            yield start + row, column


def _sketches(images: NDArray[np.uint8], index: NDArray[np.int64]) -> _Sketches:
    hashes, thumbnails = [], []
    for start in range(0, len(index), _PIECE_IMAGES):
        grey = images[index[start : start + _PIECE_IMAGES]].mean(axis=1, dtype=np.float32)
        small = _shrunk(grey, 8, 9)
        signs = (small[:, :, 1:] > small[:, :, :-1]).reshape(len(small), 64)
        hashes.append(np.packbits(signs, axis=1).view(np.uint64)[:, 0])
        flat = _shrunk(grey, _THUMBNAIL, _THUMBNAIL).reshape(len(small), -1)
        flat -= flat.mean(axis=1, keepdims=True)
        length = np.linalg.norm(flat, axis=1, keepdims=True)
        thumbnails.append(np.divide(flat, length, out=np.zeros_like(flat), where=length > 1e-3))
    return _Sketches(np.concatenate(hashes), np.concatenate(thumbnails))


def _shrunk(grey: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Return means over areas: Float32 "n h w" -> "n height width"."""
    for axis, size in ((1, height), (2, width)):
        edges = np.linspace(0, grey.shape[axis], size + 1).round().astype(np.int64)
        lengths = np.diff(edges).astype(np.float32).reshape(-1, *[1] * (2 - axis))
        grey = (np.add.reduceat(grey, edges[:-1], axis=axis) / lengths).astype(np.float32, copy=False)
    return grey
