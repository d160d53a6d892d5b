"""Exact mean and deviation of each channel: the same bits on every machine, whatever the order of the images."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from layercut.data.subset import Task
from layercut.errors import DataError

_SHADES = 256
_PIECE_IMAGES = 512


class ChannelStatistics(NamedTuple):
    """Of each channel, for pixels in 0..1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def training_statistics(task: Task) -> ChannelStatistics:
    """Return mean and standard deviation of the pixels of a task's training images, duplicates dropped.

    Validation images are among them; test images are not.

    Raises:
        DataError: a channel has one shade only.
    """
    counts = count_shades(task.dataset.train.images, task.train_index)
    shades = np.arange(_SHADES)
    means, deviations = [], []
    for channel, count in enumerate(counts):
        num, total, squares = (int((count * power).sum()) for power in (1, shades, shades**2))
        variance = num * squares - total**2  # of whole numbers: nothing is lost before the one division
        if not variance:
            raise DataError(f"all training images have the same value in channel {channel}, so its deviation is zero")
        means.append(total / (num * (_SHADES - 1)))
        deviations.append(sqrt(variance) / (num * (_SHADES - 1)))
    return ChannelStatistics(tuple(means), tuple(deviations))


def count_shades(images: NDArray[np.uint8], index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many pixels of some images have each shade: Int64 "channels 256"."""
    counts = np.zeros((images.shape[1], _SHADES), dtype=np.int64)
    for start in range(0, len(index), _PIECE_IMAGES):
        piece = images[index[start : start + _PIECE_IMAGES]]
        for channel in range(images.shape[1]):
            counts[channel] += np.bincount(piece[:, channel].ravel(), minlength=_SHADES)
    return counts
