"""How wrong held-out images are about an accuracy, from how many they are."""

from __future__ import annotations

import math

_FLATTERY = 0.4
"""Of the standard deviation of a share of so many images. Over the studies that are replayed, pooled accuracy in the
round that it liked best, less test accuracy, was by 0.5 of it higher for what was trained than for solved heads, with 0
to 1.5 in single studies."""


def share_variance(accuracy: float, num_images: float) -> float:
    """Return the variance of a share of so many images, which is never 0.

    Example:
        >>> round(share_variance(0.9, 100) ** 0.5, 3), round(share_variance(1.0, 100) ** 0.5, 3)
        (0.031, 0.01)
    """
    right = min(max((accuracy * num_images + 1) / (num_images + 2), 0.5), 1 - 1 / (num_images + 2))
    return right * (1 - right) / max(1, num_images)


def flattery(accuracy: float, num_images: float) -> float:
    """Return by how much held-out images flatter what was stopped where they liked it best, beside a solved head."""
    return _FLATTERY * math.sqrt(share_variance(accuracy, num_images))
