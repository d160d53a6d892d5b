"""Confidence interval of a proportion of images."""

from __future__ import annotations

import math

_Z = 1.959963984540054
"""Of a two-sided 95 % interval."""


def share_interval(share: float, num_images: float) -> tuple[float, float]:
    """Return the 95 % interval of a share of `num_images` images, each right or wrong, in 0..1.

    Example:
        >>> low, high = share_interval(0.9, 10)
        >>> print(f"{low:.3f} to {high:.3f}")
        0.596 to 0.982

    Raises:
        ValueError: fewer than one image, or no share.

    Reference:
        Wilson 1927, Probable inference, the law of succession, and statistical inference, J. Am. Stat. Assoc. 22.
    """
    if num_images < 1 or not 0 <= share <= 1:
        raise ValueError(f"expected a share in 0..1 of 1 image or more; got {share!r} of {num_images!r}")
    squared = _Z**2 / num_images
    middle = (share + squared / 2) / (1 + squared)
    half = _Z / (1 + squared) * math.sqrt(share * (1 - share) / num_images + squared / (4 * num_images))
    return middle - half, middle + half
